package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/egress"
	"github.com/sbxrun/sbx/sandbox/layer"
	"github.com/sbxrun/sbx/sandbox/runlater"
	"github.com/sbxrun/sbx/userns"
)

// A Cmd is a command to be run in a sandbox, after the manner of os/exec: fill
// it in, then Run it, or Start and Wait. It is for one use.
type Cmd struct {
	// Spec says what the sandbox is. Command makes one of the host view.
	Spec Spec

	// Stdin, Stdout and Stderr are the command's. An *os.File that is a pipe, a
	// terminal, a device such as /dev/null or a connected Unix socket is handed over as
	// it is, except the socket of Stderr. Anything else is carried through a pipe, so
	// that the command gets the bytes and not the file; Wait sets the offset of a Stdin
	// behind what was read. Nil is /dev/null. With Spec.OCI.Process.Terminal they are the
	// other side of its terminal instead, and Stderr is not used.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// DirectStreams hands every *os.File over as it is, except a directory: the
	// command may then change the mode, owner, times and content of the file.
	DirectStreams bool

	// Grace is how long the command has between StopSignal, SIGTERM by default, and
	// SIGKILL when the context ends. Zero is SIGKILL at once.
	Grace      time.Duration
	StopSignal syscall.Signal

	// Note is called with a line that the caller may want to read: what is not
	// as asked, and why. Nil drops it. From the command's end on it is called when what
	// the command left was moved aside, and all that it wrote was carried.
	Note func(string)
	// Noticed is called, after Note, with a line about what the command left: what was
	// moved aside, and what stays and is to be looked at.
	Noticed func(line string, stays bool)
	// AsOwner moves findings as Report.Move does, as root of a user namespace that has the
	// ids that the command had. Nil leaves what the caller may not move.
	AsOwner func(r runlater.Report, state string) (dir string, failed []error, err error)
	// Trace is called with lines of detail: each step of the plan, and the reason
	// for each choice that was made on the way. Nil drops them.
	Trace func(string)
	// Held are signals that are kept from when on the command runs: one that ends the
	// caller keeps it from looking at what the command left.
	Held *userns.HeldSignals
	// AtOnce is called when the command runs, before anything that it writes is carried
	// and before Started. Lasting is called when the command has run for LastingAfter, or
	// when it has ended and what it wrote is not taken for so long: what a short command
	// should not have to pay belongs there.
	AtOnce, Started, Lasting func()
	LastingAfter             time.Duration
	// Stopped is called, on a goroutine of its own, when the command stops.
	Stopped func(sig syscall.Signal)

	// Early is a process that was begun with userns.Begin while the Spec was
	// being made.
	Early *userns.Early
	// Around is what LookAround began to read meanwhile.
	Around *Surroundings

	// Notified gets the listener of a filter that notifies (seccomp_unotify(2)),
	// before the command runs, and should not wait for it. Nil has it sent to the
	// profile's listenerPath.
	Notified func(listener *os.File) error
	// RawTerminal lets all that the command writes to its terminal through to the
	// caller's, which obeys it: see package terminal.
	RawTerminal bool
	// Receipted has the receipt made, which is not for nothing: see Receipt.
	Receipted bool

	// Resolver and Dial are how the sandbox's network reaches the outside, where the Spec
	// has an Egress. Nil is as the host does.
	Resolver egress.Resolver
	Dial     func(ctx context.Context, to netip.AddrPort) (net.Conn, error)
	// Upstream is by which hosts that network reaches others, as ParseUpstream of package
	// egress reads it. Nil is by no proxy.
	Upstream *egress.Upstream
	// Flow is called when a connection of that network ended, or was not to be. Nil
	// drops it.
	Flow func(egress.Flow)

	network   *network
	publisher *publisher
	log       flowLog
	counters  counters
	attempts  Attempts
	receipt   *Receipt
	guarded   *runlater.Guard // what is looked at afterwards, or nil
	writable  []string        // with all these directories
	homes     []string
	held      []heldName // names that are compared afterwards
	heldRoots []string   // and where they are looked for

	hides          func(at string) bool // tells whether a path of the host was hidden
	secretsHidden  []string             // names in the project that are hidden
	toldHidden     bool                 // a note has named them
	secretsExposed []string             // those that are shown on purpose
	secretsWatched []string             // directories in the project where new ones were hidden
	ran            time.Duration        // how long the command ran
	shut           []runlater.Shut      // directories that could not be looked into
	secretsSeen    []runlater.Secret    // and those that were found when the command had ended
	unwritten      []string             // names that git tracks and could not write

	ctx      context.Context
	failed   error // in Command, which has no result for it
	noted    []string
	notes    heldNotes
	used     bool
	overdue  atomic.Bool // the context has ended the command
	lasted   bool        // Lasting was called
	process  *userns.Process
	streams  streams
	kept     *layer.Kept
	layers   []*layer.Kept // of the layered caches
	daemon   *daemon
	user     *userServer
	limits   limits
	disk     *diskWatch
	masks    *maskWatch // of what the host can take off, or nil
	copied   map[string]int
	copies   *os.File   // the directory of the copies of git's settings, or nil
	entry    *keptEntry // of what is Enterable
	entering *entering  // a sandbox that is there, or nil
}

