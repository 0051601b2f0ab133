package seccomp

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// sample makes calls that are likely to hit an edge of a profile: its numbers
// and their neighbours, its values, one bit or one more or less beside them,
// and what only differs above 32 bits.
type sample struct {
	*rand.Rand
	numbers []uint32
	values  [arguments][]uint64
}

func newSample(p *specs.LinuxSeccomp, seed uint64) *sample {
	s := &sample{Rand: rand.New(rand.NewPCG(seed, 1))}
	for _, e := range p.Syscalls {
		for _, name := range e.Names {
			for a := AMD64; a <= RISCV64; a++ {
				s.numbers = append(s.numbers, a.calls(name)...)
			}
		}
		for _, arg := range e.Args {
			s.values[arg.Index] = append(s.values[arg.Index], arg.Value, arg.ValueTwo)
		}
	}
	s.numbers = append(s.numbers, 102, 117, 511, 512, 547, 548, x32Bit, x32Bit|520, 0xffffffff)
	for i := range s.values {
		s.values[i] = append(s.values[i], 0, 1<<32, 1<<63, 0xffffffff, 0x5412, 0x541c)
	}
	slices.Sort(s.numbers)
	s.numbers = slices.Compact(s.numbers)
	return s
}

func (s *sample) value(i int) uint64 {
	v := s.values[i][s.IntN(len(s.values[i]))]
	switch s.IntN(8) {
	case 0:
		v++
	case 1:
		v--
	case 2:
		v ^= 1 << s.IntN(64)
	case 3:
		v |= uint64(s.Uint32()) << 32
	case 4:
		v = s.Uint64() >> s.IntN(64)
	}
	return v
}

func (s *sample) call() data {
	arches := []Arch{AMD64, AMD64, AMD64, I386, ARM64, ARM64, ARM, RISCV64}
	d := data{nr: s.numbers[s.IntN(len(s.numbers))], arch: arches[s.IntN(len(arches))].audit(), ip: s.Uint64()}
	switch s.IntN(6) {
	case 0:
		d.nr++
	case 1:
		d.nr--
	case 2:
		d.nr ^= x32Bit
	case 3:
		d.nr = uint32(s.IntN(600))
	}
	if s.IntN(50) == 0 {
		d.arch = s.Uint32()
	}
	for i := range d.args {
		d.args[i] = s.value(i)
	}
	return d
}

// agree compares a program with what its profile means, on many calls.
func agree(t testing.TB, p *specs.LinuxSeccomp, native Arch, f *Filter, calls int, seed uint64) {
	t.Helper()
	if err := verify(f.Instructions); err != nil {
		t.Fatal(err)
	}
	s, want := newSample(p, seed), newReference(p, native)
	for range calls {
		d := s.call()
		got, _, err := run(f.Instructions, d)
		if err != nil {
			t.Fatal(err)
		}
		if want := want.of(d); got != want {
			t.Fatalf("arch %#x, nr %#x, args %#x: %#x, want %#x", d.arch, d.nr, d.args, got, want)
		}
	}
}

// profile makes a random profile. Few names, arguments and values make entries
// meet.
func profile(r *rand.Rand) *specs.LinuxSeccomp {
	names := []string{
		"read", "write", "openat", "ioctl", "clone", "socket", "connect", "socketcall", "semop", "execve", "rt_sigaction",
		"mseal", "chown32", "set_tls", "riscv_flush_icache", "send", "no_such_call", "kexec_load", "readv", "ptrace",
	}
	arches := []specs.Arch{specs.ArchX86_64, specs.ArchX86, specs.ArchX32, specs.ArchAARCH64, specs.ArchARM, specs.ArchMIPS}
	p := &specs.LinuxSeccomp{}
	p.DefaultAction, p.DefaultErrnoRet = randomAction(r)
	if p.DefaultAction == specs.ActNotify {
		p.DefaultAction = specs.ActLog
	}
	for range r.IntN(4) {
		p.Architectures = append(p.Architectures, arches[r.IntN(len(arches))])
	}
	for range r.IntN(24) {
		var e specs.LinuxSyscall
		e.Action, e.ErrnoRet = randomAction(r)
		for range 1 + r.IntN(4) {
			e.Names = append(e.Names, names[r.IntN(len(names))])
		}
		if e.Action == specs.ActNotify && slices.Contains(e.Names, "write") {
			e.Names = []string{"openat"}
		}
		for range r.IntN(4) {
			e.Args = append(e.Args, randomArg(r))
		}
		p.Syscalls = append(p.Syscalls, e)
	}
	return p
}

func randomAction(r *rand.Rand) (specs.LinuxSeccompAction, *uint) {
	all := []specs.LinuxSeccompAction{
		specs.ActKill, specs.ActKillProcess, specs.ActKillThread, specs.ActTrap, specs.ActErrno, specs.ActErrno,
		specs.ActTrace, specs.ActAllow, specs.ActAllow, specs.ActLog, specs.ActNotify,
	}
	a := all[r.IntN(len(all))]
	if errno := uint(r.IntN(4096)); (a == specs.ActErrno || a == specs.ActTrace) && r.IntN(2) == 0 {
		return a, &errno
	}
	return a, nil
}

func randomArg(r *rand.Rand) specs.LinuxSeccompArg {
	values := []uint64{0, 1, 2, 4, 0x5412, 1 << 31, 1 << 32, 0xffffffff, 0x7e020000, 1<<63 | 5, 1<<32 | 4, 1<<64 - 1}
	ops := []specs.LinuxSeccompOperator{
		specs.OpNotEqual, specs.OpLessThan, specs.OpLessEqual, specs.OpEqualTo, specs.OpGreaterEqual,
		specs.OpGreaterThan, specs.OpMaskedEqual, specs.OpMaskedEqual,
	}
	return specs.LinuxSeccompArg{
		Index: uint(r.IntN(3)), Op: ops[r.IntN(len(ops))],
		Value: values[r.IntN(len(values))], ValueTwo: values[r.IntN(len(values))],
	}
}
