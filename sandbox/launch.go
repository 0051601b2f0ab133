package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sbxrun/sbx/sandbox/dotenv"
	"github.com/sbxrun/sbx/sandbox/layer"
	"github.com/sbxrun/sbx/userns"
)

// begin prepares the command and has run start its plan.
func (c *Cmd) begin(run func(userns.Plan, userns.Input) error) (err error) {
	if c.used {
		return fmt.Errorf("the command was started before")
	}
	c.used = true
	if c.ctx == nil {
		c.ctx = context.Background()
	}
	if err := errors.Join(c.failed, context.Cause(c.ctx)); err != nil {
		return err
	}
	if c.entering != nil {
		return c.beginEntering(run)
	}
	defer func() {
		if err != nil {
			_ = c.releaseLayers()
		}
	}()
	if err := c.lockLayers(); err != nil {
		return err
	}
	host, spec, plan, err := c.prepare()
	if err != nil {
		return err
	}
	if err := host.mkOwn(); err != nil {
		return err
	}
	if host, spec, plan, err = c.makeLimits(host, spec, plan); err != nil {
		return err
	}
	c.log.tell = c.Flow
	if err := c.publish(spec); err != nil {
		c.limits.end()
		return err
	}
	if spec.Upper != "" {
		if c.kept, err = layer.Keep(spec.Upper); err != nil {
			c.closePublisher()
			c.limits.end()
			return err
		}
	}
	if spec.Enterable {
		c.entry = &keptEntry{}
		c.entry.Entry, c.entry.refused = newEntry(spec, host, plan)
	}
	if c.Receipted || c.Trace != nil {
		r := newReceipt(spec, host, plan)
		if spec.Egress != nil {
			r.Upstream = c.Upstream.Lines()
		}
		for _, p := range c.Published() {
			r.Published = append(r.Published, p.String())
		}
		c.receipt = &r
	}
	if c.Trace != nil {
		for _, line := range append(plan.Lines(), c.receipt.Lines()...) {
			c.Trace(line)
		}
	}
	c.writable = spec.writableDirectories(host)
	c.copied = spec.copied(host)
	if c.guarded = spec.guard(host); c.guarded != nil {
		c.homes = host.Homes
		if fromOCI(spec.OCI.Linux.UIDMappings).IsSingle() {
			c.AsOwner = nil // the caller owns all that there is
		}
		matcher := sync.OnceValue(dotenv.NewMatcher) // after the command
		c.guarded.Secret = func(dir, name string) bool { return matcher().Deep(dir, name) }
		c.guarded.Searched = dotenv.Remembered
		c.guarded.Commands, c.guarded.WereShut = host.commands, host.wereShut
		for _, name := range host.ProjectNames {
			if spec.exposed(host, path.Join(spec.Project, name)) {
				c.secretsExposed = append(c.secretsExposed, name)
			} else {
				c.secretsHidden = append(c.secretsHidden, name)
			}
		}
		err = c.record(spec)
		c.guarded.Environment(os.Environ(), slices.Concat(c.writable, spec.Kept)...)
		for _, own := range host.own {
			if own.sealed {
				c.guarded.Hold(own.path) // it may have been made for this run
			}
		}
	}
	if err == nil {
		c.masks, err = newMaskWatch(spec, host)
	}
	if c.Spec.UserNS {
		c.held, c.heldRoots = c.Spec.heldNames(host), c.Spec.writableSources(host)
	}
	if err == nil {
		if c.guarded != nil {
			c.guarded.Begin()
		}
		err = c.launch(host, spec, plan, run)
	}
	if err != nil {
		c.guarded = nil
		c.closeCopies()
		_ = errors.Join(c.release(), c.streams.close()) // the command did not run
		return explain(err, spec, host)
	}
	return nil
}

// launch starts the plan. Where the kernel refuses the union and may be
// replaced, it starts again with fuse-overlayfs: the mount itself is the probe,
// on the very directories, and nothing has been run yet.
func (c *Cmd) launch(host Host, spec Spec, plan userns.Plan, run func(userns.Plan, userns.Input) error) error {
	in, err := c.input(spec)
	if err != nil {
		return err
	}
	if in.Receive, err = c.receiver(host, spec); err != nil {
		return err
	}
	err = c.served(run(plan, in))
	refused := refusedUnion(err)
	if refused != nil && len(spec.Layered) > 0 {
		for _, l := range spec.Layered {
			c.note("what is written to %s is not kept: the kernel makes no union of it: %v", l.Path, refused.Err)
		}
		spec = spec.withoutLayers()
		if plan, err = Compile(spec, host); err != nil {
			return err
		}
		if in.Receive, err = c.receiver(host, spec); err != nil {
			return err
		}
		err = c.served(run(plan, in))
		refused = refusedUnion(err)
	}
	if refused == nil || spec.Overlay != DriverAuto && spec.Overlay != "" || spec.checkFuse(host) != nil {
		return err
	}
	c.trace("overlay driver fuse-overlayfs, since the kernel refused: %v", refused.Err)
	spec.Overlay = DriverFuse
	if n := spec.unlabelled(); n != "" {
		c.note("%s", n)
	}
	if plan, err = Compile(spec, host); err != nil {
		return err
	}
	if in.Receive, err = c.receiver(host, spec); err != nil {
		return err
	}
	return c.served(run(plan, in))
}

