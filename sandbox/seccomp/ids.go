package seccomp

import (
	"math"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// OneID is the user and the group of a user namespace that has no other.
type OneID struct{ UID, GID uint32 }

// decidedByID are calls that are decided by their ids where there is OneID.
const decidedByID = "chown lchown fchown fchownat setuid setgid setreuid setregid setresuid setresgid " +
	"chown32 lchown32 fchown32 setuid32 setgid32 setreuid32 setregid32 setresuid32 setresgid32"

// ids lets through what gives a file or the process an id that there is, or leaves the present
// one (-1). Of others the kernel says EINVAL, since they are not mapped, where it tells an
// ordinary user EPERM: fakeroot, dpkg and others go on only then. Such a call cannot succeed.
//
// setfsuid and setfsgid report no error. The list of setgroups is in memory; where one id is
// mapped the kernel refuses that call with EPERM itself.
func ids(o DefaultOptions) []specs.LinuxSyscall {
	if o.OneID == nil {
		return nil
	}
	u, g := wide(o.OneID.UID), wide(o.OneID.GID)
	out := slices.Concat(
		given("fchownat", 2, u, g), given("chown32 lchown32 fchown32", 1, u, g), given("setuid32", 0, u), given("setgid32", 0, g),
		given("setreuid32", 0, u, u), given("setregid32", 0, g, g), given("setresuid32", 0, u, u, u), given("setresgid32", 0, g, g, g),
	)
	if o.X86_32 {
		u, g = short(o.OneID.UID), short(o.OneID.GID)
	}
	return slices.Concat(out,
		given("chown lchown fchown", 1, u, g), given("setuid", 0, u), given("setgid", 0, g),
		given("setreuid", 0, u, u), given("setregid", 0, g, g), given("setresuid", 0, u, u, u), given("setresgid", 0, g, g, g),
	)
}

// anID is a test of an argument.
type anID struct{ mask, value uint32 }

// wide are the tests of which one holds for an id that can be given.
func wide(id uint32) []anID {
	return []anID{{math.MaxUint32, math.MaxUint32}, {math.MaxUint32, id}}
}

// short are those for calls that have 16 bits for an id on 32-bit x86 and 32 bits elsewhere.
// An id that differs above the 16 goes to the kernel, which says EINVAL.
func short(id uint32) []anID {
	some := wide(id)
	some[0] = anID{math.MaxUint16, math.MaxUint16}
	if id < math.MaxUint16 {
		some[1] = anID{math.MaxUint16, id}
	}
	return some
}

// given allows calls where each argument from the first one on is one of its ids.
func given(names string, first uint, arguments ...[]anID) []specs.LinuxSyscall {
	out := []specs.LinuxSyscall{allow(names)}
	for i, some := range arguments {
		var longer []specs.LinuxSyscall
		for _, e := range out {
			for _, id := range some {
				e := e
				e.Args = append(slices.Clip(e.Args), masked(first+uint(i), id.mask, id.value))
				longer = append(longer, e)
			}
		}
		out = longer
	}
	return out
}
