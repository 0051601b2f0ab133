package userns

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/userns/child"
)

// A Resident is a child that stays where its first steps brought it, such as another
// mount namespace, and carries out more steps each time it is told to. To be there already
// is what it is for: a new child takes ten times as long. It ends with the supervisor,
// which holds the pipe that the child waits at.
type Resident struct {
	c              *spawned
	plan           Plan
	limit          time.Duration
	rest           int // how many more times it can be told: its programs are kept until it ends
	leash, reports int
}

// residentTimes bounds what a Resident keeps in memory, to a few megabytes.
const residentTimes = 64

// Stay makes a child that carries out the steps of the plan and waits. Limit is how long
// these, and those of each Do, may take.
func (p Plan) Stay(in Input) (*Resident, error) {
	p.Steps = append([]Step{letGo{}}, append(p.Steps, acknowledge{})...)
	c, err := spawn(p, in, true)
	if err != nil {
		return nil, err
	}
	// The child has its own copies. Ours would keep it from seeing our end, and us its.
	e := c.ends
	ours := *e
	shut(&ours.leash[0], &ours.reports[1], &ours.status[0], &ours.status[1])
	r := &Resident{c: c, plan: p, limit: in.Limit, rest: residentTimes, leash: e.leash[1], reports: e.reports[0]}
	if err := r.await(); err != nil {
		r.End()
		return nil, err
	}
	return r, nil
}

// Do has the child carry out more steps. After an error it is to be ended.
func (r *Resident) Do(in Input, steps ...Step) error {
	from := len(r.plan.Steps)
	r.plan.Steps = append(append(r.plan.Steps, steps...), acknowledge{})
	r.rest--
	last := r.c.last()
	next, err := r.plan.lowerRest(in, r.c, from, true)
	if err != nil {
		return err
	}
	last.next, last.Next = next, next.Program
	if _, err := unix.Write(r.leash, []byte{1}); err != nil {
		return os.NewSyscallError("write", err)
	}
	return r.await()
}

// Spent tells that the child can be told nothing more, and is to be ended: of how many
// descriptors it may name others is bounded too.
func (r *Resident) Spent() bool { return r.rest <= 0 || len(r.c.last().cells) > spareRegisters/2 }

// await waits until the child has done what it was told.
func (r *Resident) await() error {
	var b [child.ReportSize]byte
	for {
		if r.limit > 0 && !comes(r.reports, r.limit) {
			return fmt.Errorf("the child did not go on: %w", os.ErrDeadlineExceeded)
		}
		n, err := unix.Read(r.reports, b[:])
		switch {
		case err == unix.EINTR:
		case err != nil:
			return os.NewSyscallError("read", err)
		case n == tiedSize:
			return nil
		case n == child.ReportSize:
			return stepError(r.plan, b[:])
		default:
			return fmt.Errorf("the child was killed")
		}
	}
}

// End ends the child.
func (r *Resident) End() {
	shut(&r.leash)
	_ = unix.Kill(r.c.pid, unix.SIGKILL) // it is not collected yet, so it is there
	for {
		if _, err := unix.Wait4(r.c.pid, nil, 0, nil); err != unix.EINTR {
			break
		}
	}
	pidfd := int(r.c.prog.Pidfd)
	shut(&r.reports, &pidfd)
	r.c.free()
}

// letGo closes the supervisor's end of the pipe in the child, which otherwise would keep
// its own end from coming.
type letGo struct{}

func (letGo) String() string { return "close the supervisor's end" }

func (letGo) lower(a *assembler) { a.syscall(unix.SYS_CLOSE, num(a.given[leashHeld])) }

// acknowledge tells the supervisor that the steps before it are done.
type acknowledge struct{}

func (acknowledge) String() string { return "acknowledge" }

func (acknowledge) lower(a *assembler) {
	a.syscall(unix.SYS_WRITE, num(a.prog.Reports), a.at(a.bytes(tiedSize)), num(tiedSize))
}
