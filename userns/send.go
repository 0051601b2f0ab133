package userns

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/userns/child"
)

// Send hands a descriptor that a step opened to the supervisor, over the socket
// of the reports (SCM_RIGHTS, unix(7)). What is made in the sandbox's
// namespaces keeps belonging to them, so the supervisor can work in there from
// outside. The child's own is closed.
type Send struct {
	FD FD
	// Await has the child wait until the supervisor has made use of it: what must
	// not run without that comes behind.
	Await bool
}

func (s Send) String() string {
	if s.Await {
		return fmt.Sprintf("hand the %s to the supervisor, and wait for it", s.FD)
	}
	return fmt.Sprintf("hand the %s to the supervisor", s.FD)
}

// message is what sendmsg wants, as one object: the header's pointers point
// within it.
type message struct {
	header  unix.Msghdr
	iov     unix.Iovec
	control struct {
		unix.Cmsghdr
		fd uint32
		_  uint32
	}
	index byte
}

func (s Send) lower(a *assembler) {
	m := &message{index: byte(len(a.prog.sent))}
	a.prog.sent = append(a.prog.sent, s)
	a.prog.pinned.Pin(m)
	a.prog.messages = append(a.prog.messages, m)

	m.iov.Base = &m.index
	m.iov.SetLen(1)
	m.header.Iov = &m.iov
	m.header.SetIovlen(1)
	m.header.Control = (*byte)(unsafe.Pointer(&m.control))
	m.header.SetControllen(int(unsafe.Sizeof(m.control)))
	m.control.Level, m.control.Type = unix.SOL_SOCKET, unix.SCM_RIGHTS
	m.control.SetLen(unix.CmsgLen(4))

	store := a.add(child.Store)
	store.Args[0], store.Word = a.fd(s.FD).value, &m.control.fd
	a.syscall(unix.SYS_SENDMSG, num(a.prog.Reports), operand{value: uintptr(unsafe.Pointer(&m.header))}, num(unix.MSG_NOSIGNAL))
	a.syscall(unix.SYS_CLOSE, a.fd(s.FD))
	if s.Await {
		a.add(child.Await).Args[0] = a.given[leash]
	}
}

// word32 is the 32-bit number in the first bytes of b, which bytes aligned.
func word32(b []byte) *uint32 { return (*uint32)(unsafe.Pointer(&b[0])) }