// receiver takes what the child hands out: the terminal's master, the connection that
// fuse-overlayfs serves, and the sockets of the network.
func (c *Cmd) receiver(host Host, spec Spec) (_ func(userns.FD, *os.File, *userns.Process) error, err error) {
	c.closeNetwork() // of a sandbox that could not be begun
	if spec.Egress != nil {
		if c.network, err = c.newNetwork(host, spec); err != nil {
			return nil, err
		}
	}
	if spec.UserNetwork != nil {
		c.user = &userServer{network: *spec.UserNetwork, host: host}
	}
	if c.disk != nil {
		_, _ = c.disk.close() // of that one
		c.disk = nil
	}
	if spec.Disk > 0 {
		c.disk = newDiskWatch(spec, host)
	}
	return func(fd userns.FD, f *os.File, p *userns.Process) (err error) {
		if fd == layer.FuseFD {
			defer f.Close()
			c.daemon, err = serve(spec, host, f, p, c.disk)
			return err
		}
		if fd == Disk {
			return c.disk.take(f)
		}
		if fd == Copies {
			c.closeCopies() // of a sandbox that could not be begun
			c.copies = f
			return nil
		}
		if fd == enteredRules {
			c.entry.close() // of a sandbox that could not be begun
			c.entry.rules = f
			return nil
		}
		if fd == Listener {
			return c.notified(spec, f, p)
		}
		if fd == Master {
			return c.streams.terminal(f, c.Stdin, c.Stdout, c.RawTerminal)
		}
		if strings.HasPrefix(string(fd), publishingPrefix) {
			return c.findPublished(f)
		}
		if c.user != nil {
			return c.user.take(fd, f, p)
		}
		return c.network.take(fd, f, p)
	}, nil
}

// served adds what fuse-overlayfs said to an error that it may have caused.
func (c *Cmd) served(err error) error {
	if err != nil && c.daemon != nil {
		return c.daemon.explain(err)
	}
	return err
}

// refusedUnion is the error of a union that the kernel would not mount, or nil.
func refusedUnion(err error) *userns.StepError {
	var step *userns.StepError
	if !errors.As(err, &step) {
		return nil
	}
	switch s := step.Step.(type) {
	case userns.Make:
		if s.Type == "overlay" {
			return step
		}
	case userns.Mount:
		if s.Type == "overlay" {
			return step
		}
	}
	return nil
}

func (c *Cmd) input(spec Spec) (userns.Input, error) {
	in := userns.Input{Stopped: c.Stopped, Early: c.Early, Held: c.Held, Lasting: c.lasting, LastingAfter: cmp.Or(c.LastingAfter, lastingAfter), Urgent: c.masks.urgent(), Files: c.limits.files()}
	var err error
	if spec.OCI.Process.Terminal {
		return in, nil
	}
	c.streams.direct, c.streams.entering = c.DirectStreams, c.entering != nil
	c.streams.errors, _ = c.Stderr.(*os.File)
	if in.Stdin, err = c.streams.reader(c.Stdin); err != nil {
		return in, err
	}
	if in.Stdout, err = c.streams.writer(stdout, c.Stdout); err != nil {
		return in, err
	}
	in.Stderr = in.Stdout
	if !c.streams.same(c.Stdout, c.Stderr) {
		if in.Stderr, err = c.streams.writer(stderr, c.Stderr); err != nil {
			return in, err
		}
	}
	if err := spec.checkInherited(in.Stdin, in.Stdout, in.Stderr); err != nil {
		return in, err
	}
	return in, spec.checkStreams(streamAccess, policyAllows, in.Stdin, in.Stdout, in.Stderr)
}

// lastingAfter is how long a command runs before what it should not have to pay is begun.
const lastingAfter = 10 * time.Millisecond

// lasting begins what only a command needs that lasts.
func (c *Cmd) lasting() {
	if c.masks != nil {
		c.masks.begin(c)
	}
	if c.lasted = true; c.Lasting != nil {
		c.Lasting()
	}
}

// inProject gives those of some paths that are in the project, by their paths in it.
func inProject(project string, paths []string) (names []string) {
	for _, p := range paths {
		if name, err := filepath.Rel(project, p); project != "" && err == nil && filepath.IsLocal(name) {
			names = append(names, name)
		}
	}
	return names
}

// endMasks ends the watch of masks.
func (c *Cmd) endMasks() error {
	if c.masks == nil {
		return nil
	}
	err := c.masks.close(c.guarded)
	hidden := c.masks.outsiders
	if c.ran = time.Since(c.masks.started); c.ran >= briefRun {
		hidden = c.masks.arrived
		c.secretsWatched = inProject(c.Spec.Project, c.masks.directories())
	}
	c.secretsHidden = append(c.secretsHidden, inProject(c.Spec.Project, hidden)...)
	c.hides, c.masks = c.masks.hides, nil
	return err
}
