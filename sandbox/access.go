package sandbox

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/opencontainers/selinux/go-selinux"
	"golang.org/x/sys/unix"
)

// An access is what SELinux is asked of an open file at exec.
type access struct{ object, class, permission string }

// checkStreams refuses a standard stream that SELinux would take from the command.
// The kernel puts /dev/null in its place at exec and says nothing: all would look
// well, and the output be gone.
func (s Spec) checkStreams(look func(*os.File) access, may func(process string, a access) bool, streams ...*os.File) error {
	label := s.OCI.Process.SelinuxLabel
	if label == "" {
		return nil
	}
	for i, f := range streams {
		if f == nil {
			continue
		}
		if a := look(f); a.object != "" && !may(label, a) {
			name := []string{"standard input", "standard output", "standard error"}[i]
			return hinted(fmt.Errorf("%s has the SELinux label %s, which the sandbox may not use: what passes there would be lost", name, a.object),
				"give it a terminal (-t), a file of the type container_file_t, or --security-opt label=disable")
		}
	}
	return nil
}

// streamAccess looks at a stream. Where there is nothing to ask the access is empty.
func streamAccess(f *os.File) access {
	var st unix.Stat_t
	label := make([]byte, 1024)
	fd := int(f.Fd())
	n, err := unix.Fgetxattr(fd, "security.selinux", label)
	if err != nil || unix.Fstat(fd, &st) != nil {
		return access{}
	}
	class := map[uint32]string{unix.S_IFIFO: "fifo_file", unix.S_IFREG: "file", unix.S_IFCHR: "chr_file"}[st.Mode&unix.S_IFMT]
	if class == "" {
		return access{}
	}
	permission := "read"
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err == nil && flags&unix.O_ACCMODE != unix.O_RDONLY {
		if permission = "write"; flags&unix.O_APPEND != 0 {
			permission = "append"
		}
	}
	return access{string(bytes.TrimRight(label[:n], "\x00")), class, permission}
}

const selinuxFS = "/sys/fs/selinux/"

// policyAllows asks the policy. Where it does not answer it is taken to allow: what
// it denies is denied all the same.
func policyAllows(process string, a access) bool {
	index, err := selinux.ClassIndex(a.class)
	if err != nil {
		return true
	}
	number, err := os.ReadFile(selinuxFS + "class/" + a.class + "/perms/" + a.permission)
	if err != nil {
		return true
	}
	bit, err := strconv.Atoi(strings.TrimSpace(string(number)))
	if err != nil {
		return true
	}
	f, err := os.OpenFile(selinuxFS+"access", os.O_RDWR, 0)
	if err != nil {
		return true
	}
	defer f.Close()
	if _, err := fmt.Fprintf(f, "%s %s %d", process, a.object, index); err != nil {
		return true
	}
	answer := make([]byte, 256)
	n, err := f.Read(answer)
	return err != nil || granted(string(answer[:n]), bit)
}

// granted reads an answer of /sys/fs/selinux/access: what is allowed, what is
// decided, two sets for the audit, a sequence number, and flags, of which the
// lowest says that the process is of a permissive type. Permissions count from 1.
func granted(answer string, bit int) bool {
	words := strings.Fields(answer)
	if len(words) < 6 || bit < 1 || bit > 32 {
		return true
	}
	allowed, err := strconv.ParseUint(words[0], 16, 32)
	flags, flagsErr := strconv.ParseUint(words[5], 16, 32)
	return err != nil || flagsErr != nil || allowed&(1<<(bit-1)) != 0 || flags&1 != 0
}
