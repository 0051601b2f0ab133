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
	// OneID is what the user namespace maps, where that is one user and one group. With
	// UserNS it must be nil: other namespaces have other ids.
	OneID *OneID
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
	if o.OneID != nil {
		withheld = append(withheld, strings.Fields(decidedByID)...)
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
	p.Syscalls = slices.Concat(p.Syscalls, namespaces(o), leases(), terminals(), sockets(o), personalities(), ids(o))
	return p
}

// A compiledProgram is DefaultProfile for some options, compiled in advance.
type compiledProgram struct {
	noTCP, noMemfd, oneID bool
	kind                  programKind
	instructions          []unix.SockFilter
}

// AnyID stands for the ids in the programs that are compiled in advance (generate/programs).
// Nothing else is compared with such numbers.
var AnyID = OneID{UID: 0xa11ce01d, GID: 0xa11ce02d}

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
		if p := &programs[i]; p.noTCP == o.NoTCP && p.noMemfd == o.NoMemfd && p.kind == kind && p.oneID == (o.OneID != nil) {
			return &Filter{Instructions: p.with(o.OneID)}, true
		}
	}
	return nil, false
}

// with gives the program for an id, a copy.
func (p *compiledProgram) with(id *OneID) []unix.SockFilter {
	if id == nil {
		return p.instructions
	}
	out := slices.Clone(p.instructions)
	for i := range out {
		switch in := &out[i]; {
		case in.Code != unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K:
		case in.K == AnyID.UID:
			in.K = id.UID
		case in.K == AnyID.GID:
			in.K = id.GID
		}
	}
	return out
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
