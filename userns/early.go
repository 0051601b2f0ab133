package userns

import (
	"fmt"
	"reflect"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/userns/child"
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
	begun *spawned
}

// Begin begins a child with the first steps of a plan, of which one must be
// DieWithSupervisor. The rest is to be run by the same process; End ends a child
// that is not used.
func Begin(first Plan) (*Early, error) {
	c, err := spawn(first, Input{}, true)
	if err != nil {
		return nil, err
	}
	pushOff(c.pid)
	return &Early{first, c}, nil
}

// Begun is a child that something else has begun, by package child alone. Its
// program does what Begin would have it do for the plan that the child is given
// to Adopt with.
type Begun struct {
	Program *child.Program
	PID     int
	// Leash, Reports and Status are the pipes and the socket pair between the
	// supervisor and the child, as pipe(2) and socketpair(2) return them.
	Leash, Reports, Status [2]int
}

// Adopt makes an Early of a child that was begun elsewhere.
func Adopt(b Begun, first Plan) *Early {
	c := &spawned{pid: b.PID, prog: &program{Program: b.Program}, ends: &ends{b.Leash, b.Reports, b.Status, nil}}
	return &Early{first, c}
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
	last := e.begun.last()
	in.handed = !more && in.newStreams() && slices.Contains(p.Steps, Step(Stdio{}))
	next, err := p.lowerRest(in, e.begun, len(e.first.Steps), more)
	if err != nil {
		return err
	}
	if in.handed {
		if err := in.handStreams(e.begun.ends); err != nil {
			return err
		}
	}
	last.next, last.Next = next, next.Program
	return e.begun.ends.release()
}

// fits tells whether the child can go on with a plan: it has done what the plan
// begins with, has the descriptors that the rest needs, and may share memory.
func (e *Early) fits(p Plan, in Input) bool {
	if len(in.Files) > 0 || p.birthplace(in) > 0 || p.ownMemory() || !e.begins(p) {
		return false
	}
	if in.newStreams() && slices.Contains(p.Steps, Step(Stdio{})) && !canHand() {
		return false
	}
	return e.begun.lives()
}

// goOn gives the child the rest of its plan, if it fits. Otherwise it is ended.
// What went wrong with it goes wrong again, and is told of then.
func (in Input) goOn(p Plan) *spawned {
	e := in.Early
	if e == nil || e.begun == nil {
		return nil
	}
	if c := e.begun; e.fits(p, in) && e.give(p, in, false) == nil {
		e.begun = nil
		return c
	}
	e.End()
	return nil
}

// End ends a child that was not used.
func (e *Early) End() {
	if e == nil || e.begun == nil {
		return
	}
	c := e.begun
	e.begun = nil
	_ = unix.Kill(c.pid, unix.SIGKILL) // it is not collected yet, so it is there
	for {
		if _, err := unix.Wait4(c.pid, nil, 0, nil); err != unix.EINTR {
			break
		}
	}
	c.free()
	pidfd := int(c.prog.Pidfd)
	shut(&pidfd)
	c.ends.close()
}
