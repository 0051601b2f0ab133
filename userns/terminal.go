package userns

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/userns/child"
)

// terminal names the slave of the terminal that NewTerminal made.
const terminal FD = "terminal"

// NewTerminal makes a terminal in the devpts that is mounted at /dev/pts, so
// that its name is right inside. The master goes to the supervisor by a Send;
// the slave stays for TakeTerminal and TerminalStdio.
type NewTerminal struct {
	Rows, Columns uint16
	UID           uint32 // who owns the slave
	Master        FD
}

func (s NewTerminal) String() string {
	return fmt.Sprintf("new terminal, %d rows of %d columns", s.Rows, s.Columns)
}

func (s NewTerminal) lower(a *assembler) {
	const open = unix.O_RDWR | unix.O_NOCTTY | unix.O_CLOEXEC
	unlock, _ := a.words(0)
	size := a.bytes(8)
	a.keep(a.syscall(unix.SYS_OPENAT, cwd(), a.str("/dev/pts/ptmx"), num(open), num(0)), s.Master)
	a.syscall(unix.SYS_IOCTL, a.fd(s.Master), num(unix.TIOCSPTLCK), unlock)
	a.keep(a.syscall(unix.SYS_IOCTL, a.fd(s.Master), num(unix.TIOCGPTPEER), num(open)), terminal)
	size[0], size[1] = byte(s.Rows), byte(s.Rows>>8)
	size[2], size[3] = byte(s.Columns), byte(s.Columns>>8)
	a.syscall(unix.SYS_IOCTL, a.fd(terminal), num(unix.TIOCSWINSZ), a.at(size))
	a.syscall(unix.SYS_FCHOWN, a.fd(terminal), num(s.UID), num(^uint32(0)))
}

// TakeTerminal makes the new terminal the controlling one of the session that
// the process leads.
type TakeTerminal struct{}

func (TakeTerminal) String() string { return "take the terminal" }

func (TakeTerminal) lower(a *assembler) {
	a.syscall(unix.SYS_IOCTL, a.fd(terminal), num(unix.TIOCSCTTY), num(0))
}

// TerminalStdio makes the terminal the standard input, output and error, and
// the process's group its foreground group.
type TerminalStdio struct{}

func (TerminalStdio) String() string {
	return "terminal as standard input, output and error, in the foreground"
}

func (TerminalStdio) lower(a *assembler) {
	pid := FD("pid")
	at, b := a.words(0)
	a.keep(a.syscall(unix.SYS_GETPID), pid)
	store := a.add(child.Store)
	store.Args[0], store.Word = a.fd(pid).value, word32(b)
	a.syscall(unix.SYS_IOCTL, a.fd(terminal), num(unix.TIOCSPGRP), at)
	for i := range 3 {
		a.syscall(unix.SYS_DUP3, a.fd(terminal), num(i), num(0))
	}
}
