package sandbox

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/cgroup"
	"github.com/sbxrun/sbx/userns"
)

// limits are the cgroup of a sandbox that has one, while it has it.
type limits struct {
	sync.Mutex
	group     *cgroup.Group
	resources *specs.LinuxResources
	since     time.Time
}

// boxFD names the cgroup that the sandbox is born in.
const boxFD userns.FD = "cgroup"

// limited tells whether there are limits that need a cgroup. Without, none is looked for.
func (s Spec) limited() bool {
	return len(cgroup.Controllers(s.Wished))+len(cgroup.Controllers(s.resources())) > 0
}

func (s Spec) resources() *specs.LinuxResources {
	if s.OCI.Linux == nil {
		return nil
	}
	return s.OCI.Linux.Resources
}

// completeLimits decides which limits there will be: those that are asked for, or an
// error, and of the wished ones those that can be had.
func (s *Spec) completeLimits(h Host) (notes []string, err error) {
	l := s.OCI.Linux
	for _, r := range []*specs.LinuxResources{l.Resources, s.Wished} {
		if err := cgroup.Check(r); err != nil {
			return nil, err
		}
	}
	if !s.limited() {
		s.boundProcesses(h)
		return nil, nil
	}
	if l.Resources != nil && l.Resources.Pids != nil && l.Resources.Pids.Limit != nil && *l.Resources.Pids.Limit == 1 && !s.NoInit {
		return nil, fmt.Errorf("a limit of 1 process leaves none for the command: process 1 collects the others; see --no-init")
	}
	asked := cgroup.Controllers(l.Resources)
	if place, err := h.Cgroups.Choose(asked); err != nil && len(asked) > 0 {
		if !slices.Contains(s.Degraded, "limits") {
			return nil, hinted(fmt.Errorf("limits cannot be had: %w", err), Hint(err)+"; or go with less: --allow-degraded=limits")
		}
		notes, s.LimitsLost = s.degradeLimits(h, place, err), true
	}
	lost, err := s.wish(h)
	if slices.Contains(lost, "pids") && s.Wished.Pids != nil && s.Wished.Pids.Limit != nil {
		s.MostProcesses = *s.Wished.Pids.Limit
	}
	if s.boundProcesses(h) {
		lost = slices.DeleteFunc(lost, func(name string) bool { return name == "pids" })
	}
	if err != nil && len(lost) > 0 {
		notes = append(notes, fmt.Sprintf("without the profile's limits of %s: %v", strings.Join(lost, ", "), err))
	}
	if len(cgroup.Controllers(l.Resources)) == 0 {
		l.Resources = nil
		return notes, nil
	}
	return notes, s.checkCgroupMounts()
}

// wish adds what can be had of the wished limits, and tells what cannot.
func (s *Spec) wish(h Host) (lost []string, err error) {
	l, wanted := s.OCI.Linux, cgroup.Controllers(s.Wished)
	if len(wanted) == 0 {
		return nil, nil
	}
	place, err := h.Cgroups.Choose(wanted)
	if lost = place.Missing; err != nil && lost == nil {
		lost = wanted
	}
	l.Resources = cgroup.Over(cgroup.Without(s.Wished, lost), l.Resources)
	// What was asked for as well is told of there.
	return slices.DeleteFunc(lost, func(name string) bool { return slices.Contains(cgroup.Controllers(s.resources()), name) }), err
}

// degradeLimits replaces limits that cannot be had by those of processes, and says
// what these do not hold.
func (s *Spec) degradeLimits(h Host, place cgroup.Place, cause error) (notes []string) {
	l, p, lost := s.OCI.Linux, s.OCI.Process, place.Missing
	if lost == nil {
		lost = cgroup.Controllers(l.Resources)
	}
	say := func(text string) {
		notes = append(notes, fmt.Sprintf("running without the limit of %s: %v", text, cause))
	}
	for _, name := range lost {
		r := l.Resources
		switch {
		case name == "memory" && r.Memory != nil && r.Memory.Limit != nil && *r.Memory.Limit > 0:
			n := uint64(*r.Memory.Limit)
			p.Rlimits = boundBy(p.Rlimits, "RLIMIT_DATA", n)
			say("memory; each process is held to its data, and all together, files in memory and stacks are not")
		case name == "pids" && r.Pids != nil && r.Pids.Limit != nil && h.Kernel.AtLeast(countsInside.Major, countsInside.Minor):
			n := uint64(*r.Pids.Limit)
			p.Rlimits = boundBy(p.Rlimits, "RLIMIT_NPROC", n)
			say("processes; each user inside is held to as many, and all of them together are not")
		default:
			say(name)
		}
	}
	l.Resources = cgroup.Without(l.Resources, lost)
	return notes
}

// countsInside is the kernel since which a limit of a user's processes counts those of
// a user namespace for themselves. Before, it counts all that the caller runs.
var countsInside = Kernel{5, 14}

