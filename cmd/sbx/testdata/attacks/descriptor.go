package main

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// leaked are the descriptors above 2 that were inherited. Go's own are marked
// close-on-exec; inherited ones are not.
func leaked() []int {
	var fds []int
	for fd := 3; fd < 1024; fd++ {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err == nil && flags&unix.FD_CLOEXEC == 0 {
			fds = append(fds, fd)
		}
	}
	return fds
}

// inherited looks whether a file can be reached from a descriptor.
func inherited(args []string) {
	for _, fd := range leaked() {
		for _, path := range args {
			if file, err := unix.Openat(fd, path, unix.O_RDONLY, 0); err == nil {
				broke("%s is below descriptor %d: %d", path, fd, file)
			}
		}
		broke("descriptor %d was inherited", fd)
	}
	held("none was inherited")
}

// inheritedWrite writes to what was inherited.
func inheritedWrite([]string) {
	for _, fd := range leaked() {
		_, _ = unix.Pwrite(fd, []byte("OWNED"), 0)
	}
	tried("wrote to %v", leaked())
}

// inheritedSend speaks to who is at the other end.
func inheritedSend([]string) {
	for _, fd := range leaked() {
		if _, err := unix.Write(fd, []byte("OWNED")); err == nil {
			broke("descriptor %d took it", fd)
		}
	}
	held("nobody listens")
}

// cwd looks whether the working directory, or one above it, is the host's.
func cwd(args []string) {
	for up := "./"; len(up) < 40; up += "../" {
		for _, path := range args {
			if b, err := head(up + path); err == nil && len(b) > 0 {
				dir, err := os.Getwd()
				broke("%s%s is there, from %q (%v)", up, path, dir, err)
			}
		}
	}
	held("no way up from the working directory")
}

// exeWrite looks for programs that run and whose file could be overwritten when
// they end (CVE-2019-5736): the one that made the sandbox above all.
func exeWrite(args []string) {
	var last error
	for _, pid := range targets(args) {
		f, err := os.Open(fmt.Sprintf("/proc/%d/exe", pid))
		if err != nil {
			last = err
			continue
		}
		again := fmt.Sprintf("/proc/self/fd/%d", f.Fd())
		w, err := os.OpenFile(again, os.O_WRONLY, 0)
		if err == nil {
			w.Close()
		}
		if err == nil || err.(*os.PathError).Err == syscall.ETXTBSY {
			broke("the program of %d is writable: %v", pid, err)
		}
		last = err
	}
	held("%v", last)
}