// Command is a command in the host view, with the current directory as its
// project, the environment that Environment lets through, and the caller's umask.
func Command(name string, args ...string) *Cmd {
	return CommandContext(context.Background(), name, args...)
}

// CommandContext is Command with a context whose end ends the sandbox.
func CommandContext(ctx context.Context, name string, args ...string) *Cmd {
	c := &Cmd{ctx: ctx}
	c.Spec.Project, c.failed = WorkingDirectory()
	c.Spec.OCI.Process = &specs.Process{
		Args: append([]string{name}, args...),
		Env:  Environment(HostView, os.Environ(), nil),
		User: specs.User{Umask: callersUmask()},
	}
	return c
}

// WorkingDirectory is the physical path of the current directory. $PWD, which
// os.Getwd prefers, may go through symbolic links: they are not there inside,
// and one that leads to the home would not be recognized as the home.
func WorkingDirectory() (string, error) {
	buf := make([]byte, 2*unix.PathMax)
	n, err := unix.Getcwd(buf)
	if err == nil && n > 0 && buf[0] == '/' {
		return string(buf[:n-1]), nil
	}
	if err == nil || errors.Is(err, unix.ENOENT) {
		err = fmt.Errorf("it was deleted, or is not below the root")
	}
	return "", fmt.Errorf("the current directory cannot be the project: %w", err)
}

// New is a command for a Spec of the caller's making.
func New(ctx context.Context, s Spec) *Cmd { return &Cmd{ctx: ctx, Spec: s} }

// Run starts the command and waits for it.
func (c *Cmd) Run() error {
	var status syscall.WaitStatus
	err := c.begin(func(plan userns.Plan, in userns.Input) (err error) {
		status, err = plan.Run(in, c.started)
		return err
	})
	if err != nil {
		return err
	}
	return c.finish(status, nil)
}

// Start starts the command. After an error nothing is left of it.
func (c *Cmd) Start() error {
	return c.begin(func(plan userns.Plan, in userns.Input) error {
		p, err := plan.Start(in)
		if err == nil {
			c.started(p)
		}
		return err
	})
}

// Plan is what Start would do, and the Spec with all filled in.
func (c *Cmd) Plan() (userns.Plan, Spec, error) {
	if c.entering != nil {
		return c.prepareEntering()
	}
	host, spec, plan, err := c.prepare()
	if err == nil {
		spec.OCI.Linux.Seccomp = spec.Filter(host)
	}
	return plan, spec, err
}

func (c *Cmd) prepare() (Host, Spec, userns.Plan, error) {
	if c.Spec.OCI.Process == nil {
		c.Spec.OCI.Process = &specs.Process{}
	}
	host, err := probe(c.Spec, c.Around)
	if err != nil {
		return host, c.Spec, userns.Plan{}, err
	}
	spec, plan, err := c.complete(host)
	return host, spec, plan, err
}

// complete makes the plan, and says what there is to say of it, each thing once.
func (c *Cmd) complete(host Host) (Spec, userns.Plan, error) {
	spec, notes, err := Complete(c.Spec, host)
	if err != nil {
		return spec, userns.Plan{}, err
	}
	for _, n := range notes {
		if !slices.Contains(c.noted, n) {
			c.note("%s", n)
		}
	}
	c.noted = notes
	if spec.Overlay == DriverFuse && host.UpperUnfit != "" {
		c.trace("overlay driver fuse-overlayfs: %s", host.UpperUnfit)
	}
	if n := spec.unlabelled(); n != "" {
		c.note("%s", n)
	}
	plan, err := Compile(spec, host)
	return spec, plan, err
}

func (c *Cmd) trace(format string, args ...any) {
	if c.Trace != nil {
		c.Trace(fmt.Sprintf(format, args...))
	}
}

// Receipt is what was enforced, and how it ended. It is nil where the command
// was not begun or Receipted is not set.
func (c *Cmd) Receipt() *Receipt { return c.receipt }

// started takes over a sandbox whose command runs.
func (c *Cmd) started(p *userns.Process) {
	c.process = p
	c.openCounters(p.PID())
	if c.AtOnce != nil {
		c.AtOnce()
	}
	if c.masks != nil {
		close(c.masks.up)
	}
	if c.network != nil {
		c.network.begin()
	}
	if c.publisher != nil {
		c.publisher.serve()
	}
	c.streams.start()
	if c.disk != nil {
		c.disk.begin(p)
	}
	if c.ctx.Done() != nil {
		go c.endWithContext()
	}
	if c.Started != nil {
		c.Started()
	}
}

func (c *Cmd) closeNetwork() {
	if c.network != nil {
		c.network.close()
		c.network = nil
	}
	if c.user != nil {
		if early := c.user.close(); early != "" {
			c.note("%s", early)
		}
		c.user = nil
	}
}

// Flows are the connections of the sandbox's network, and what was refused, once it has
// ended: the first hundred thousand, and ten thousand.
func (c *Cmd) Flows() []egress.Flow { return c.log.all() }

