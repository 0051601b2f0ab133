package userns

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/userns/child"
)

// CloseMemory closes the memory of the process, and its links in /proc, to all but the
// host's root. What it begins with is a copy of the supervisor, and beside untrusted
// code the same user and capabilities are enough to read that and to write it
// (ptrace(2)). It outlasts changes of credentials, where fs.suid_dumpable is not 1, and
// ends with the execve.
type CloseMemory struct{}

func (CloseMemory) String() string { return "close its memory to others" }

func (CloseMemory) lower(a *assembler) {
	a.syscall(unix.SYS_PRCTL, num(unix.PR_SET_DUMPABLE), num(0), num(0), num(0), num(0))
}

// Close closes a descriptor that is no longer needed.
type Close struct{ FD FD }

func (s Close) String() string { return fmt.Sprintf("close the %s", s.FD) }

func (s Close) lower(a *assembler) { a.syscall(unix.SYS_CLOSE, a.fd(s.FD)) }

// OpenPlace opens a path as a place to look up others from (O_PATH).
type OpenPlace struct {
	Path string
	As   FD
}

func (s OpenPlace) String() string { return "open " + s.Path }

func (s OpenPlace) lower(a *assembler) {
	a.keep(a.syscall(unix.SYS_OPENAT, cwd(), a.str(s.Path), num(unix.O_PATH|unix.O_CLOEXEC), num(0)), s.As)
}

// OpenFile opens a file to read it, and waits for nothing where it is a pipe or a device.
// No link of /proc leads to it.
type OpenFile struct {
	Path string
	As   FD
}

func (s OpenFile) String() string { return "open " + s.Path + " to read it" }

func (s OpenFile) lower(a *assembler) {
	how := a.longs(unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0, unix.RESOLVE_NO_MAGICLINKS)
	a.keep(a.syscall(unix.SYS_OPENAT2, cwd(), a.str(s.Path), how, num(24)), s.As)
}

// ForkInto has a new process go on, which is in the pid namespace that was joined: who
// joins one is not in it himself (setns(2)). The one that forked waits, and ends as
// that does. When it is ended so is the other.
type ForkInto struct{}

func (ForkInto) String() string { return "go on within the pid namespace" }

func (ForkInto) lower(a *assembler) {
	inner := FD("process within")
	fork := len(a.prog.Calls)
	a.keep(a.add(child.Fork), inner)
	a.syscall(unix.SYS_PRCTL, num(unix.PR_SET_PDEATHSIG), num(unix.SIGKILL))
	step := a.step
	a.branches = append(a.branches, func() {
		a.step = step
		a.prog.Calls[fork].Args[0] = uintptr(len(a.prog.Calls))
		a.add(child.Collect).Args[0] = a.fd(inner).value
	})
}

// SignalAll sends a signal to every process of the pid namespace but its first and this
// one. The kernel does it in one piece: nothing can be forked meanwhile (kill(2)).
type SignalAll struct{ Signal unix.Signal }

func (s SignalAll) String() string { return "send all processes " + unix.SignalName(s.Signal) }

func (s SignalAll) lower(a *assembler) {
	a.syscall(unix.SYS_KILL, num(-1), num(int(s.Signal))).Also[0] = uint16(unix.ESRCH) // there is none
}

// DieWithInit ties the command to its sbx-init, where that is in another pid namespace,
// whose end the kernel does not make the command's. Like DieWithSupervisor it leaves a
// gap, which AwaitSupervisor closes: the answer says that sbx-init lives too, and from
// then on its death is a signal.
type DieWithInit struct{}

func (DieWithInit) String() string { return "die with " + initName }

func (DieWithInit) lower(a *assembler) {
	a.syscall(unix.SYS_PRCTL, num(unix.PR_SET_PDEATHSIG), num(unix.SIGKILL))
	a.syscall(unix.SYS_WRITE, num(a.prog.Reports), a.at(a.bytes(tiedSize)), num(tiedSize))
}

// CloseOthers closes every descriptor that the plan has no use for: those of the process
// that enters are nothing that should be near what is inside, not for the moment
// either that an execve takes to close them. It comes before what opens others. Streams says
// that standard input, output and error are among them: a child that executes no program has
// none, and would keep a pipe open that others wait for the end of.
type CloseOthers struct{ Streams bool }

func (CloseOthers) String() string { return "close what is not needed" }

func (s CloseOthers) lower(a *assembler) {
	needed, std := []uintptr{uintptr(a.prog.Reports)}, a.std[:]
	if s.Streams {
		std = nil
	} else {
		needed = append(needed, 0, 1, 2)
	}
	for _, fd := range a.given {
		needed = append(needed, fd)
	}
	for _, f := range std {
		if f == nil {
			null, err := a.ends.devNull()
			if err != nil {
				a.fail("%v", err)
				return
			}
			f = null
		}
		needed = append(needed, f.Fd())
	}
	slices.Sort(needed)
	next := uintptr(0)
	for _, fd := range append(needed, 1<<32) {
		if fd > next {
			a.syscall(unix.SYS_CLOSE_RANGE, num(next), num(fd-1), num(0))
		}
		next = fd + 1
	}
}
