package seccomp

import (
	"cmp"
	"runtime"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Arch is a calling convention of the kernel: which numbers calls have.
type Arch uint8

// The architectures whose calls are known. X32 is no machine but a second set
// of numbers on amd64.
const (
	AMD64 Arch = iota + 1
	I386
	X32
	ARM64
	ARM
	RISCV64
)

// A number is what one architecture calls a system call.
type number struct {
	name string
	nr   uint32
}

// Native is the architecture that this program was built for, or 0 if it is
// none of those that are known.
func Native() Arch {
	switch runtime.GOARCH {
	case "amd64":
		return AMD64
	case "386":
		return I386
	case "arm64":
		return ARM64
	case "arm":
		return ARM
	case "riscv64":
		return RISCV64
	}
	return 0
}

// String gives the name that conditions in profiles use.
func (a Arch) String() string {
	switch a {
	case AMD64:
		return "amd64"
	case I386:
		return "x86"
	case X32:
		return "x32"
	case ARM64:
		return "arm64"
	case ARM:
		return "arm"
	case RISCV64:
		return "riscv64"
	}
	return "unknown"
}

// spec gives the name that lists of architectures use.
func (a Arch) spec() specs.Arch {
	switch a {
	case AMD64:
		return specs.ArchX86_64
	case I386:
		return specs.ArchX86
	case X32:
		return specs.ArchX32
	case ARM64:
		return specs.ArchAARCH64
	case ARM:
		return specs.ArchARM
	case RISCV64:
		return specs.ArchRISCV64
	}
	return ""
}

// audit gives what the kernel puts into seccomp_data.arch.
func (a Arch) audit() uint32 {
	switch a {
	case AMD64, X32:
		return unix.AUDIT_ARCH_X86_64
	case I386:
		return unix.AUDIT_ARCH_I386
	case ARM64:
		return unix.AUDIT_ARCH_AARCH64
	case ARM:
		return unix.AUDIT_ARCH_ARM
	case RISCV64:
		return unix.AUDIT_ARCH_RISCV64
	}
	return 0
}

// runs tells whether a kernel for a machine can serve another's calls. There is
// no point in code for those that it cannot.
func (a Arch) runs(other Arch) bool {
	switch a {
	case AMD64:
		return other == I386 || other == X32
	case ARM64:
		return other == ARM
	}
	return false
}

func (a Arch) numbers() []number {
	switch a {
	case AMD64:
		return amd64Calls
	case I386:
		return i386Calls
	case ARM64:
		return arm64Calls
	case ARM:
		return armCalls
	case RISCV64:
		return riscv64Calls
	}
	return nil
}

// calls gives the numbers of a call by its name. Only in x32 there can be two.
func (a Arch) calls(name string) []uint32 {
	if a == X32 {
		return x32Numbers(name)
	}
	if nr, ok := find(a.numbers(), name); ok {
		return []uint32{nr}
	}
	return nil
}

func find(table []number, name string) (uint32, bool) {
	i, ok := slices.BinarySearchFunc(table, name, func(n number, s string) int { return cmp.Compare(n.name, s) })
	if !ok {
		return 0, false
	}
	return table[i].nr, true
}

// known tells whether any architecture has a call of this name.
func known(name string) bool {
	for a := AMD64; a <= RISCV64; a++ {
		if len(a.calls(name)) != 0 || a == I386 && muxed(name) {
			return true
		}
	}
	return false
}

// foreign are the architectures that profiles may name and nothing here runs.
var foreign = []specs.Arch{
	specs.ArchMIPS, specs.ArchMIPS64, specs.ArchMIPS64N32, specs.ArchMIPSEL, specs.ArchMIPSEL64,
	specs.ArchMIPSEL64N32, specs.ArchPPC, specs.ArchPPC64, specs.ArchPPC64LE, specs.ArchS390, specs.ArchS390X,
	specs.ArchPARISC, specs.ArchPARISC64, specs.ArchLOONGARCH64, specs.ArchM68K, specs.ArchSH, specs.ArchSHEB,
}

// fromSpec gives 0 for an architecture of which nothing is known but its name.
func fromSpec(name specs.Arch) (Arch, bool) {
	for a := AMD64; a <= RISCV64; a++ {
		if a.spec() == name {
			return a, true
		}
	}
	return 0, slices.Contains(foreign, name)
}
