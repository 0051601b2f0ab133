package sandbox

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// appImageHint tells how to run an AppImage whose command failed: it mounts itself by FUSE, with
// a setuid program, which no sandbox gives.
func (s Spec) appImageHint() string {
	p := s.OCI.Process
	if s.View != HostView || len(p.Args) == 0 || lookupEnv(p.Env, "APPIMAGE_EXTRACT_AND_RUN") != "" ||
		slices.ContainsFunc(p.Args, func(arg string) bool { return strings.HasPrefix(arg, "--appimage-") }) {
		return ""
	}
	for _, at := range search(p.Args[0], p.Env) {
		if !path.IsAbs(at) {
			at = path.Join(cmp.Or(p.Cwd, s.Project), at)
		}
		if isAppImage(at) {
			return "an AppImage cannot mount itself in a sandbox: add --appimage-extract-and-run behind its name"
		}
	}
	return ""
}

// isAppImage tells whether a file is an ELF program with the mark of an AppImage. It may be the
// command's, so nothing is opened that is no regular file.
func isAppImage(at string) bool {
	fd, err := unix.Open(at, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return false
	}
	file, err := unix.Open("/proc/self/fd/"+strconv.Itoa(fd), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(file)
	var head [11]byte
	n, err := unix.Pread(file, head[:], 0)
	return err == nil && n == len(head) && string(head[:4]) == "\x7fELF" && string(head[8:10]) == "AI" && (head[10] == 1 || head[10] == 2)
}
