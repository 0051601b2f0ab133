package cgroup

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/fs2"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// A Group is a sandbox's cgroup. Its maker holds a lock on it, so that the next run
// knows one whose maker was killed, and removes it.
type Group struct {
	path    string // of the limits
	lock    *os.File
	box     *os.File // of the processes
	manager *fs2.Manager
}

// moving is held while the process changes its cgroup, of which it has one.
var moving sync.Mutex

// Make makes a cgroup with limits. The controllers of stats are had too where they can
// be, for what they count.
func Make(ctx context.Context, h Host, p Place, r *specs.LinuxResources) (*Group, error) {
	moving.Lock()
	defer moving.Unlock()
	id := newID()
	if len(p.Sockets) > 0 {
		if now, err := Probe(h.User).Choose(nil); err == nil && now.Parent != "" && ours(now.Parent) {
			p = now // another sandbox of this process was quicker
		}
	}
	if len(p.Sockets) > 0 {
		scope, err := newScope(ctx, h, p, id)
		if err == nil {
			err = settle(scope)
		}
		if err != nil {
			return nil, err
		}
		p.Parent = scope
	} else {
		reclaim(p.Parent)
	}
	if err := enable(h, p.Parent, Controllers(r)); err != nil {
		return nil, err
	}
	for range 10 {
		g, err := makeAt(filepath.Join(p.Parent, prefix+id))
		if err == nil {
			if err = g.limit(r); err != nil {
				g.Close()
				return nil, err
			}
			return g, nil
		}
		if !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EEXIST) {
			return nil, fmt.Errorf("make a cgroup: %w", err)
		}
		id = newID()
	}
	return nil, fmt.Errorf("make a cgroup in %s: each was removed by somebody", p.Parent)
}

func newID() string { return fmt.Sprintf("%08x", rand.Uint32()) }

// settle moves this process out of the scope itself, which can pass no controllers on
// while there are processes in it.
func settle(scope string) error {
	dir := filepath.Join(scope, supervisorName)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	return cgroups.WriteCgroupProc(dir, os.Getpid())
}

// enable passes controllers on to what is below a cgroup. One at a time: a write of
// several fails as a whole, and of stats one may be missing.
func enable(h Host, parent string, want []string) error {
	l := level(parent)
	if _, err := h.lacking(Place{Parent: parent}, l.Controllers, want); err != nil {
		return err
	}
	for _, c := range append(slices.Clone(want), stats...) {
		if slices.Contains(l.Enabled, c) || !slices.Contains(l.Controllers, c) {
			continue
		}
		if err := cgroups.WriteFile(parent, "cgroup.subtree_control", "+"+c); err != nil && slices.Contains(want, c) {
			return fmt.Errorf("cgroup controller %s: %w", c, err)
		}
	}
	return nil
}

// stats are the controllers that count what is cheap to count.
var stats = []string{"memory", "pids"}

