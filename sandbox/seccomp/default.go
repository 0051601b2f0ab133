package seccomp

import (
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// DefaultOptions say for what sandbox the built-in profile is.
type DefaultOptions struct {
	Options
	// UserNS allows new user namespaces, and with them the calls for mounts and
	// the other namespaces: nested sandboxes need them.
	UserNS bool
	// NoTCP refuses every socket that speaks TCP.
	NoTCP bool
	// NoMemfd refuses memfd_create(2), whose files no mount's noexec covers.
	NoMemfd bool
}

// A group is a row of the table that is generated from moby's profile: names of
// calls, separated by spaces, that are allowed when something holds.
type group struct {
	names string
	when  when
}

// DefaultProfile gives the built-in profile. It says what is allowed; all else fails
// with EPERM, but for what programs take better in other words.
func DefaultProfile(o DefaultOptions) *specs.LinuxSeccomp {
	eperm := uint(unix.EPERM)
	p := &specs.LinuxSeccomp{
		DefaultAction:   specs.ActErrno,
		DefaultErrnoRet: &eperm,
		Architectures:   []specs.Arch{o.Arch.spec()},
	}
	if o.Arch == AMD64 && o.X86_32 {
		p.Architectures = append(p.Architectures, specs.ArchX86)
	}
	withheld := strings.Fields(never + " " + decided)
	if o.NoMemfd {
		withheld = append(withheld, memfds)
		p.Syscalls = append(p.Syscalls, noMemfd())
	}
	for _, g := range base {
		if !g.when.all(o.Options) {
			continue
		}
		names := slices.DeleteFunc(strings.Fields(g.names), func(name string) bool { return slices.Contains(withheld, name) })
		if len(names) != 0 {
			p.Syscalls = append(p.Syscalls, specs.LinuxSyscall{Names: names, Action: specs.ActAllow})
		}
	}
	p.Syscalls = slices.Concat(p.Syscalls, namespaces(o), terminals(), sockets(o), personalities())
	return p
}

// A compiledProgram is DefaultProfile for some options, compiled in advance.
type compiledProgram struct {
	noTCP, noMemfd bool
	kind           programKind
	instructions   []unix.SockFilter
}

type programKind uint8

const (
	plainProgram  programKind = iota
	chrootProgram             // with CAP_SYS_CHROOT
	userNSProgram
)

// Default gives the program of DefaultProfile if it was compiled in advance: only for
// this machine, if it is amd64 or arm64, on Linux 4.8 or later, with no capability beyond those that sandboxes
// with their own root have. Its instructions are not to be changed.
func Default(o DefaultOptions) (*Filter, bool) {
	if o.Arch != Native() || o.Arch == AMD64 && o.X86_32 || !o.Kernel.atLeast(Kernel{4, 8}) || slices.ContainsFunc(o.Caps, rare) {
		return nil, false
	}
	kind := plainProgram
	switch {
	case o.UserNS:
		kind = userNSProgram
	case holds(o.Caps, "CAP_SYS_CHROOT"):
		kind = chrootProgram
	}
	for i := range programs {
		if p := &programs[i]; p.noTCP == o.NoTCP && p.noMemfd == o.NoMemfd && p.kind == kind {
			return &Filter{Instructions: p.instructions}, true
		}
	}
	return nil, false
}

// rare tells of a capability that it is none of those usual in a sandbox. Of
// the usual ones only SYS_CHROOT changes the profile.
func rare(capability string) bool {
	switch bare(capability) {
	case "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE",
		"SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT":
		return false
	}
	return true
}
