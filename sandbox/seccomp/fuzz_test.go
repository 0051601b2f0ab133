package seccomp

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
)

// Whatever text comes, it is refused or gives a program that the kernel would
// take and that does what the profile says.
func FuzzParse(f *testing.F) {
	f.Add([]byte(conditions), uint8(1), true)
	f.Add([]byte(`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"name":"read","action":"SCMP_ACT_ALLOW","args":[
		{"index":0,"op":"SCMP_CMP_MASKED_EQ","value":15,"valueTwo":1},{"index":0,"op":"SCMP_CMP_GT","value":5}]}]}`), uint8(4), false)
	f.Add([]byte(`{"defaultAction":"SCMP_ACT_LOG","architectures":["SCMP_ARCH_X86","SCMP_ARCH_X32"],"syscalls":[
		{"names":["connect","ioctl"],"action":"SCMP_ACT_TRACE","errnoRet":7,"includes":{"caps":["CAP_KILL"],"minKernel":"4.8"}}]}`), uint8(1), true)
	f.Fuzz(func(t *testing.T, text []byte, arch uint8, more bool) {
		o := Options{Arch: natives[int(arch)%len(natives)], X86_32: more}
		if more {
			o.Caps, o.Kernel = []string{"CAP_KILL"}, recent
		}
		p, err := Parse(text, o)
		if err != nil {
			return
		}
		filter, err := Compile(p, o.Arch)
		if err != nil {
			return
		}
		agree(t, p, o.Arch, filter, 50, 1)
	})
}

// Profiles of entries that meet in every way, against the reference. The text
// of each says the same.
func FuzzCompile(f *testing.F) {
	f.Add(uint64(1), uint64(2))
	f.Fuzz(func(t *testing.T, a, b uint64) {
		p := profile(rand.New(rand.NewPCG(a, b)))
		native := natives[a%uint64(len(natives))]
		filter, err := Compile(p, native)
		if err != nil {
			t.Fatal(err)
		}
		agree(t, p, native, filter, 100, b)
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(text, Options{Arch: native})
		if err != nil {
			t.Fatal(err)
		}
		same, err := Compile(again, native)
		if err != nil || same.Hash() != filter.Hash() {
			t.Fatalf("the text of the profile gives another program: %v", err)
		}
	})
}
