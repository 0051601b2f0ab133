package seccomp

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// A reference says what a profile means, as plainly as can be: no tables of
// numbers but the generated ones, no tree, no halves of words. It expects a
// profile that Compile accepts.
type reference struct {
	*specs.LinuxSeccomp
	native Arch
	newest map[Arch]uint32 // that the profile has a name for
}

func newReference(p *specs.LinuxSeccomp, native Arch) *reference {
	r := &reference{p, native, map[Arch]uint32{}}
	for a := AMD64; a <= RISCV64; a++ {
		for _, n := range callsOf(a) {
			if n.nr&0xf0000 == 0 && slices.ContainsFunc(p.Syscalls, func(e specs.LinuxSyscall) bool { return slices.Contains(e.Names, n.name) }) {
				r.newest[a] = max(r.newest[a], n.nr)
			}
		}
	}
	return r
}

func callsOf(a Arch) []number {
	if a != X32 {
		return a.numbers()
	}
	both := slices.Concat(amd64Calls, x32Calls)
	for i := range both {
		both[i].nr += 1 << 30
	}
	return both
}

func (p *reference) of(d data) uint32 {
	def := mean(p.DefaultAction, p.DefaultErrnoRet)
	a := machineOf(p.LinuxSeccomp, p.native, d)
	if a == 0 {
		return 0x80000000 // kill the process
	}
	const nosys = 0x50000 | 38
	if a == X32 && !slices.Contains(p.Architectures, specs.ArchX32) || a == AMD64 && d.nr >= 512 && d.nr <= 547 {
		return nosys
	}
	var names []string
	for _, n := range callsOf(a) {
		if n.nr == d.nr && slices.ContainsFunc(p.Syscalls, func(e specs.LinuxSyscall) bool { return slices.Contains(e.Names, n.name) }) {
			names = append(names, n.name)
		}
	}
	for _, e := range p.Syscalls {
		if len(e.Args) != 0 && overlap(e.Names, names) && applies(e, d) {
			return mean(e.Action, e.ErrnoRet)
		}
	}
	for _, e := range p.Syscalls {
		if len(e.Args) == 0 && overlap(e.Names, names) {
			return mean(e.Action, e.ErrnoRet)
		}
	}
	if a == I386 && names == nil {
		if v, ok := oldCall(p.LinuxSeccomp, d); ok {
			return v
		}
	}
	strict := def == 0 || def == 0x80000000 || def>>16 == 5
	newest, any := p.newest[a]
	if any && strict && names == nil && d.nr > newest {
		return nosys
	}
	return def
}

func machineOf(p *specs.LinuxSeccomp, native Arch, d data) Arch {
	for _, a := range []Arch{AMD64, I386, ARM64, ARM, RISCV64} {
		if a.audit() != d.arch {
			continue
		}
		pairs := map[Arch][]Arch{AMD64: {I386}, ARM64: {ARM}}
		if a != native && !(slices.Contains(p.Architectures, a.spec()) && slices.Contains(pairs[native], a)) {
			return 0
		}
		if a == AMD64 && d.nr >= 1<<30 {
			return X32
		}
		return a
	}
	return 0
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// oldCall is for socketcall(2) and ipc(2) in profiles that do not name them.
func oldCall(p *specs.LinuxSeccomp, d data) (uint32, bool) {
	parts, which := muxes[0].parts, d.args[0]&0xffffffff
	switch d.nr {
	case 102:
	case 117:
		parts, which = muxes[1].parts, d.args[0]&0xffff
	default:
		return 0, false
	}
	i := slices.IndexFunc(parts, func(n number) bool { return uint64(n.nr) == which })
	for _, conditional := range []bool{true, false} {
		for _, e := range p.Syscalls {
			refusal := slices.Contains([]specs.LinuxSeccompAction{
				specs.ActErrno, specs.ActKill, specs.ActKillProcess, specs.ActKillThread, specs.ActTrap,
			}, e.Action)
			if i >= 0 && slices.Contains(e.Names, parts[i].name) && (len(e.Args) != 0) == conditional && (refusal || !conditional) {
				return mean(e.Action, e.ErrnoRet), true
			}
		}
	}
	named := slices.ContainsFunc(p.Syscalls, func(e specs.LinuxSyscall) bool {
		return slices.ContainsFunc(parts, func(n number) bool { return slices.Contains(e.Names, n.name) })
	})
	return mean(p.DefaultAction, p.DefaultErrnoRet), named
}

func applies(e specs.LinuxSyscall, d data) bool {
	count := map[uint]int{}
	held, repeated := 0, false
	for _, a := range e.Args {
		if count[a.Index]++; count[a.Index] > 1 {
			repeated = true
		}
		if compare(a, d.args[a.Index]) {
			held++
		}
	}
	return held == len(e.Args) || repeated && held > 0
}

func compare(a specs.LinuxSeccompArg, v uint64) bool {
	switch a.Op {
	case specs.OpNotEqual:
		return v != a.Value
	case specs.OpLessThan:
		return v < a.Value
	case specs.OpLessEqual:
		return v <= a.Value
	case specs.OpEqualTo:
		return v == a.Value
	case specs.OpGreaterEqual:
		return v >= a.Value
	case specs.OpGreaterThan:
		return v > a.Value
	case specs.OpMaskedEqual:
		return v&a.Value == a.ValueTwo&a.Value
	}
	panic("operator " + a.Op)
}

func mean(action specs.LinuxSeccompAction, errno *uint) uint32 {
	n := uint32(1)
	if errno != nil {
		n = uint32(*errno)
	}
	switch action {
	case specs.ActKill, specs.ActKillThread:
		return 0
	case specs.ActKillProcess:
		return 0x80000000
	case specs.ActTrap:
		return 0x30000
	case specs.ActErrno:
		return 0x50000 | n
	case specs.ActTrace:
		return 0x7ff00000 | n
	case specs.ActNotify:
		return 0x7fc00000
	case specs.ActLog:
		return 0x7ffc0000
	case specs.ActAllow:
		return 0x7fff0000
	}
	panic("action " + action)
}
