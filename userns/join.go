package userns

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Join enters namespaces of the process that Of, a pidfd, stands for. A process
// with several threads, as every Go program is, may not enter a user namespace;
// the child has one. What follows has every capability there, so a
// DieWithSupervisor must come later: the change of credentials clears it.
type Join struct {
	Of         FD
	Namespaces Namespaces
}

func (s Join) String() string { return fmt.Sprintf("join %s of the %s", s.Namespaces, s.Of) }

func (s Join) lower(a *assembler) { a.syscall(unix.SYS_SETNS, a.fd(s.Of), num(s.Namespaces)) }

// Unshare makes namespaces for this process and those it forks.
type Unshare struct{ Namespaces Namespaces }

func (s Unshare) String() string { return "new namespaces " + s.Namespaces.String() }

func (s Unshare) lower(a *assembler) { a.syscall(unix.SYS_UNSHARE, num(s.Namespaces)) }

// Pass has the program inherit a descriptor, under a number that its arguments
// can name. It comes after CloseOnExec.
type Pass struct {
	FD     FD
	Number int
}

func (s Pass) String() string { return fmt.Sprintf("pass the %s as descriptor %d", s.FD, s.Number) }

func (s Pass) lower(a *assembler) { a.syscall(unix.SYS_DUP3, a.fd(s.FD), num(s.Number), num(0)) }
