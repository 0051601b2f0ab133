package seccomp

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	moby "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// docker writes moby's default profile as JSON.
func docker(t testing.TB) []byte {
	t.Helper()
	text, err := json.Marshal(moby.DefaultProfile())
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// moby's own reader gives the same for its profile, but for the architectures
// that are dropped on purpose. It knows the running kernel only, which is newer
// than all that the profile asks for.
func TestParseAgreesWithMoby(t *testing.T) {
	if Native() != AMD64 && Native() != ARM64 {
		t.Skip("moby's reader is for the machine that it runs on")
	}
	for _, caps := range [][]string{nil, {"CAP_SYS_ADMIN"}, {"CAP_SYS_PTRACE", "CAP_BPF", "CAP_SYS_CHROOT"}} {
		spec := &specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{Bounding: caps}}}
		want, err := moby.LoadProfile(string(docker(t)), spec)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Parse(docker(t), Options{Arch: Native(), Caps: caps, Kernel: recent})
		if err != nil {
			t.Fatal(err)
		}
		want.Architectures = want.Architectures[:1]
		if Native() == ARM64 {
			want.Architectures = []specs.Arch{specs.ArchAARCH64, specs.ArchARM}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", caps, diff)
		}
		f, err := Compile(got, Native())
		if err != nil {
			t.Fatal(err)
		}
		agree(t, got, Native(), f, 5000, 2)
	}
}

// conditions has all that docker's form adds to OCI's.
const conditions = `{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "defaultErrno": "ENOSYS", "flags": null,
	"archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]},
		{"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]}],
	"syscalls": [
		{"name": "a", "action": "SCMP_ACT_ALLOW", "args": null, "includes": {}, "excludes": null},
		{"names": ["b"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_KILL", "CAP_CHOWN"]}},
		{"names": ["c"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_KILL", "CAP_CHOWN"]}, "comment": "c"},
		{"names": ["d"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["arm64", "x32"]}},
		{"names": ["e"], "action": "SCMP_ACT_ALLOW", "excludes": {"arches": ["arm64"]}},
		{"names": ["f"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "5.10"}},
		{"names": ["g"], "action": "SCMP_ACT_ERRNO", "errno": "EACCES", "excludes": {"minKernel": "5.10"}}]}`

func TestParseConditions(t *testing.T) {
	for _, c := range []struct {
		o      Options
		names  string
		arches []specs.Arch
	}{
		{Options{Arch: AMD64}, "a c e g", []specs.Arch{"SCMP_ARCH_X86_64"}},
		{Options{Arch: AMD64, X86_32: true}, "a c e g", []specs.Arch{"SCMP_ARCH_X86_64", "SCMP_ARCH_X86"}},
		{Options{Arch: ARM64, Kernel: Kernel{5, 10}}, "a c d f", []specs.Arch{"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"}},
		{Options{Arch: RISCV64, Kernel: Kernel{5, 9}, Caps: []string{"KILL"}}, "a e g", []specs.Arch{"SCMP_ARCH_RISCV64"}},
		{Options{Arch: AMD64, Kernel: Kernel{6, 0}, Caps: []string{"CAP_KILL", "CHOWN"}}, "a b e f", []specs.Arch{"SCMP_ARCH_X86_64"}},
	} {
		p, err := Parse([]byte(conditions), c.o)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range p.Syscalls {
			names = append(names, e.Names...)
			if e.Names[0] == "g" && *e.ErrnoRet != 13 {
				t.Errorf("EACCES is %d", *e.ErrnoRet)
			}
		}
		if got := strings.Join(names, " "); got != c.names {
			t.Errorf("%+v: %s, want %s", c.o, got, c.names)
		}
		if diff := cmp.Diff(c.arches, p.Architectures); diff != "" {
			t.Errorf("%+v: %s", c.o, diff)
		}
		if *p.DefaultErrnoRet != 38 {
			t.Errorf("ENOSYS is %d", *p.DefaultErrnoRet)
		}
	}
}

