package seccomp

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestOneID: ids that there are, and -1, go to the kernel; others are refused, in each place.
func TestOneID(t *testing.T) {
	const none, junk = 0xffffffff, 0xdeadbeef << 32
	for _, id := range []OneID{{1000, 1001}, {1000, 1000}, {0, 0}, {70000, 5}, {0xfffffff0, 0xffffff00}} {
		u, g := uint64(id.UID), uint64(id.GID)
		other := uint64(33)
		for _, o := range []DefaultOptions{
			{Options: Options{Arch: AMD64, Kernel: recent}}, {Options: Options{Arch: ARM64, Kernel: recent}}, {Options: Options{Arch: RISCV64, Kernel: recent}},
			{Options: Options{Arch: AMD64, Caps: rootCaps, Kernel: recent}}, {Options: Options{Arch: AMD64, Kernel: recent, X86_32: true}},
		} {
			o.OneID = &id
			f, ok := Default(o)
			if !ok {
				f = compiled(t, o)
			}
			agree(t, DefaultProfile(o), o.Arch, f, 3000, 7)
			for _, c := range []struct {
				names string
				first int
				ids   []uint64
			}{
				{"chown lchown fchown chown32", 1, []uint64{u, g}}, {"fchownat", 2, []uint64{u, g}},
				{"setuid setuid32", 0, []uint64{u}}, {"setgid setgid32", 0, []uint64{g}}, {"setreuid setreuid32", 0, []uint64{u, u}},
				{"setregid", 0, []uint64{g, g}}, {"setresuid setresuid32", 0, []uint64{u, u, u}}, {"setresgid", 0, []uint64{g, g, g}},
			} {
				for _, name := range strings.Fields(c.names) {
					if o.Arch.calls(name) == nil {
						continue
					}
					try := func(want uint32, ids []uint64) {
						t.Helper()
						var args [6]uint64
						copy(args[c.first:], ids)
						if got := fate(t, f, o.Arch, name, args); got != want {
							t.Errorf("%+v %s %s %x: %#x, want %#x", id, o.Arch, name, ids, got, want)
						}
					}
					try(allowed, c.ids)
					for i := range c.ids {
						changed := slices.Clone(c.ids)
						for _, v := range []uint64{none, none | junk, c.ids[i] | junk} {
							changed[i] = v
							try(allowed, changed)
						}
						for _, v := range []uint64{other, other | junk, c.ids[i] ^ 1, 65534} {
							if v == c.ids[i] {
								continue
							}
							changed[i] = v
							try(refused, changed)
						}
					}
				}
			}
			for _, name := range []string{"setfsuid", "setgroups"} {
				if got := fate(t, f, o.Arch, name, [6]uint64{other}); got != allowed {
					t.Errorf("%s: %#x", name, got)
				}
			}
		}
	}
}

// TestOneIDOf32Bits: the old calls of 32-bit x86 look at 16 bits of an id.
func TestOneIDOf32Bits(t *testing.T) {
	o := DefaultOptions{Options: Options{Arch: AMD64, Kernel: recent, X86_32: true}, OneID: &OneID{UID: 1000, GID: 1001}}
	f := compiled(t, o)
	for _, c := range []struct {
		name string
		args [6]uint64
		want uint32
	}{
		{"chown", [6]uint64{0, 1000, 1001}, allowed}, {"chown", [6]uint64{0, 0xffff, 0xffff}, allowed}, {"chown", [6]uint64{0, 0xffffffff, 1001}, allowed},
		{"chown", [6]uint64{0, 0, 0}, refused}, {"lchown", [6]uint64{0, 1000, 33}, refused}, {"fchown", [6]uint64{0, 33, 0xffff}, refused},
		{"chown32", [6]uint64{0, 1000, 0xffffffff}, allowed}, {"chown32", [6]uint64{0, 0xffff, 1001}, refused}, {"chown32", [6]uint64{0, 0, 0}, refused},
		{"setuid", [6]uint64{1000}, allowed}, {"setuid", [6]uint64{0}, refused}, {"setuid32", [6]uint64{1000}, allowed}, {"setuid32", [6]uint64{0}, refused},
		{"setresgid32", [6]uint64{1001, 0xffffffff, 1001}, allowed}, {"setresgid32", [6]uint64{1001, 0, 1001}, refused},
		{"setreuid", [6]uint64{0xffff, 1000}, allowed}, {"setreuid", [6]uint64{0xffff, 1}, refused}, {"fchownat", [6]uint64{0, 0, 1000, 0}, refused},
	} {
		if got := fate(t, f, I386, c.name, c.args); got != c.want {
			t.Errorf("%s %x: %#x, want %#x", c.name, c.args, got, c.want)
		}
	}
}

// TestAnyIDIsReplaced: no program has the ids that stand for others.
func TestAnyIDIsReplaced(t *testing.T) {
	o := DefaultOptions{Options: Options{Arch: Native(), Kernel: recent}, OneID: &OneID{UID: 7, GID: 8}}
	f, ok := Default(o)
	if !ok && os.Getenv("SBX_MUST_WORK") != "1" {
		t.Skip("no programs for " + Native().String())
	}
	if !ok {
		t.Fatal("no programs for " + Native().String())
	}
	for i, in := range f.Instructions {
		if in.K == AnyID.UID || in.K == AnyID.GID {
			t.Errorf("instruction %d compares with %#x", i, in.K)
		}
	}
	again, _ := Default(DefaultOptions{Options: o.Options, OneID: &OneID{UID: 9, GID: 10}})
	if again.Hash() == f.Hash() {
		t.Error("two ids have one program")
	}
}
