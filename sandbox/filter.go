package sandbox

import (
	"fmt"
	"slices"
	"strings"

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
	if o.NoTCP {
		name += ", without TCP"
	}
	if o.NoMemfd {
		name += ", without memfd"
	}
	if o.OneID != nil {
		name += ", for one id"
	}
	if f, ok := seccomp.Default(o); ok {
		return name, f, nil
	}
	f, err = seccomp.Compile(seccomp.DefaultProfile(o), seccomp.Native())
	return name, f, err
}

func (s Spec) filterOptions(h Host) seccomp.DefaultOptions {
	return seccomp.DefaultOptions{UserNS: s.UserNS, NoTCP: s.NoTCP, NoMemfd: s.NoExecTmp, OneID: s.oneID(), Options: seccomp.Options{
		Arch: seccomp.Native(), Caps: s.OCI.Process.Capabilities.Bounding, X86_32: s.Allow32Bit,
		Kernel: seccomp.Kernel{Major: h.Kernel.Major, Minor: h.Kernel.Minor},
	}}
}

// oneID is the user and the group that alone are mapped, or nil. User namespaces that the command
// makes have other ids.
func (s Spec) oneID() *seccomp.OneID {
	uids, gids := fromOCI(s.OCI.Linux.UIDMappings), fromOCI(s.OCI.Linux.GIDMappings)
	if s.UserNS || !uids.IsSingle() || !gids.IsSingle() {
		return nil
	}
	return &seccomp.OneID{UID: uids[0].Inside, GID: gids[0].Inside}
}

// checkFiltered refuses what holds only by the default filter where that is not in
// force. Landlock's rights on ports are about connect(2) and bind(2) of TCP, which
// leaves sendto(2) with MSG_FASTOPEN, listen(2) without bind, and MPTCP; a memfd is on
// no mount that could be noexec.
func (s Spec) checkFiltered(h Host) error {
	var flags []string
	if s.NoTCP {
		flags = append(flags, "--no-tcp")
	}
	if s.NoExecTmp {
		flags = append(flags, "--noexec-tmp")
	}
	if len(flags) == 0 {
		return nil
	}
	names := strings.Join(flags, " and ")
	switch {
	case s.Unconfined:
		return hinted(fmt.Errorf("%s cannot be used with --seccomp unconfined: the default filter enforces it", names), "leave one of them out")
	case s.OCI.Linux.Seccomp != nil:
		return hinted(fmt.Errorf("%s cannot be used with a seccomp filter of your own: the default filter enforces it", names), "leave one of them out")
	case h.NoSeccomp:
		return hinted(fmt.Errorf("%s needs seccomp filters, which the kernel lacks", names), "boot a kernel with CONFIG_SECCOMP_FILTER, or leave "+names+" out")
	case s.NoExecTmp && s.UserNS:
		return hinted(fmt.Errorf("--noexec-tmp cannot be used with --allow-userns: a process can mount an executable directory of its own"), "leave one of them out")
	}
	return nil
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

// LandlockABI is the version of the kernel's Landlock, 0 for none.
func LandlockABI() int {
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(abi)
}

// probeProtection asks the kernel which protections it has.
func (h *Host) probeProtection(s Spec) {
	h.Landlock = LandlockABI()
	// It is there when the call gets as far as to look at the pointer.
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, 0)
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
