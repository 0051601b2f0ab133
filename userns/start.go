package userns

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/userns/child"
)

// Input is what a plan needs from the process that starts it.
type Input struct {
	// Stdin, Stdout and Stderr are the command's. Nil is /dev/null.
	Stdin, Stdout, Stderr *os.File
	// Files are descriptors that steps use by name.
	Files map[FD]*os.File
	// Early is a child that was begun with the first steps of this plan. It is
	// ended when they are not.
	Early *Early
	// Lasting is called once, when the child has been running for LastingAfter. It
	// is for what a short command should not have to pay.
	Lasting      func()
	LastingAfter time.Duration
	// Urgent is a descriptor that has Lasting called at once when it can be read, or 0.
	Urgent int
	// Limit is how long the child may take from one report to the next, where others can
	// stop it. Zero is for ever.
	Limit time.Duration
	// Receive is called for each descriptor that a Send step hands over, while
	// the child goes on. The file is the callee's. An error ends the child.
	Receive func(name FD, f *os.File, p *Process) error
	// Stopped is called, from another goroutine, each time the command stops
	// (SIGTSTP and its like) while PID 1 is a reaper.
	Stopped func(sig syscall.Signal)
	// Held are signals that are kept from when on the child executes its program.
	Held *HeldSignals

	handed bool // the streams are sent to the child: see handStreams
}

// CloneError says that the kernel made no child.
type CloneError struct {
	Namespaces Namespaces
	// Cgroup says that it was to be born in one.
	Cgroup bool
	Err    syscall.Errno
}

func (e *CloneError) Error() string {
	into := ""
	if e.Cgroup {
		into = "into a cgroup, "
	}
	return fmt.Sprintf("clone %swith new namespaces %s: %v", into, e.Namespaces, e.Err)
}

func (e *CloneError) Unwrap() error { return e.Err }

// StepError says which step failed and how. Nothing of the child is left.
type StepError struct {
	Step  Step
	Index int // in Plan.Steps
	Err   syscall.Errno
	// NoLoader says of an Exec that the program is there, and its loader or the
	// interpreter that its first line names is not.
	NoLoader bool
}

func (e *StepError) Error() string { return fmt.Sprintf("%s: %v", e.Step, e.Err) }

func (e *StepError) Unwrap() error { return e.Err }

// MapError says that newuidmap or newgidmap did not write the maps.
type MapError struct{ Err error }

func (e *MapError) Error() string { return e.Err.Error() }

func (e *MapError) Unwrap() error { return e.Err }

