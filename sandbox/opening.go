package sandbox

import (
	"io/fs"
	"os"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/userns"
)

// DefaultHostname is the name of the host inside.
const DefaultHostname = "sbx"

// Opening is what the plans begin with of most commands in that project, for
// userns.Begin. It is found in a moment: what the flags and the host say in detail
// comes later in a plan. An empty project is that of any command.
func Opening(project string) userns.Plan {
	h := Host{UID: uint32(os.Getuid()), GID: uint32(os.Getgid()), Files: map[string]fs.FileMode{}}
	s := Spec{Project: project}.clone()
	s.completeNamespaces()
	c := &compiler{spec: s, host: h}
	if project == "" {
		c.plan.Namespaces = c.namespaces()
		c.add(userns.DieWithSupervisor{})
		return c.plan
	}
	h.stat("/sys")
	for _, path := range slices.Concat(narrowed, maskedKernel, frozenKernel, identity) {
		h.stat(path)
	}
	c.spec.OCI.Hostname = DefaultHostname
	if _, err := c.spec.completeIDs(h); err != nil {
		return Opening("")
	}
	c.spec.OCI.Mounts = append(append(kernelMounts(), s.narrowSys(h)...), bind(project, project))
	c.spec.OCI.Linux.MaskedPaths, c.spec.OCI.Linux.ReadonlyPaths = s.maskedAlways(h), s.frozenAlways(h)
	c.spec.OCI.Process.Capabilities = &specs.LinuxCapabilities{}
	if err := c.opening(); err != nil {
		return Opening("")
	}
	return c.plan
}

// opening adds what of the host view does not depend on what is shown in it. The
// project is taken here since nothing may be written below what is sealed unless
// it is taken off again, which does not do for all that a project can be.
func (c *compiler) opening() error {
	c.begin()
	c.changeRoot()
	c.takeDevices()
	kernel := c.spec.OCI.Mounts[:c.kernelMounts()]
	for i, m := range kernel {
		if err := c.take(i, m); err != nil {
			return err
		}
	}
	if i := c.project(); i >= 0 {
		if err := c.take(i, c.spec.OCI.Mounts[i]); err != nil {
			return err
		}
	}
	for i, m := range c.spec.OCI.Mounts {
		if i >= len(kernel) && i != c.project() && c.coveredEarly(m) {
			if err := c.take(i, m); err != nil {
				return err
			}
		}
	}
	c.add(userns.Chdir{Path: "/"}, userns.Seal{Attr: userns.ReadOnly | userns.NoSuid | userns.NoDev})
	c.sealed = true
	if err := c.makeDisk(); err != nil {
		return err
	}
	for i, m := range kernel {
		if err := c.mount(i, m); err != nil {
			return err
		}
	}
	for i, m := range c.spec.OCI.Mounts {
		if i >= len(kernel) && below(m.Destination, "/sys") {
			c.mountPoint(i, m) // while /sys can be written
		}
	}
	c.letPing()
	c.freeze()
	c.cover()
	c.hide(c.spec.maskedAlways(c.host))
	c.names()
	return c.apart()
}

// coveredEarly tells whether a bind's source is where the kernel's file systems will be
// mounted: it is taken before, which the plans of most commands need not.
func (c *compiler) coveredEarly(m specs.Mount) bool {
	source := c.host.real(m.Source)
	return isBind(m) && (below(source, "/dev") || below(source, "/sys") && !slices.Contains(narrowed, m.Source))
}

// kernelMounts is how many of the mounts, the first ones, are of the kernel's.
func (c *compiler) kernelMounts() int { return len(kernelMounts()) + len(c.spec.narrowSys(c.host)) }

// project is which of the mounts shows the project at its place, or -1.
func (c *compiler) project() int {
	return slices.IndexFunc(c.spec.OCI.Mounts, func(m specs.Mount) bool {
		return isBind(m) && m.Source == c.spec.Project && m.Destination == c.spec.Project
	})
}
