package userns

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/userns/child"
)

// An early child has copies of the descriptors that there were when it was begun. The
// command's standard streams may have been made since: they are sent to it over the socket
// of the reports (SCM_RIGHTS, unix(7)), and it receives them in the step Stdio.

// newStreams tells whether the command's streams are others than the three that every
// process has.
func (in Input) newStreams() bool {
	for i, f := range []*os.File{in.Stdin, in.Stdout, in.Stderr} {
		if f == nil || f.Fd() != uintptr(i) {
			return true
		}
	}
	return false
}

// canHand tells whether what is received comes to lie above the standard streams: where one
// of them is closed, the kernel would put it there.
func canHand() bool {
	for fd := range uintptr(3) {
		if _, err := unix.FcntlInt(fd, unix.F_GETFD, 0); err != nil {
			return false
		}
	}
	return true
}

// handStreams sends the streams to the child.
func (in Input) handStreams(e *ends) error {
	a := assembler{std: [3]*os.File{in.Stdin, in.Stdout, in.Stderr}, ends: e}
	std, err := a.standard()
	if err != nil {
		return err
	}
	rights := unix.UnixRights(int(std[0]), int(std[1]), int(std[2]))
	return unix.Sendmsg(e.reports[0], []byte{0}, rights, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
}

// receivedStreams is what recvmsg fills in, as one object: the header's pointers point within it.
type receivedStreams struct {
	header  unix.Msghdr
	iov     unix.Iovec
	control struct {
		unix.Cmsghdr
		fds [4]uint32 // three, and the padding
	}
	index byte
}

// receive has the child take the streams.
func (a *assembler) receive() {
	m := &receivedStreams{}
	a.prog.pinned.Pin(m)
	a.prog.received = m
	m.iov.Base = &m.index
	m.iov.SetLen(1)
	m.header.Iov = &m.iov
	m.header.SetIovlen(1)
	m.header.Control = (*byte)(unsafe.Pointer(&m.control))
	m.header.SetControllen(int(unsafe.Sizeof(m.control)))
	for i := range m.control.fds {
		m.control.fds[i] = ^uint32(0) // one that did not come is no descriptor
	}
	a.syscall(unix.SYS_RECVMSG, num(a.prog.Reports), operand{value: uintptr(unsafe.Pointer(&m.header))}, num(unix.MSG_CMSG_CLOEXEC))
	for i, name := range [3]FD{"received input", "received output", "received error"} {
		load := a.add(child.Load)
		load.Word = &m.control.fds[i]
		a.keep(load, name)
		a.syscall(unix.SYS_DUP3, a.fd(name), num(i), num(0))
	}
}