// Start makes the child and returns when it has replaced itself by the program
// of the plan's last step, or when a step failed. The errors are CloneError,
// StepError, MapError, those of Input.Receive, and those of pipes and memory.
//
// The child dies with this process. It would also die with the thread that
// cloned it (PR_SET_PDEATHSIG counts threads, go.dev/issue/27505), so one
// goroutine clones and keeps its thread until the child has ended.
func (p Plan) Start(in Input) (*Process, error) {
	started := make(chan error, 1)
	proc := newProcess(in)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := proc.launch(p)
		started <- err
		if err == nil {
			proc.reap()
		}
		close(proc.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return proc, nil
}

// Run is Start and Wait in one, on the thread of the caller, which has to wait
// anyway. It saves the changes of threads, a tenth of what a short command
// takes. Started, if not nil, is called in between. The thread must last: the
// caller's goroutine may be locked to it, but none that is may end while the
// child runs, since that ends the thread and so the child.
func (p Plan) Run(in Input, started func(*Process)) (syscall.WaitStatus, error) {
	proc := newProcess(in)
	if err := proc.launch(p); err != nil {
		return 0, err
	}
	if started != nil {
		started(proc)
	}
	proc.reap()
	close(proc.done)
	return proc.result, proc.err
}

func newProcess(in Input) *Process {
	return &Process{in: in, done: make(chan struct{}), pidfd: -1, kill: unix.SIGKILL}
}

// ends are the descriptors between supervisor and child.
type ends struct {
	leash   [2]int // read by the child
	reports [2]int // supervisor's, child's
	status  [2]int // read by the supervisor
	null    *os.File
}

func newEnds() (*ends, error) {
	e := &ends{[2]int{-1, -1}, [2]int{-1, -1}, [2]int{-1, -1}, nil}
	err := unix.Pipe2(e.leash[:], unix.O_CLOEXEC)
	if err == nil {
		err = unix.Pipe2(e.status[:], unix.O_CLOEXEC|unix.O_NONBLOCK)
	}
	if err == nil {
		e.reports, err = unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	}
	if err != nil {
		e.close()
		return nil, fmt.Errorf("pipes to the child: %w", err)
	}
	return e, nil
}

func (e *ends) close() {
	shut(&e.leash[0], &e.leash[1], &e.reports[0], &e.reports[1], &e.status[0], &e.status[1])
	if e.null != nil {
		e.null.Close()
	}
}

// devNull is what a standard stream is that nobody gave.
func (e *ends) devNull() (*os.File, error) {
	var err error
	if e.null == nil {
		e.null, err = os.OpenFile(os.DevNull, os.O_RDWR, 0)
	}
	return e.null, err
}

// release lets the child go on. One that has ended meanwhile says why itself.
func (e *ends) release() error {
	if _, err := unix.Write(e.leash[1], []byte{1}); err != nil && err != unix.EPIPE {
		return fmt.Errorf("release the child: %w", err)
	}
	return nil
}

// shut closes descriptors once.
func shut(fds ...*int) {
	for _, fd := range fds {
		if *fd >= 0 {
			unix.Close(*fd)
			*fd = -1
		}
	}
}

// lowerAll makes the program of a child's whole life, or, when more is to come,
// that of its first part.
func (p Plan) lowerAll(in Input, e *ends, more bool) (*program, error) {
	a := newAssembler(in, e)
	a.step = child.NoStep
	if own := p.Namespaces &^ atClone; own != 0 {
		a.syscall(unix.SYS_UNSHARE, num(own))
	}
	a.lower(p.Steps, 0, more)
	return a.program(nil)
}

// lowerRest makes the program that a child goes on with, behind the steps before
// from.
func (p Plan) lowerRest(in Input, c *spawned, from int, more bool) (*program, error) {
	a, before := newAssembler(in, c.ends), c.last()
	if before.cells != nil {
		a.cells = before.cells
	}
	a.step = child.NoStep
	a.lower(p.Steps[from:], from, more)
	return a.program(before)
}

func newAssembler(in Input, e *ends) *assembler {
	a := &assembler{
		prog: &program{Program: &child.Program{Reports: e.reports[1], Calls: make([]child.Call, 0, 256)}},
		std:  [3]*os.File{in.Stdin, in.Stdout, in.Stderr}, handed: in.handed, ends: e, cells: map[FD]int{}, runs: in.Held.word(),
		given: map[FD]uintptr{leash: uintptr(e.leash[0]), leashHeld: uintptr(e.leash[1]), status: uintptr(e.status[1])},
	}
	for name, f := range in.Files {
		a.given[name] = f.Fd()
	}
	return a
}

// lower lowers steps, of which the first has that index in the plan. When more is
// to come the child waits behind them.
func (a *assembler) lower(steps []Step, index int, more bool) {
	for i, s := range steps {
		a.step = index + i
		s.lower(a)
	}
	if more {
		a.add(child.Await).Args[0] = a.given[leash]
		a.add(child.Next)
	}
}

func (a *assembler) program(before *program) (*program, error) {
	a.prog.cells = a.cells
	if err := a.finish(before); err != nil {
		a.prog.pinned.Unpin()
		return nil, err
	}
	return a.prog, nil
}

// launch makes the child, or has the early one go on, and sees it through its
// steps. After an error nothing is left of it.
func (proc *Process) launch(p Plan) error {
	c := proc.in.goOn(p)
	if c == nil {
		var err error
		if c, err = spawn(p, proc.in, false); err != nil {
			return err
		}
	}
	proc.pid, proc.pidfd = c.pid, int(c.prog.Pidfd)
	if p.forksOutside() {
		proc.kill = endAll
	}
	e := c.ends
	shut(&e.leash[0], &e.reports[1], &e.status[1])
	err := proc.letMap(p, e)
	if err == nil {
		err = proc.follow(p, c)
	} else if cause := reported(p, e.reports[0]); cause != nil {
		err = cause // its maps could not be written since it had ended
	}
	proc.leash, proc.status = e.leash[1], e.status[0]
	e.leash[1], e.status[0] = -1, -1
	if err != nil {
		proc.in.Stopped, proc.in.Lasting = nil, nil
		shut(&proc.leash)
		_ = proc.Kill() // it ended by itself
		if p.forksOutside() && !hold(proc.pidfd, collectTime) {
			proc.kill = unix.SIGKILL
			_ = proc.Kill() // it does not come to it
		}
		proc.reap()
	}
	e.close()
	c.free()
	return err
}

// letMap has the helpers write the maps that the plan waits for.
func (proc *Process) letMap(p Plan, e *ends) error {
	for _, s := range p.Steps {
		await, ok := s.(AwaitMaps)
		if !ok {
			continue
		}
		if err := await.Helpers.Write(proc.pid, await.UID, await.GID); err != nil {
			return &MapError{err}
		}
		if err := e.release(); err != nil {
			return err
		}
	}
	return nil
}

// reported gives the failure that the child has reported by now, if any.
func reported(p Plan, reports int) error {
	var b [16]byte
	for {
		n, _, err := unix.Recvfrom(reports, b[:], unix.MSG_DONTWAIT)
		switch {
		case err != nil || n == 0:
			return nil
		case n == child.ReportSize:
			return stepError(p, b[:])
		}
	}
}

// follow reads what the child reports until it runs its program. The end of the
// socket says so: execve closed the child's side, and PID 1 has closed its own.
func (proc *Process) follow(p Plan, c *spawned) error {
	var b [16]byte
	oob := make([]byte, unix.CmsgSpace(4))
	for {
		if proc.in.LastingAfter > 0 {
			hold(c.ends.reports[0], proc.in.LastingAfter) // if nothing comes, it waits properly
		}
		if proc.in.Limit > 0 && !comes(c.ends.reports[0], proc.in.Limit) {
			return fmt.Errorf("the child did not go on: %w", os.ErrDeadlineExceeded)
		}
		n, oobn, _, _, err := unix.Recvmsg(c.ends.reports[0], b[:], oob, unix.MSG_CMSG_CLOEXEC)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return fmt.Errorf("reports of the child: %w", err)
		case n == 0:
			proc.in.Held.begin()
			return nil
		case n == tiedSize && !c.lives():
			// What it forked would be tied to nobody. It may have said why.
			if err = reported(p, c.ends.reports[0]); err == nil {
				err = fmt.Errorf("the child was killed")
			}
		case n == tiedSize:
			err = c.ends.release()
		case n == 1:
			sent := c.last().sent[b[0]]
			if err = proc.received(sent.FD, oob[:oobn]); err == nil && sent.Await {
				err = c.ends.release()
			}
		case n == child.ReportSize:
			err = stepError(p, b[:])
		default:
			err = fmt.Errorf("BUG(sbx): the child sent a message of %d bytes", n)
		}
		if err != nil {
			return err
		}
	}
}

func stepError(p Plan, b []byte) error {
	word := func(i int) uint32 { return binary.NativeEndian.Uint32(b[4*i:]) }
	r := child.Report{Step: word(0), Errno: word(1), Detail: word(2)}
	if r.Step == child.NoStep {
		return &CloneError{p.Namespaces, false, syscall.Errno(r.Errno)}
	}
	if int(r.Step) >= len(p.Steps) {
		return fmt.Errorf("BUG(sbx): the child reports a step %d", r.Step)
	}
	return &StepError{p.Steps[r.Step], int(r.Step), syscall.Errno(r.Errno), r.Detail == child.DetailNoLoader}
}

// received gives a descriptor to Input.Receive.
func (proc *Process) received(name FD, oob []byte) error {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil || len(messages) != 1 {
		return fmt.Errorf("the child sent no %s", name)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return fmt.Errorf("the child sent no %s", name)
	}
	f := os.NewFile(uintptr(fds[0]), string(name))
	if proc.in.Receive == nil {
		return f.Close()
	}
	return proc.in.Receive(name, f, proc)
}