// A profile in OCI's form comes through as it is, and so does what
// DefaultProfile makes: it can be given to other runtimes.
func TestParseRoundTrip(t *testing.T) {
	for name, o := range variants() {
		want := DefaultProfile(o)
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Parse(text, o.Options)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestParseErrors(t *testing.T) {
	entry := func(s string) string {
		return `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"},{` + s + `}]}`
	}
	for text, want := range map[string]string{
		``:                                   "at byte 0: unexpected EOF",
		`[]`:                                 "at byte 1: this is not an object",
		`null`:                               "defaultAction: no action",
		`{}`:                                 "defaultAction: no action",
		`{"defaultAction":"SCMP_ACT"}`:       `defaultAction, at byte 27: unknown action "SCMP_ACT"`,
		`{"defaultaction":"SCMP_ACT_ALLOW"}`: "defaultaction, at byte 16: unknown key",
		`{"defaultAction":"SCMP_ACT_ALLOW","defaultAction":"SCMP_ACT_LOG"}`:              `at byte 49: key "defaultAction" is there twice`,
		`{"defaultAction":"SCMP_ACT_ALLOW"} {}`:                                          "at byte 36: something follows the profile",
		`{"defaultAction":"SCMP_ACT_ALLOW","defaultErrnoRet":1}`:                         "defaultAction: action SCMP_ACT_ALLOW takes no errnoRet",
		`{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":1,"defaultErrno":"ENOSYS"}`: "defaultErrno, at byte 77: the error is both 1 and 38",
		`{"defaultAction":"SCMP_ACT_ERRNO","architectures":["X86"]}`:                     `architectures[0], at byte 56: unknown architecture "X86"`,
		`{"flags":["TSYNC"]}`:                                       `flags[0], at byte 17: unknown flag "TSYNC"`,
		`{"architectures":[],"archMap":[{}]`:                        "at byte 34: unexpected EOF",
		`{"architectures":["SCMP_ARCH_X86"],"archMap":[{}]}`:        "archMap[0], at byte 46: there is architectures as well",
		entry(`"names":["read"]`):                                   "syscalls[1], at byte 109: no action",
		entry(`"action":"SCMP_ACT_ALLOW"`):                          "syscalls[1], at byte 118: no name",
		entry(`"names":["a"],"name":"b","action":"SCMP_ACT_ALLOW"`): "syscalls[1], at byte 143: there are both name and names",
		entry(`"nmaes":["a"]`):                                      "syscalls[1].nmaes, at byte 99: unknown key",
		entry(`"args":[{"index":0,"op":"SCMP_CMP_EQ","value":-1}]`): "syscalls[1].args[0].value, at byte 140: -1 is not a whole number from 0 to 2^64-1",
		entry(`"args":[{"index":6}]`):                               "syscalls[1].args[0].index, at byte 110: index 6 is above 5",
		entry(`"args":[{"index":0,"op":"EQ"}]`):                     `syscalls[1].args[0], at byte 121: unknown operator "EQ"`,
		entry(`"args":[{"index":0,"mask":null}]`):                   "syscalls[1].args[0].mask, at byte 117: unknown key",
		entry(`"includes":{"caps":["KILL"]}`):                       `syscalls[1].includes.caps[0], at byte 118: "KILL" is no capability`,
		entry(`"excludes":{"arches":["x86_64"]}`):                   `syscalls[1].excludes.arches[0], at byte 122: unknown architecture "x86_64"`,
		entry(`"includes":{"minKernel":"4"}`):                       `syscalls[1].includes.minKernel, at byte 119: "4" is no kernel version such as 4.8`,
		entry(`"errno":"EVIL"`):                                     `syscalls[1].errno, at byte 106: unknown error "EVIL"`,
		`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["` + strings.Repeat("x", maxProfile) + `"]}]}`: "it has 1048638 bytes, more than 1048576",
	} {
		_, err := Parse([]byte(text), Options{Arch: AMD64})
		if err == nil || err.Error() != "seccomp profile: "+want {
			t.Errorf("%.200s\n\t%v\n\twant %s", text, err, want)
		}
	}
	var syntax *json.SyntaxError
	if _, err := Parse([]byte(`{"defaultAction" 1}`), Options{Arch: AMD64}); !errors.As(err, &syntax) {
		t.Errorf("broken JSON: %v", err)
	}
}
