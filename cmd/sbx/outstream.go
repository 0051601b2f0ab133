package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// outStream gives the stream that a flag's FILE names, or none where it is a path of a file. It
// is - or a descriptor that the caller opened, as the shell does for >(COMMAND). A stream is
// the caller's: what is written has no place of its own, and closing it closes a copy.
func outStream(flag, path string) (*os.File, error) {
	fd := -1
	switch path {
	case "-", "/dev/stdout":
		fd = 1
	case "/dev/stderr":
		fd = 2
	}
	for _, dir := range []string{"/dev/fd/", "/proc/self/fd/"} {
		if number, ok := strings.CutPrefix(path, dir); ok {
			n, err := strconv.ParseUint(number, 10, 31)
			if err != nil {
				return nil, fmt.Errorf("%s %s: no number of a file descriptor", flag, path)
			}
			fd = int(n)
		}
	}
	if fd < 0 {
		return nil, nil
	}
	// sbx's own descriptors are closed by exec, and what came through exec is not.
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	if err != nil || fd > 2 && flags&unix.FD_CLOEXEC != 0 {
		return nil, hinted{fmt.Errorf("%s %s: descriptor %d is not open", flag, path, fd), "open it in the shell, as by " + strconv.Itoa(fd) + ">FILE; - is standard output"}
	}
	how, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil || how&unix.O_ACCMODE == unix.O_RDONLY {
		return nil, hinted{fmt.Errorf("%s %s: descriptor %d is not open for writing", flag, path, fd), "- is standard output"}
	}
	copied, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", flag, path, err)
	}
	return os.NewFile(uintptr(copied), path), nil
}

// isStream tells whether a flag's FILE names a stream of the caller's, which a sandbox that is
// detached outlives.
func isStream(path string) bool {
	return path == "-" || path == "/dev/stdout" || path == "/dev/stderr" || strings.HasPrefix(path, "/dev/fd/") || strings.HasPrefix(path, "/proc/self/fd/")
}