// makeAt makes the two directories. Who reclaims may have taken the first for one whose
// maker is dead, as long as it was not locked: then it is no longer there.
func makeAt(path string) (g *Group, err error) {
	if err := os.Mkdir(path, 0o755); err != nil {
		return nil, err
	}
	g = &Group{path: path}
	if g.lock, err = os.OpenFile(path, unix.O_DIRECTORY, 0); err != nil {
		return nil, err
	}
	if err = unix.Flock(int(g.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err == nil {
		err = os.Mkdir(filepath.Join(path, "box"), 0o755)
	} else if err == unix.EWOULDBLOCK {
		err = unix.ENOENT // it is being removed
	}
	if err == nil {
		g.box, err = os.OpenFile(filepath.Join(path, "box"), unix.O_DIRECTORY, 0)
	}
	if err == nil {
		// What is inside can leave none behind, nor fill the kernel's memory with them.
		err = cgroups.WriteFile(path, "cgroup.max.descendants", "1")
	}
	if err == nil {
		g.manager, err = fs2.NewManager(&cgroups.Cgroup{Rootless: true, Resources: &cgroups.Resources{SkipDevices: true}}, path)
	}
	if err != nil {
		g.Close()
	}
	return g, err
}

// limit sets the limits.
func (g *Group) limit(r *specs.LinuxResources) error {
	if err := g.manager.Set(resources(r)); err != nil {
		return explain(r, err)
	}
	return nil
}

// explain adds to an error of the kernel's what it is about.
func explain(r *specs.LinuxResources, err error) error {
	text := err.Error()
	switch {
	case strings.Contains(text, "io.max") && (errors.Is(err, unix.ENODEV) || errors.Is(err, unix.EINVAL)):
		return &Unavailable{fmt.Sprintf("the kernel limits no such device: %v", err), "lsblk lists the disks; a partition has no limit of its own, its disk has"}
	case strings.Contains(text, "cpuset.cpus"):
		return &Unavailable{fmt.Sprintf("processors %s: %v", r.CPU.Cpus, err), "cat " + Root + "/cpuset.cpus.effective lists those there are"}
	case errors.Is(err, unix.ENOENT) && strings.Contains(text, "memory.swap.max"):
		return &Unavailable{"the kernel does not count swap", "boot with swapaccount=1, or say no --memory-swap"}
	}
	return fmt.Errorf("limits: %w", err)
}

// Path is the cgroup's directory.
func (g *Group) Path() string { return g.path }

// Dir is the directory that processes are born into (CLONE_INTO_CGROUP).
func (g *Group) Dir() *os.File { return g.box }

// Freeze stops all processes, or lets them go on.
func (g *Group) Freeze(on bool) error {
	state := cgroups.Thawed
	if on {
		state = cgroups.Frozen
	}
	return g.manager.Freeze(state)
}

// Kill kills all processes.
func (g *Group) Kill() error { return kill(g.path) }

// kill kills what is in a cgroup of ours: by cgroup.kill, since Linux 5.14, which no
// fork escapes, and otherwise again and again.
func kill(path string) error {
	err := cgroups.WriteFile(path, "cgroup.kill", "1")
	if !errors.Is(err, unix.ENOENT) || !exists(path) {
		return err
	}
	for range 100 {
		text, err := os.ReadFile(filepath.Join(path, "box", "cgroup.procs"))
		if err != nil || len(text) == 0 {
			return nil
		}
		for _, pid := range strings.Fields(string(text)) {
			if n, err := strconv.Atoi(pid); err == nil && n > 0 {
				_ = unix.Kill(n, unix.SIGKILL) // it may have ended just now
			}
		}
		time.Sleep(time.Millisecond)
	}
	return fmt.Errorf("processes of %s do not end", path)
}

// Close kills what is left, and removes the cgroup. A scope goes with its last process.
func (g *Group) Close() error {
	err := remove(g.path)
	for _, f := range []*os.File{g.box, g.lock} {
		if f != nil {
			f.Close()
		}
	}
	return err
}

// remove kills and removes a cgroup of ours. A process that has ended is in it for a
// moment more.
func remove(path string) (err error) {
	if e := kill(path); e != nil && !errors.Is(e, unix.ENOENT) && !errors.Is(e, unix.ENODEV) {
		return fmt.Errorf("cgroup: %w", e)
	}
	for wait := 100 * time.Microsecond; wait < time.Second; wait *= 2 {
		err = unix.Rmdir(filepath.Join(path, "box"))
		if err == nil || err == unix.ENOENT {
			err = unix.Rmdir(path)
		}
		if err == nil || err == unix.ENOENT {
			return nil
		}
		time.Sleep(wait)
	}
	return fmt.Errorf("remove the cgroup %s: %w", path, err)
}

// reclaim removes the cgroups of runs that were killed. One whose maker lives is locked.
func reclaim(parent string) {
	entries, _ := os.ReadDir(parent) // where it cannot be read nothing is reclaimed
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), prefix) || strings.HasSuffix(e.Name(), ".scope") {
			continue
		}
		path := filepath.Join(parent, e.Name())
		f, err := os.OpenFile(path, unix.O_DIRECTORY, 0)
		if err != nil {
			continue
		}
		if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			_ = remove(path) // the next run tries again
		}
		f.Close()
	}
}
