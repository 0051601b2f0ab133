package userns

import (
	"fmt"
	"os"
	"reflect"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"
)

// Early is a child that was begun before all of its plan was known. The kernel
// takes as long to make namespaces as sbx to read its flags and look at the
// host, and another processor can do it meanwhile; and so it can what comes first
// in nearly every plan. The child waits behind these steps, and goes on when the
// plan is there and begins with the same steps. A plan is data, so that is a
// comparison. Where it does not, the child is ended and another one begins with
// the whole plan.
//
// The child has copies of the descriptors that there were when it was begun.
type Early struct {
	first Plan
	child *child
	owed  *unix.CPUSet // the processors that were taken from it
}

// Begin begins a child with the first steps of a plan, of which one must be
// DieWithSupervisor. The rest is to be run by the same process; End ends a child
// that is not used.
func Begin(first Plan) (*Early, error) {
	c, err := spawnChild(first, Input{}, true)
	if err != nil {
		return nil, err
	}
	return &Early{first, c, pushOff(c.pid)}, nil
}

// Open has the child carry out more steps, up to those of opening, which begins
// with what it was begun with.
func (e *Early) Open(opening Plan) error {
	if !e.begins(opening) {
		return fmt.Errorf("a plan that does not begin with what was begun")
	}
	if err := e.give(opening, Input{}, true); err != nil {
		return err
	}
	e.first = opening
	return nil
}

// begins tells whether a plan begins with what the child has done.
func (e *Early) begins(p Plan) bool {
	n := len(e.first.Steps)
	return p.Namespaces == e.first.Namespaces && len(p.Steps) > n && reflect.DeepEqual(p.Steps[:n], e.first.Steps)
}

// give lowers the steps that the child has not been given yet, and lets it go on.
func (e *Early) give(p Plan, in Input, more bool) error {
	last := e.child.last()
	next, err := p.lower(in, e, len(e.first.Steps), more)
	if err != nil {
		return err
	}
	e.owed = nil
	last.next = next
	return e.child.ends.release()
}

// fits tells whether the child can go on with a plan: it has done what the plan
// begins with, and has the descriptors that the rest needs.
func (e *Early) fits(p Plan, in Input) bool {
	if len(in.Files) > 0 || !e.begins(p) {
		return false
	}
	for _, f := range []*os.File{in.Stdin, in.Stdout, in.Stderr} {
		if (f == nil || f.Fd() > 2) && slices.Contains(p.Steps, Step(Stdio{})) {
			return false
		}
	}
	return e.child.lives()
}

// goOn gives the child the rest of its plan, if it fits. Otherwise it is ended.
// What went wrong with it goes wrong again, and is told of then.
func (in Input) goOn(p Plan) *child {
	e := in.Early
	if e == nil || e.child == nil {
		return nil
	}
	if c := e.child; e.fits(p, in) && e.give(p, in, false) == nil {
		e.child = nil
		return c
	}
	e.End()
	return nil
}

// End ends a child that was not used.
func (e *Early) End() {
	if e == nil || e.child == nil {
		return
	}
	c := e.child
	e.child = nil
	_ = unix.Kill(c.pid, unix.SIGKILL) // it is not collected yet, so it is there
	for {
		if _, err := unix.Wait4(c.pid, nil, 0, nil); err != unix.EINTR {
			break
		}
	}
	c.free()
	pidfd := int(c.pidfd)
	shut(&pidfd)
	c.ends.close()
}

// child is a process that runs a program in this one's memory.
type child struct {
	prog  *program
	ends  *ends
	pid   int
	pidfd int32
}

// spawnChild lowers a plan and has a child run it. One that is more to come
// waits for the rest behind it.
func spawnChild(p Plan, in Input, more bool) (*child, error) {
	e, err := newEnds()
	if err != nil {
		return nil, err
	}
	c := &child{ends: e}
	if c.prog, err = p.lowerAll(in, e, more); err != nil {
		e.close()
		return nil, err
	}
	pid, errno := begin(uint64(p.Namespaces&atClone), &c.pidfd, c.prog)
	if errno != 0 {
		c.free()
		e.close()
		return nil, &CloneError{p.Namespaces, errno}
	}
	runtime.KeepAlive(in)
	c.pid = int(pid)
	return c, nil
}

// atClone are the namespaces that a process must be born in. The child makes the
// others itself: it takes the kernel long, and the supervisor need not wait.
const atClone = User | PID

// last is the program with the end of the plan.
func (c *child) last() *program {
	p := c.prog
	for p.next != nil {
		p = p.next
	}
	return p
}

// lives tells whether the child has not ended.
func (c *child) lives() bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, c.pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	return err == nil && info.Signo == 0
}

// free lets go of the memory that the child shares. It must have executed a
// program by then, or have ended.
func (c *child) free() {
	for p := c.prog; p != nil; p = p.next {
		p.pinned.Unpin()
	}
	runtime.KeepAlive(c.prog)
}
