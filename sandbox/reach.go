package sandbox

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/procs"
	"github.com/sbxrun/sbx/userns"
)

// Reach gives a pidfd of the sandbox's first process, and its root, by which the
// sandbox's files are found from outside. Both are the caller's to close.
func (c *Cmd) Reach() (first, root *os.File, err error) {
	if first, err = c.process.Handle(); err != nil {
		return nil, nil, err
	}
	if root, err = procs.Root(c.PID()); err == nil {
		// It was this process whose root it is only if it has not ended.
		if err = unix.PidfdSendSignal(int(first.Fd()), 0, nil, 0); err == nil {
			return first, root, nil
		}
		root.Close()
	}
	first.Close()
	if err == unix.ESRCH {
		err = os.ErrProcessDone
	}
	return nil, nil, err
}

// SignalAll sends a signal to all processes of the sandbox at once. None of them can fork
// one that does not get it: who has a signal to take forks nobody (copy_process of
// kernel/fork.c). sbx-init is no concern of a signal's. Where the command is the first
// process in its place, it is not reached from within, and comes first: held, it begins
// no other.
func (c *Cmd) SignalAll(sig syscall.Signal) error {
	if c.Spec.NoInit {
		if err := c.Signal(sig); err != nil {
			return err
		}
	}
	first, err := c.process.Handle()
	if err != nil {
		return err
	}
	defer first.Close()
	return KillAll(first, sig)
}

// Processes are those of the sandbox, with their arguments or without.
func (c *Cmd) Processes(commands bool) ([]procs.Process, error) {
	dir, err := procs.Open(c.PID())
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.All(commands)
}

const (
	firstFD userns.FD = "sandbox"
	rootFD  userns.FD = "root of the sandbox"

	// RootNumber is where a program that Beside plans has the sandbox's root.
	RootNumber = 3
)

// besideCaps are for giving files any of the sandbox's owners, and for reading what is
// theirs.
var besideCaps = []string{"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID"}

// Beside is the plan of a program of the caller's that works on a sandbox's files. It is
// in the sandbox's user namespace and in none of its others: what runs in the sandbox has
// no name for it, and nothing that it executes, loads or looks up by itself is the
// sandbox's (CVE-2019-14271).
func Beside(program string, args []string) (userns.Plan, error) {
	caps, err := capabilities(besideCaps)
	return userns.Plan{Steps: []userns.Step{
		userns.Join{Of: firstFD, Namespaces: userns.User},
		userns.DieWithSupervisor{}, userns.NewSession{}, userns.NoNewPrivs{}, userns.Umask{Mask: 0},
		userns.DropBounding{Keep: caps}, userns.SetCaps{Permitted: caps, Effective: caps, Ambient: caps},
		userns.Stdio{}, userns.CloseOnExec{}, userns.Pass{FD: rootFD, Number: RootNumber}, userns.RestoreSignals{}, userns.AwaitSupervisor{},
		userns.Exec{Paths: []string{program}, Argv: append([]string{program}, args...), Env: []string{"GOMAXPROCS=2"}},
	}}, err
}

// StartBeside starts that beside the sandbox with that first process and root, which stay
// the caller's.
func StartBeside(first, root *os.File, program string, args []string, in userns.Input) (*userns.Process, error) {
	plan, err := Beside(program, args)
	if err != nil {
		return nil, err
	}
	in.Files = map[userns.FD]*os.File{firstFD: first, rootFD: root}
	return plan.Start(in)
}
