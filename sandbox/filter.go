package sandbox

import (
	"fmt"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/seccomp"
	"github.com/sbxrun/sbx/userns"
)

// Listener is the name of the descriptor of a filter's notifications.
const Listener userns.FD = "seccomp listener"

// addSeccomp adds the filter: the Spec's own, or the default one, which is there
// ready-made for the usual capabilities.
func (c *compiler) addSeccomp() error {
	if c.spec.Unconfined || c.host.NoSeccomp {
		return nil
	}
	name, filter, err := c.filter()
	if err != nil {
		return fmt.Errorf("seccomp: %w", err)
	}
	step := userns.Seccomp{Name: name, Filter: filter.Instructions, Flags: filter.Flags}
	if filter.Notify {
		if err := checkNotify(c.spec.OCI.Linux.Seccomp); err != nil {
			return fmt.Errorf("seccomp: %w", err)
		}
		step.Listener = Listener
		c.add(step, userns.Send{FD: Listener, Await: true})
		return nil
	}
	c.add(step)
	return nil
}

func (c *compiler) filter() (name string, f *seccomp.Filter, err error) {
	if own := c.spec.OCI.Linux.Seccomp; own != nil {
		f, err = seccomp.Compile(own, seccomp.Native())
		return "of the configuration", f, err
	}
	o := c.spec.filterOptions(c.host)
	name = "default"
	if o.UserNS {
		name += ", with user namespaces"
	}
	if f, ok := seccomp.Default(o); ok {
		return name, f, nil
	}
	f, err = seccomp.Compile(seccomp.DefaultProfile(o), seccomp.Native())
	return name, f, err
}

func (s Spec) filterOptions(h Host) seccomp.DefaultOptions {
	return seccomp.DefaultOptions{UserNS: s.UserNS, Options: seccomp.Options{
		Arch: seccomp.Native(), Caps: s.OCI.Process.Capabilities.Bounding, X86_32: s.Allow32Bit,
		Kernel: seccomp.Kernel{Major: h.Kernel.Major, Minor: h.Kernel.Minor},
	}}
}

// filtersByDefault tells whether the filter is the default one, which refuses the
// calls that use keys.
func (c *compiler) filtersByDefault() bool {
	return !c.spec.Unconfined && !c.host.NoSeccomp && c.spec.OCI.Linux.Seccomp == nil
}

// Filter is the filter of a completed Spec, as OCI says it, or nil.
func (s Spec) Filter(h Host) *specs.LinuxSeccomp {
	switch {
	case s.Unconfined:
		return nil
	case s.OCI.Linux.Seccomp != nil:
		return s.OCI.Linux.Seccomp
	}
	return seccomp.DefaultProfile(s.filterOptions(h))
}

// probeProtection asks the kernel which protections it has.
func (h *Host) probeProtection(s Spec) {
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno == 0 {
		h.Landlock = int(abi)
	}
	// It is there when the call gets as far as to look at the pointer.
	_, _, errno = unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, 0)
	h.NoSeccomp = errno != unix.EFAULT
	h.NoTimeNS = !s.HostClock && unix.Access("/proc/self/ns/time", unix.F_OK) != nil
	h.NoProc = h.NoTimeNS && unix.Access("/proc/self/ns", unix.F_OK) != nil
	if s.View == HostView {
		if s.forbidsExecution() {
			h.Top = topDirectories()
		}
		for _, p := range slices.Concat(maskedKernel, frozenKernel, identity) {
			h.stat(p)
		}
	}
}
