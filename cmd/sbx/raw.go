package main

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// rawTerminal is the caller's terminal while a command uses its own.
type rawTerminal struct {
	raw   sync.Mutex    // guards outer
	outer *unix.Termios // what the caller's terminal was before it was raw, or nil
}

// enter makes the caller's terminal raw, when it is ours to change: from the
// background the kernel would stop us for it (SIGTTOU). Raw is all of it, output
// too: the command's own terminal has put in the carriage returns.
func (r *rawTerminal) enter() {
	r.raw.Lock()
	defer r.raw.Unlock()
	if r.outer != nil || !inForeground(os.Stdin) {
		return
	}
	t, err := unix.IoctlGetTermios(int(os.Stdin.Fd()), unix.TCGETS)
	if err != nil {
		return // --tty without one: bytes are carried as they are
	}
	before := *t
	t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	t.Oflag &^= unix.OPOST
	t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	t.Cflag = t.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	if unix.IoctlSetTermios(int(os.Stdin.Fd()), unix.TCSETSW, t) == nil {
		r.outer = &before
	}
}

// leave gives the caller's terminal back as it was.
func (r *rawTerminal) leave() {
	r.raw.Lock()
	defer r.raw.Unlock()
	if r.outer != nil {
		_ = unix.IoctlSetTermios(int(os.Stdin.Fd()), unix.TCSETSW, r.outer) // nothing more can be done about it
		r.outer = nil
	}
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

func inForeground(f *os.File) bool {
	group, err := unix.IoctlGetInt(int(f.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}
