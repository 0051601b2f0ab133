package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/idmap"
	"github.com/sbxrun/sbx/sandbox/cgroup"
	"github.com/sbxrun/sbx/userns"
)

// entering is what a Cmd needs that runs its command in a sandbox that is there.
type entering struct {
	entry Entry
	files map[userns.FD]*os.File
	leave bool
}

// Enter is a command to be run in a sandbox that runs, confined as the sandbox's own
// command is. Entry and files are what Cmd.Entry gave; the files stay the caller's. Of
// the process Args, Env, Cwd, Terminal and ConsoleSize are used: Env changes the
// sandbox's variables. Spec.User of the Cmd may name another user of the sandbox.
//
// The command ends with the sandbox. It runs as any Cmd does, and dies with the caller. What
// it leaves in the sandbox may keep its output open, so that is carried, also to a pipe, and
// Wait waits for two seconds at most for what others than the command write to it.
func Enter(ctx context.Context, entry Entry, files []*os.File, process specs.Process) *Cmd {
	e := &entering{entry: entry, files: map[userns.FD]*os.File{}}
	for i, f := range files {
		if i < len(entry.Handles) {
			e.files[entry.Handles[i]] = f
		}
	}
	c := &Cmd{ctx: ctx, entering: e}
	c.Spec.OCI.Process = &process
	return c
}

// Leave has a command that enters go on by itself: Wait returns when it runs, and it
// dies with the sandbox alone.
func (c *Cmd) Leave() { c.entering.leave = true }

// enterLimit is how long what is done until the command runs may take from one step of
// note to the next. Something inside may be able to stop it.
const enterLimit = time.Minute

// beginEntering runs the plan of a command that enters.
func (c *Cmd) beginEntering(run func(userns.Plan, userns.Input) error) error {
	plan, spec, err := c.prepareEntering()
	if err != nil {
		return err
	}
	if c.Trace != nil {
		for _, line := range plan.Lines() {
			c.Trace(line)
		}
	}
	in, err := c.input(spec)
	if err == nil {
		err = c.joinClock()
	}
	if err == nil {
		in.Files, in.Limit = c.entering.files, enterLimit
		in.Receive = func(_ userns.FD, f *os.File, _ *userns.Process) error {
			return c.streams.terminal(f, c.Stdin, c.Stdout, c.RawTerminal)
		}
		err = c.runBeside(plan, in, run)
	}
	if clock := c.entering.files[enteredClock]; clock != nil {
		clock.Close()
	}
	if err != nil {
		err = errors.Join(explainEntering(err, spec, c.entering.files[enteredPID]), c.release(), c.streams.close())
	}
	return err
}

// runBeside runs the plan, where it must from beside the sandbox's supervisor.
func (c *Cmd) runBeside(plan userns.Plan, in userns.Input, run func(userns.Plan, userns.Input) error) error {
	err := run(plan, in)
	var clone *userns.CloneError
	group := c.entering.files[enteredCgroup]
	if group == nil || !errors.As(err, &clone) || clone.Err != unix.EACCES {
		return err
	}
	if e := cgroup.Follow(c.ctx, group); e != nil {
		return hinted(fmt.Errorf("the sandbox's cgroup cannot be entered from this one: %w", e), cgroupHint(clone.Err))
	}
	return run(plan, in)
}

// prepareEntering makes the plan, and the Spec that Cmd goes by from then on.
func (c *Cmd) prepareEntering() (userns.Plan, Spec, error) {
	e, spec := c.entering.entry, c.Spec
	for _, name := range e.Handles {
		if c.entering.files[name] == nil {
			return userns.Plan{}, spec, fmt.Errorf("no descriptor came of the %s", name)
		}
	}
	given := *spec.OCI.Process
	p := e.Process
	p.Args, p.Terminal, p.ConsoleSize = given.Args, given.Terminal, given.ConsoleSize
	if given.Cwd != "" {
		p.Cwd = given.Cwd
	}
	changes := slices.Clone(given.Env)
	if spec.User != "" {
		account, err := e.account(c.entering.files[enteredPID], spec.User)
		if err != nil {
			return userns.Plan{}, spec, err
		}
		umask := p.User.Umask
		p.User = specs.User{UID: account.UID, GID: account.GID, AdditionalGids: account.Groups, Umask: umask}
		if lookupEnv(changes, "HOME") == "" {
			changes = append(changes, "HOME="+cmp.Or(account.Home, "/"))
		}
		p.Capabilities = e.capabilities(p.User.UID)
	}
	if err := e.checkUser(p.User); err != nil {
		return userns.Plan{}, spec, err
	}
	var secrets []userns.Secret
	p.Env, secrets = e.environment(changes)
	spec.OCI.Process, spec.Unconfined, spec.OCI.Linux = &p, e.Seccomp == nil, &specs.Linux{}
	spec.NoTCP = e.NoTCP
	if !e.HostView {
		spec.View = Union // of which nothing is known here
	}
	plan, err := compileEntry(e, p, secrets, c.entering.leave)
	return plan, spec, err
}