// boundProcesses bounds the processes of each user inside, at the cost of one system call,
// unless a limit of the caller's does. It tells whether they are bounded.
func (s *Spec) boundProcesses(h Host) bool {
	p := s.OCI.Process
	if s.MostProcesses <= 0 || !h.Kernel.AtLeast(countsInside.Major, countsInside.Minor) {
		return false
	}
	p.Rlimits = boundBy(p.Rlimits, "RLIMIT_NPROC", uint64(s.MostProcesses))
	return true
}

// checkCgroupMounts refuses to bind the cgroups writable: the files that limit belong
// to the caller, and so to whoever is inside.
func (s Spec) checkCgroupMounts() error {
	for _, m := range s.OCI.Mounts {
		if isBind(m) && !slices.Contains(m.Options, "ro") && (below(m.Source, cgroup.Root) || below(cgroup.Root, m.Source)) {
			return fmt.Errorf("%s is bound writable, and the limits could be lifted there: bind it read-only, or set no limits", m.Source)
		}
	}
	return nil
}

// limit has the child born in its cgroup, which comes before all else.
func (c *compiler) limit() {
	if r := c.spec.resources(); r != nil {
		c.add(userns.BornInto{FD: boxFD, Limits: "of " + strings.Join(cgroup.Words(r), ", ")})
	}
}

// makeLimits makes the cgroup. Where that fails after all, the plan is made again
// without, which is an error unless there may be none.
func (c *Cmd) makeLimits(h Host, s Spec, p userns.Plan) (Host, Spec, userns.Plan, error) {
	if s.resources() == nil {
		return h, s, p, nil
	}
	place, err := h.Cgroups.Choose(cgroup.Controllers(s.resources()))
	if err == nil {
		c.limits.group, err = cgroup.Make(c.ctx, h.Cgroups, place, s.resources())
	}
	if err == nil {
		c.limits.resources, c.limits.since = s.resources(), time.Now()
		c.trace("cgroup %s", c.limits.group.Path())
		return h, s, p, nil
	}
	h.Cgroups.Refused = err
	s, p, err = c.complete(h)
	return h, s, p, err
}

func (l *limits) files() map[userns.FD]*os.File {
	if l.group == nil {
		return nil
	}
	return map[userns.FD]*os.File{boxFD: l.group.Dir()}
}

// account tells what the limits did, while the kernel still knows.
func (c *Cmd) account() {
	u, err := c.Usage()
	if err != nil || c.limits.group == nil {
		return
	}
	if c.receipt != nil {
		c.receipt.Usage = &u
	}
	for _, line := range cgroup.Report(u, c.limits.resources, time.Since(c.limits.since)) {
		c.note("%s", line)
	}
}

// end removes the cgroup.
func (l *limits) end() error {
	l.Lock()
	defer l.Unlock()
	if l.group == nil {
		return nil
	}
	g := l.group
	l.group = nil
	return g.Close()
}

// Usage is what the sandbox uses and has used of its cgroup. Without limits it has none.
func (c *Cmd) Usage() (cgroup.Usage, error) {
	c.limits.Lock()
	defer c.limits.Unlock()
	if c.limits.group == nil {
		return cgroup.Usage{}, errNoCgroup
	}
	return c.limits.group.Usage()
}

// Freeze stops all of the sandbox's processes, or lets them go on. Without limits there
// is no cgroup to do it with.
func (c *Cmd) Freeze(on bool) error {
	c.limits.Lock()
	defer c.limits.Unlock()
	if c.limits.group == nil {
		return errNoCgroup
	}
	return c.limits.group.Freeze(on)
}

// Cgroup is the directory of the cgroup that the sandbox's processes are in, to have
// more of them born there, or nil. It is closed when the sandbox has ended.
func (c *Cmd) Cgroup() *os.File {
	c.limits.Lock()
	defer c.limits.Unlock()
	if c.limits.group == nil {
		return nil
	}
	return c.limits.group.Dir()
}

// Limits are the limits of the sandbox in words, and where its cgroup is. Without, there
// are none.
func (c *Cmd) Limits() (words []string, path string) {
	c.limits.Lock()
	defer c.limits.Unlock()
	if c.limits.group == nil {
		return nil, ""
	}
	return cgroup.Words(c.limits.resources), c.limits.group.Path()
}

var errNoCgroup = fmt.Errorf("the sandbox has no cgroup: it has no limits, or has ended")

// cgroupHint is for a child that was not born in a cgroup.
func cgroupHint(errno syscall.Errno) string {
	switch errno {
	case unix.EPERM, unix.ENOSYS:
		return "what sbx runs in refuses clone3, which alone can start a process in a cgroup, or refuses user namespaces; sbx run without limits tells which"
	case unix.EACCES:
		return "the cgroup that sbx runs in and that of the limits have one above them that is not yours; start sbx in a cgroup that is delegated to you"
	case unix.EAGAIN:
		return "the limit of processes is reached; see --pids-limit and ulimit -u"
	}
	return ""
}
