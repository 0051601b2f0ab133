package main

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// taps are the pipes that a command writes to. One goroutine reads all of them, in the
// order in which there is something in them, which epoll(7) keeps: with a goroutine for
// each, an error would as likely as not come before the line that led to it.
type taps struct {
	theirs []*os.File // the command's ends, until it has them
	to     map[int]io.Writer
	epoll  *os.File
	done   chan struct{}
}

// openTaps makes a pipe for each of the writers.
func openTaps(to ...io.Writer) (t *taps, err error) {
	t = &taps{to: map[int]io.Writer{}, done: make(chan struct{})}
	defer func() {
		if err != nil {
			t.handedOver()
			t.closeOurs()
		}
	}()
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err == nil {
		err = unix.SetNonblock(epoll, true) // so that Go's own epoll waits for this one
		t.epoll = os.NewFile(uintptr(epoll), "epoll")
	}
	for _, w := range to {
		var p [2]int
		if err == nil {
			err = unix.Pipe2(p[:], unix.O_CLOEXEC)
		}
		if err != nil {
			return nil, os.NewSyscallError("pipe", err)
		}
		t.to[p[0]], t.theirs = w, append(t.theirs, os.NewFile(uintptr(p[1]), "pipe"))
		if err = unix.SetNonblock(p[0], true); err == nil {
			err = unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, p[0], &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(p[0])})
		}
	}
	if err != nil {
		return nil, os.NewSyscallError("epoll", err)
	}
	go t.read()
	return t, nil
}

// handedOver lets go of the command's ends.
func (t *taps) handedOver() {
	for _, f := range t.theirs {
		f.Close()
	}
	t.theirs = nil
}

func (t *taps) closeOurs() {
	for fd := range t.to {
		unix.Close(fd)
	}
	if t.epoll != nil {
		t.epoll.Close()
	}
}

// drain waits until all that was written is read. Who wrote has ended.
func (t *taps) drain() {
	t.handedOver()
	<-t.done
}

func (t *taps) read() {
	defer close(t.done)
	defer t.closeOurs()
	raw, err := t.epoll.SyscallConn()
	if err != nil {
		return // it is open
	}
	b := make([]byte, 64<<10) // what a pipe has room for
	events := make([]unix.EpollEvent, len(t.to))
	for len(t.to) > 0 {
		n, waited := 0, error(nil)
		err := raw.Read(func(fd uintptr) bool {
			n, waited = unix.EpollWait(int(fd), events, 0)
			return n != 0
		})
		if err != nil || n < 0 && waited != unix.EINTR {
			return
		}
		for _, e := range events[:max(n, 0)] {
			t.take(int(e.Fd), b)
		}
	}
}

// take takes what is in one of the pipes, and at its end the pipe away.
func (t *taps) take(fd int, b []byte) {
	n, err := unix.Read(fd, b)
	switch {
	case n > 0:
		_, _ = t.to[fd].Write(b[:n]) // outlets have no error
	case err == unix.EAGAIN || err == unix.EINTR:
	default:
		unix.Close(fd)
		delete(t.to, fd)
	}
}