// Wait waits for the end of the command, and so of the whole sandbox. It
// returns an ExitError when the command did not exit with 0, and the context's
// error when that ended it.
func (c *Cmd) Wait() error {
	if c.process == nil {
		return fmt.Errorf("the command was not started")
	}
	return c.finish(c.process.Wait())
}

// finish looks at what the command left before anything else: no reader of its output
// can have that wait. Then come the output's rest and the notes.
func (c *Cmd) finish(status syscall.WaitStatus, err error) error {
	c.notes.hold()
	defer c.notes.tell()
	c.account()
	if c.entering != nil {
		c.streams.letGo()
	}
	c.streams.written()
	c.readCounters(status != 0 || err != nil)
	released := c.release()
	c.adoptConfigs()
	left := c.afterwards()
	renamed := c.renamed()
	c.remember()
	carried := c.carried()
	c.noteUnwritten(status)
	switch failed := c.first(left, renamed, err, carried, released); {
	case failed != nil:
		if left != nil && err == nil && status.Exited() {
			c.note("the command itself ended with exit status %d", status.ExitStatus())
		}
		return failed
	case c.overdue.Load():
		return context.Cause(c.ctx) // even if it exits 0 on SIGTERM
	case status != 0:
		if status.Signaled() && status.Signal() == unix.SIGSYS && !c.Spec.Unconfined && !c.Spec.Allow32Bit {
			c.note("the seccomp filter ended the command; a 32-bit program needs --allow-ia32")
		}
		if line := c.Spec.appImageHint(); line != "" && c.entering == nil {
			c.note("hint: %s", line)
		}
		if status.Exited() {
			c.noteHiddenPath(status.ExitStatus())
		}
		return &ExitError{status}
	}
	return nil
}

// first is the first error there is. The others are notes: the caller has one exit code.
func (c *Cmd) first(errs ...error) (first error) {
	for _, err := range errs {
		switch {
		case err == nil:
		case first == nil:
			first = err
		default:
			c.note("%v", err)
		}
	}
	return first
}

// carried waits until the command's output is written. A slow reader can make that long.
func (c *Cmd) carried() error {
	if c.Lasting != nil && !c.lasted && c.streams.waits() {
		defer time.AfterFunc(cmp.Or(c.LastingAfter, lastingAfter), c.Lasting).Stop()
	}
	err := c.streams.wait(c.overdue.Load())
	c.streams.restore()
	if note := c.streams.kept(); note != "" {
		c.note("%s", note)
	}
	if e := c.streams.close(); err == nil {
		err = e
	}
	return err
}

// release gives back what the command held.
func (c *Cmd) release() (err error) {
	err = c.endMasks()
	c.closePublisher()
	c.closeNetwork()
	c.log.end()
	if e := c.endDisk(); err == nil {
		err = e
	}
	c.entry.close()
	if c.daemon != nil {
		if e := c.daemon.end(); err == nil {
			err = e
		}
		c.daemon = nil
	}
	if e := c.limits.end(); err == nil {
		err = e
	}
	if e := c.releaseLayers(); err == nil {
		err = e
	}
	if c.kept != nil {
		if e := c.kept.Release(); err == nil {
			err = e
		}
		c.kept = nil
	}
	return err
}

// Signal sends a signal to the command.
func (c *Cmd) Signal(sig syscall.Signal) error {
	if c.process == nil {
		return fmt.Errorf("the command was not started")
	}
	err := c.process.Signal(sig)
	if errors.Is(err, os.ErrProcessDone) {
		c.streams.interrupt(sig)
	}
	return err
}

// Resize tells the command's terminal how large it is.
func (c *Cmd) Resize(rows, columns uint16) error { return c.streams.resize(rows, columns) }

// RestoreTerminal undoes what the command did to the caller's terminal, for when
// the caller takes it back for a while.
func (c *Cmd) RestoreTerminal() { c.streams.restore() }

// PID is the process id of the sandbox's first process, as seen from here.
func (c *Cmd) PID() int { return c.process.PID() }

func (c *Cmd) endWithContext() {
	select {
	case <-c.process.Done():
		return
	case <-c.ctx.Done():
	}
	c.overdue.Store(true)
	if c.Grace > 0 {
		_ = c.process.Signal(cmp.Or(c.StopSignal, unix.SIGTERM)) // it ended: the kill says the same
		select {
		case <-c.process.Done():
			return
		case <-time.After(c.Grace):
		}
	}
	_ = c.process.Kill()
}

// An ExitError says how a command ended that did not exit with 0.
type ExitError struct{ syscall.WaitStatus }

func (e *ExitError) Error() string {
	if e.Signaled() {
		return fmt.Sprintf("signal: %v", e.Signal())
	}
	return fmt.Sprintf("exit status %d", e.ExitStatus())
}

// Code is the exit code as a shell tells it: 128 and the signal's number for a
// death by a signal.
func (e *ExitError) Code() int {
	if e.Signaled() {
		return 128 + int(e.Signal())
	}
	return e.ExitStatus()
}