// account looks a user up in the running sandbox's root: its command may have made him.
func (e Entry) account(pidfd *os.File, name string) (Account, error) {
	passwd, err := openWithin(pidfd, "/etc/passwd")
	if err != nil {
		return Account{}, err
	}
	defer passwd.Close()
	group, err := openWithin(pidfd, "/etc/group")
	if err != nil {
		return Account{}, err
	}
	defer group.Close()
	return lookUp(name, passwd, group)
}

// capabilities are those of a user who is not the command's.
func (e Entry) capabilities(uid uint32) *specs.LinuxCapabilities {
	bounding := e.Process.Capabilities.Bounding
	c := &specs.LinuxCapabilities{Bounding: bounding}
	switch {
	case uid == e.Process.User.UID:
		return e.Process.Capabilities
	case uid == 0:
		c.Permitted, c.Effective = bounding, bounding
	case len(e.Kept) > 0:
		c.Permitted, c.Effective, c.Inheritable, c.Ambient = e.Kept, e.Kept, e.Kept, e.Kept
	}
	return c
}

// checkUser refuses a user without an id, and another than there is.
func (e Entry) checkUser(u specs.User) error {
	own := e.Process.User
	if e.Single && (u.UID != own.UID || u.GID != own.GID) {
		return hinted(fmt.Errorf("user %d:%d cannot be had: the sandbox has one id, %d:%d", u.UID, u.GID, own.UID, own.GID), "see --userns of sbx run")
	}
	uids, gids := fromOCI(e.UIDs), fromOCI(e.GIDs)
	for _, want := range []struct {
		what string
		id   uint32
		ids  idmap.Map
	}{{"user", u.UID, uids}, {"group", u.GID, gids}} {
		if _, ok := want.ids.ToOutside(want.id); !ok {
			return hinted(fmt.Errorf("%s %d has no id in the sandbox, the map is %s", want.what, want.id, want.ids), "see --userns of sbx run")
		}
	}
	return nil
}

// joinClock opens the time namespace, where the sandbox has one. That of the first
// process's children is the right one: before Linux 6.3 it is not in it itself.
func (c *Cmd) joinClock() error {
	if c.entering.entry.Namespaces&userns.Time == 0 {
		return nil
	}
	pidfd := c.entering.files[enteredPID]
	info, err := os.ReadFile("/proc/self/fdinfo/" + strconv.Itoa(int(pidfd.Fd())))
	if err != nil {
		return fmt.Errorf("the sandbox's first process: %w", err)
	}
	_, rest, _ := strings.Cut(string(info), "\nPid:\t")
	pid, _, _ := strings.Cut(rest, "\n")
	clock, err := os.Open("/proc/" + pid + "/ns/time_for_children")
	if ended(pidfd, err) { // or the number is another process's by now
		if err == nil {
			clock.Close()
		}
		err = errEnded
	}
	if err != nil {
		return fmt.Errorf("the sandbox's clock: %w", err)
	}
	c.entering.files[enteredClock] = clock
	return nil
}

// errEnded says that there is no sandbox any more.
var errEnded = fmt.Errorf("the sandbox has ended: %w", os.ErrProcessDone)

// explainEntering adds to an error what would mend it.
func explainEntering(err error, s Spec, pidfd *os.File) error {
	var step *userns.StepError
	if !errors.As(err, &step) {
		if ended(pidfd, err) {
			return errEnded
		}
		return err
	}
	if _, exec := step.Step.(userns.Exec); !exec && ended(pidfd, step.Err) {
		return errEnded
	}
	if _, ok := step.Step.(userns.Chdir); ok && step.Err == unix.ENOENT {
		return hinted(err, "the directory is not there in the sandbox; name another one: -w /")
	}
	return explainStep(err, step, s)
}
