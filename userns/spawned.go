package userns

import (
	"runtime"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/userns/child"
)

// spawned is a child that runs a program in this process's memory.
type spawned struct {
	prog *program
	ends *ends
	pid  int
}

// spawn lowers a plan and has a child run it. One that is more to come waits for
// the rest behind it.
func spawn(p Plan, in Input, more bool) (*spawned, error) {
	e, err := newEnds()
	if err != nil {
		return nil, err
	}
	c := &spawned{ends: e}
	if c.prog, err = p.lowerAll(in, e, more); err != nil {
		e.close()
		return nil, err
	}
	c.prog.Copy, c.prog.Cgroup = p.ownMemory(), p.birthplace(in)
	syscall.ForkLock.Lock()
	pid, errno := child.Spawn(uintptr(p.Namespaces&atClone), c.prog.Program)
	syscall.ForkLock.Unlock()
	if errno != 0 {
		c.free()
		e.close()
		return nil, &CloneError{p.Namespaces, c.prog.Cgroup > 0, syscall.Errno(errno)}
	}
	runtime.KeepAlive(in)
	c.pid = int(pid)
	return c, nil
}

// atClone are the namespaces that a process must be born in. The child makes the
// others itself: it takes the kernel long, and the supervisor need not wait.
const atClone = User | PID

// collectTime is how long the first process has to collect what it forked into another
// pid namespace, when not all went well: see endAll.
const collectTime = 100 * time.Millisecond

func (p Plan) forksOutside() bool {
	return slices.ContainsFunc(p.Steps, func(s Step) bool {
		fork, ok := s.(Fork)
		return ok && fork.Outside
	})
}

// last is the program with the end of the plan.
func (c *spawned) last() *program {
	p := c.prog
	for p.next != nil {
		p = p.next
	}
	return p
}

// lives tells whether the child has not ended.
func (c *spawned) lives() bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, c.pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	return err == nil && info.Signo == 0
}

// free lets go of the memory that the child shares. It must have executed a
// program by then, or have ended.
func (c *spawned) free() {
	for p := c.prog; p != nil; p = p.next {
		p.pinned.Unpin()
	}
	runtime.KeepAlive(c.prog)
}
