package main

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// terminals are the descriptors by which the caller's terminal may be had.
func terminals() []uintptr {
	fds := []uintptr{0, 1, 2}
	if fd, err := unix.Open("/dev/tty", unix.O_RDWR, 0); err == nil {
		fds = append(fds, uintptr(fd))
	}
	return fds
}

// tiocsti types a line, which whoever reads next takes for the user's. The
// argument is or-ed to the request: the kernel looks at 32 bits of it, a filter
// may look at 64.
func tiocsti(args []string) {
	high, err := strconv.ParseUint(args[0], 0, 64)
	must(err)
	var last syscall.Errno
	for _, fd := range terminals() {
		// The terminal becomes ours, if nobody else's session has it.
		_, _, _ = syscall.Syscall(syscall.SYS_IOCTL, fd, unix.TIOCSCTTY, 1)
		for _, b := range []byte("echo INJECTED\n") {
			_, _, last = syscall.Syscall(syscall.SYS_IOCTL, fd, unix.TIOCSTI|uintptr(high), uintptr(unsafe.Pointer(&b)))
			if last != 0 {
				break
			}
		}
	}
	tried("%v", last)
}

// tioclinux pastes, on a virtual console. What answers that it is none listens.
func tioclinux([]string) {
	code := byte(3)
	_, _, e := syscall.Syscall(syscall.SYS_IOCTL, 0, unix.TIOCLINUX, uintptr(unsafe.Pointer(&code)))
	judge("TIOCLINUX", errnoOf(e))
}

// tiocsetd gives the terminal another line discipline, or the one that it has. What
// answers that it has not that one has looked for its module.
func tiocsetd([]string) {
	var last error
	for _, fd := range terminals() {
		for _, discipline := range []int32{0, 1, 3, 13, 21} { // tty, slip, ppp, hdlc, gsm0710
			_, _, e := syscall.Syscall(syscall.SYS_IOCTL, fd, unix.TIOCSETD, uintptr(unsafe.Pointer(&discipline)))
			if last = errnoOf(e); !refused(last) {
				broke("TIOCSETD %d of descriptor %d was reached: %v", discipline, fd, last)
			}
		}
	}
	held("%v", last)
}

// ttyOpen writes to the caller's terminal by its name.
func ttyOpen(paths []string) {
	var last error
	for _, path := range append(paths, "/dev/tty", "/dev/console") {
		fd, err := unix.Open(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
		if err == nil {
			_, err = unix.Write(fd, []byte("OWNED"))
		}
		last = err
	}
	tried("%v", last)
}

// ttySteal takes the terminal's foreground away.
func ttySteal([]string) {
	var last error
	for _, fd := range terminals() {
		last = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPGRP, os.Getpid())
	}
	tried("%v", last)
}

// ttyQuery prints what a terminal answers to, as if the user typed it: by a
// descriptor, whole or a byte at a time.
func ttyQuery(args []string) {
	text, err := strconv.Unquote(`"` + args[1] + `"`)
	must(err)
	fd, err := strconv.Atoi(args[0])
	must(err)
	step := len(text)
	if len(args) > 2 {
		step = 1
	}
	for len(text) > 0 {
		if _, err = unix.Write(fd, []byte(text[:step])); err != nil {
			break
		}
		text = text[step:]
		time.Sleep(time.Millisecond)
	}
	fmt.Println() // the terminal may have answered on this line
	tried("asked: %v", err)
}

// ttyRaw leaves the terminal without echo.
func ttyRaw([]string) {
	for _, fd := range terminals() {
		t, err := unix.IoctlGetTermios(int(fd), unix.TCGETS)
		if err != nil {
			continue
		}
		t.Lflag &^= unix.ECHO | unix.ICANON | unix.ISIG
		_ = unix.IoctlSetTermios(int(fd), unix.TCSETS, t)
	}
	tried("left raw")
}
