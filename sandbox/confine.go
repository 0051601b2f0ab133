package sandbox

import (
	"fmt"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/sandbox/landlock"
	"github.com/sbxrun/sbx/userns"
)

// completeProtection decides what of the default protections there will be. One
// that the host has not stops the run, unless the Spec may do without it; then a
// note says so.
func (s *Spec) completeProtection(h Host) (notes []string, err error) {
	for _, name := range s.Degraded {
		if !slices.Contains(Degradable, name) {
			return nil, fmt.Errorf("protection %q is not known, or cannot be done without: want one of %s", name, strings.Join(Degradable, ", "))
		}
	}
	missing := []struct{ name, why, mend string }{}
	if h.Landlock < landlock.Floor {
		missing = append(missing, struct{ name, why, mend string }{"landlock", landlockMissing(h), "boot Linux 5.19 or newer, with landlock among the modules of lsm="})
	}
	if h.NoSeccomp && !s.Unconfined {
		missing = append(missing, struct{ name, why, mend string }{"seccomp", "the kernel has no seccomp filters", "boot a kernel with CONFIG_SECCOMP_FILTER"})
	}
	if h.NoTimeNS && !s.HostClock {
		missing = append(missing, struct{ name, why, mend string }{"clock", "the kernel has no time namespaces", "boot a kernel with CONFIG_TIME_NS"})
	}
	for _, m := range missing {
		if !slices.Contains(s.Degraded, m.name) {
			return nil, hinted(fmt.Errorf("protection %s cannot be had: %s", m.name, m.why), fmt.Sprintf("%s; or go without: --allow-degraded=%s", m.mend, m.name))
		}
		notes = append(notes, fmt.Sprintf("running without %s: %s", m.name, m.why))
		if m.name == "clock" {
			s.HostClock = true
		}
	}
	if err := s.checkFiltered(h); err != nil {
		return nil, err
	}
	s.completeMasks(h)
	return notes, s.checkGiven()
}

func landlockMissing(h Host) string {
	if h.Landlock == 0 {
		return "the kernel has no Landlock, or it is switched off"
	}
	return fmt.Sprintf("the kernel's Landlock, ABI %d, refuses every rename between directories", h.Landlock)
}

// confine adds the steps that confine the command, the last before it is run.
func (c *compiler) confine(limits []userns.Rlimit) error {
	c.addLabels()
	c.keepRules()
	c.addLandlock()
	c.addFileLimit(limits)
	if c.spec.NoInit {
		return c.addSeccomp()
	}
	if !c.filtersByDefault() { // a filter of somebody else's may not let it wait
		c.add(userns.AwaitInit{})
		return c.addSeccomp()
	}
	err := c.addSeccomp()
	c.add(userns.AwaitInit{})
	return err
}

// addLandlock adds the file policy once more, by Landlock.
func (c *compiler) addLandlock() {
	if c.host.Landlock < landlock.Floor {
		return
	}
	p, _ := c.landlock().Restrict(c.host.Landlock)
	if p.Empty() {
		return
	}
	c.add(landlockStep(p, c.mountFD))
}

// landlockStep is a policy as a step. from names what was opened of a mount.
func landlockStep(p landlock.Policy, from func(mount int) userns.FD) userns.Landlock {
	step := userns.Landlock{Words: p.String(), Files: uint64(p.Files), Ports: uint64(p.Ports), Scopes: uint64(p.Scopes)}
	for _, r := range p.Rules {
		rule := userns.LandlockRule{Path: r.Path, Rights: uint64(r.Rights)}
		if r.Mount >= 0 {
			rule.From = from(r.Mount)
		}
		step.Rules = append(step.Rules, rule)
	}
	return step
}

// executable grants reading everywhere, and execution with it. A grant holds for all
// that is below, so where something is mounted that nothing may be executed on, it
// is for each directory at the root that nothing is mounted on. The kernel's own
// mounts are such, and are enough by themselves: who could get around a mount could
// get at programs anywhere.
func (c *compiler) executable(grant func(string, int, landlock.Rights, bool)) {
	if !c.spec.forbidsExecution() {
		grant("/", -1, landlock.Read|landlock.Execute, false)
		return
	}
	grant("/", -1, landlock.Read, false)
	for _, dir := range c.host.Top {
		if !slices.ContainsFunc(c.spec.OCI.Mounts, func(m specs.Mount) bool { return m.Destination == dir }) {
			grant(dir, -1, landlock.Execute, false)
		}
	}
}

// landlock is what is granted: reading everywhere, since the mounts have hidden
// what is not to be read, and writing where a mount is writable.
func (c *compiler) landlock() landlock.Policy {
	const inside = landlock.Read | landlock.Execute | landlock.Write
	p := landlock.Policy{Scopes: landlock.Signals | landlock.AbstractSockets}
	if c.spec.NoTCP { // the filter refuses the sockets; this holds one that is inherited or received
		p.Ports = landlock.BindTCP | landlock.ConnectTCP
	}
	if c.spec.UserNS {
		return p // who is confined in files may not mount
	}
	p.Files = landlock.AllFiles
	grant := func(path string, mount int, rights landlock.Rights, leaf bool) {
		p.Rules = append(p.Rules, landlock.Rule{Path: path, Mount: mount, Rights: rights, Leaf: leaf})
	}
	switch {
	case c.spec.View == HostView:
		c.executable(grant)
	case c.spec.OCI.Root.Readonly:
		grant("/", -1, landlock.Read|landlock.Execute, false)
	default:
		grant("/", -1, inside, false)
	}
	for i, m := range c.spec.OCI.Mounts {
		if _, ok := c.copyOf(m); ok {
			continue // what covers it is elsewhere
		}
		rights, mount := inside, -1
		switch {
		case isBind(m):
			mount = i
		case m.Type == "proc":
			rights = landlock.Read | landlock.WriteFiles
		case m.Type == "devpts", below(m.Destination, "/sys"):
			continue // within /dev, and nothing to write
		case m.Destination == "/dev":
			c.grantDev(grant)
			continue
		}
		if givesDevices(m) {
			rights = landlock.Read | landlock.WriteFiles | landlock.Devices
		}
		if slices.Contains(m.Options, "ro") {
			rights &^= landlock.Write
		}
		if isBind(m) && c.spec.meansSockets(c.host, m) {
			rights |= landlock.Sockets
		}
		if slices.Contains(m.Options, "noexec") {
			rights &^= landlock.Execute
		}
		grant(m.Destination, mount, rights, mount >= 0 && !c.host.isDir(m.Source))
	}
	for _, path := range c.spec.exposedSockets(c.host) {
		grant(path, -1, landlock.Sockets, true)
	}
	if place := c.spec.copyPlace(); len(c.copied) > 0 && below(place, "/dev") {
		grant(place, -1, landlock.Read|landlock.Write, false)
	}
	return p
}
