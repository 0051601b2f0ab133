package terminal

import (
	"io"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// Input reads the caller's terminal, which it waits for while another job has it. A plain
// read(2) from the background stops the whole process (SIGTTIN), although the program that
// the input is for may never read it.
type Input struct {
	File *os.File
	// Foreground is called when the terminal has come back from another job: a shell's fg
	// sends no SIGCONT to a job that runs. Nil is nothing.
	Foreground func()

	behind bool // another job had the terminal
}

// backgroundPoll is how often a job in the background asks for the terminal: nothing
// reports that it got it.
const backgroundPoll = 100 * time.Millisecond

func (i *Input) Read(b []byte) (int, error) {
	fd := int(i.File.Fd())
	for len(b) > 0 {
		if inBackground(fd) {
			i.behind = true
			time.Sleep(backgroundPoll)
			continue
		}
		if i.behind && i.Foreground != nil {
			i.Foreground()
		}
		i.behind = false
		n, err := readUnstopped(fd, b)
		switch {
		case err == unix.EINTR, err == unix.EIO && inBackground(fd):
		case err == unix.EAGAIN:
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1) // the next read says what is wrong
		case err == unix.EIO:
			return 0, io.EOF // the terminal was hung up
		case err != nil:
			return 0, &os.PathError{Op: "read", Path: i.File.Name(), Err: err}
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
	return 0, nil
}

// inBackground tells whether another job of the session has the terminal. Without job
// control, as on a terminal of another session, nothing stops a read.
func inBackground(fd int) bool {
	group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	return err == nil && group != unix.Getpgrp()
}

// readUnstopped is read(2) on a thread that blocks SIGTTIN, for which a read from the
// background is EIO (job_control in drivers/tty/n_tty.c). Ignoring the signal would do the
// same, but the command would inherit that.
func readUnstopped(fd int, b []byte) (int, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var blocked, before unix.Sigset_t
	blocked.Val[0] = 1 << (unix.SIGTTIN - 1)
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &blocked, &before); err != nil {
		return 0, err
	}
	defer func() { _ = unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil) }() // it cannot fail
	return unix.Read(fd, b)
}
