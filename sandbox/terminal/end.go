package terminal

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// TypeEnd types the end of file at a terminal, by its master, until that is closed. A
// terminal has no end that lasts: the character counts for one read, and becomes an
// ordinary NUL when a program such as readline turns line editing off before it reads
// (n_tty_set_termios in drivers/tty/n_tty.c). So it is typed each time that the programs
// have read all, and none is left to wait. A last line that is unfinished is finished
// first, for a program that edits it: there the character deletes what is under the cursor.
func TypeEnd(master *os.File, unfinished bool) {
	var before queue
	for wait := firstLook; ; wait = min(2*wait, longestLook) {
		now, err := lookAt(master)
		if err != nil {
			return
		}
		if now.read && now == before { // no program is about to change the mode
			key := now.end
			if unfinished && !now.lines {
				key, unfinished = '\r', false
			}
			if _, err := master.Write([]byte{key}); err != nil {
				return
			}
			now = queue{}
		}
		before = now
		time.Sleep(wait)
	}
}

const (
	firstLook   = time.Millisecond
	longestLook = 100 * time.Millisecond
)

// endOfFile is Control-D.
const endOfFile = 4

// A queue is what a terminal's programs have yet to read.
type queue struct {
	read  bool // all of it was
	lines bool // it is given to them by lines
	end   byte // that the terminal takes for the end of file
}

func lookAt(master *os.File) (q queue, err error) {
	conn, err := master.SyscallConn()
	if err != nil {
		return q, err
	}
	failed := conn.Control(func(fd uintptr) {
		var modes *unix.Termios
		if modes, err = unix.IoctlGetTermios(int(fd), unix.TCGETS); err != nil {
			return
		}
		q.lines, q.end = modes.Lflag&unix.ICANON != 0, modes.Cc[unix.VEOF]
		if q.end == 0 { // none
			q.end = endOfFile
		}
		q.read = allRead(int(fd))
	})
	if err == nil {
		err = failed
	}
	return q, err
}

// allRead asks the other side. A command that keeps everybody from opening it (TIOCEXCL)
// has no end typed.
func allRead(master int) bool {
	peer, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(master), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC)
	if errno != 0 {
		return false
	}
	defer unix.Close(int(peer))
	set := []unix.PollFd{{Fd: int32(peer), Events: unix.POLLIN}}
	n, err := unix.Poll(set, 0)
	return err == nil && n == 0
}
