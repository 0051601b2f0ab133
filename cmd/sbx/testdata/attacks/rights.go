package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// status gives a field of a process's status.
func status(pid, field string) string {
	b, err := os.ReadFile("/proc/" + pid + "/status")
	must(err)
	for _, line := range strings.Split(string(b), "\n") {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	wrong("no %s in the status", field)
	return ""
}

// capabilities looks for any in the sets named, beyond those allowed (hex).
func capabilities(args []string) {
	allowed, err := strconv.ParseUint(args[0], 16, 64)
	must(err)
	for _, set := range args[1:] {
		got, err := strconv.ParseUint(status("self", set), 16, 64)
		must(err)
		if got&^allowed != 0 {
			broke("%s has %x more", set, got&^allowed)
		}
	}
	held("none in %v", args[1:])
}

func noNewPrivs([]string) {
	_ = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0)
	if status("self", "NoNewPrivs") != "1" {
		broke("privileges can be gained")
	}
	held("no new privileges, for good")
}

// setns joins the namespaces of processes that are somebody else's.
func setns(args []string) {
	runtime.LockOSThread()
	var last error
	for _, pid := range targets(args) {
		for _, name := range []string{"user", "mnt", "net", "pid", "ipc", "uts", "cgroup", "time"} {
			fd, err := unix.Open(fmt.Sprintf("/proc/%d/ns/%s", pid, name), unix.O_RDONLY, 0)
			if err != nil {
				last = err
				continue
			}
			if last = unix.Setns(fd, 0); last == nil {
				broke("in the %s namespace of %d", name, pid)
			}
			unix.Close(fd)
		}
		if fd, err := unix.PidfdOpen(pid, 0); err == nil {
			if last = unix.Setns(fd, unix.CLONE_NEWNS); last == nil {
				broke("in the mounts of %d", pid)
			}
		}
	}
	held("%v", last)
}

// setgroups drops groups, by which a file may be closed to their members.
func setgroups([]string) {
	judge("setgroups", unix.Setgroups([]int{}))
}

// setuidGain runs setuid programs, which wait for an answer, and looks who they
// are meanwhile.
func setuidGain(programs []string) {
	ran := 0
	for _, program := range programs {
		info, err := os.Stat(program)
		if err != nil || info.Mode()&os.ModeSetuid == 0 {
			continue
		}
		before := strings.Fields(status("self", "Uid"))
		cmd := exec.Command(program)
		stdin, err := cmd.StdinPipe()
		must(err)
		if cmd.Start() != nil {
			continue
		}
		ran++
		for range 20 {
			after := strings.Fields(status(strconv.Itoa(cmd.Process.Pid), "Uid"))
			if after[1] != before[1] {
				_ = cmd.Process.Kill()
				broke("%s runs as %s", program, after[1])
			}
			time.Sleep(2 * time.Millisecond)
		}
		stdin.Close()
		_ = cmd.Process.Kill() // it may have ended, or be somebody else
	}
	held("%d setuid programs, and none changed its user", ran)
}

// fileCaps gives a copy of this program all capabilities, and runs it.
func fileCaps(args []string) {
	self, err := os.ReadFile("/proc/self/exe")
	must(err)
	must(os.WriteFile(args[0], self, 0o755))
	leave := func() { _ = os.Remove(args[0]) }
	// Revision 2, effective, CAP_SYS_ADMIN: see capability.h.
	value := []byte{1, 0, 0, 2, 0, 0, 0x20, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	if err := unix.Setxattr(args[0], "security.capability", value, 0); err != nil {
		leave()
		held("%v", err)
	}
	out, err := exec.Command(args[0], "show-caps").CombinedOutput()
	leave()
	if err != nil {
		held("it does not run: %v", err)
	}
	got, err := strconv.ParseUint(strings.TrimSpace(string(bytes.TrimPrefix(out, []byte("CapEff ")))), 16, 64)
	must(err)
	if got&(1<<unix.CAP_SYS_ADMIN) != 0 {
		broke("it has %x", got)
	}
	held("it has %x", got)
}

func showCaps([]string) {
	fmt.Println("CapEff", status("self", "CapEff"))
	os.Exit(0)
}

// unshareUser, cloneUser and clone3User are the three ways to a user namespace.
func unshareUser([]string) {
	// Only a single-threaded process may unshare its users; the kernel looks
	// at that after the filter and before the permission, so ask in a child.
	out, err := exec.Command("unshare", "--user", "true").CombinedOutput()
	if err == nil {
		broke("unshare made one")
	}
	if !bytes.Contains(out, []byte("not permitted")) {
		wrong("%v: %s", err, out)
	}
	held("%s", bytes.TrimSpace(out))
}

func cloneUser([]string) {
	cmd := exec.Command("/proc/self/exe", "show-caps")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER}
	judge("clone", cmd.Run())
}

func clone3User([]string) {
	args := struct{ flags, pidfd, childTid, parentTid, exitSignal, stack, stackSize, tls, setTid, setTidSize, cgroup uint64 }{
		flags: unix.CLONE_NEWUSER, exitSignal: uint64(syscall.SIGCHLD)}
	pid, _, e := syscall.RawSyscall(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&args)), unsafe.Sizeof(args), 0)
	if e == 0 && pid == 0 {
		syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 0, 0, 0)
	}
	judge("clone3", errnoOf(e))
}
