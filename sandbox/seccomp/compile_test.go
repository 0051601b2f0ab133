package seccomp

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

var natives = []Arch{AMD64, I386, ARM64, ARM, RISCV64}

func TestRandomProfiles(t *testing.T) {
	for seed := range uint64(600) {
		p := profile(rand.New(rand.NewPCG(seed, 0)))
		native := natives[seed%uint64(len(natives))]
		f, err := Compile(p, native)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		agree(t, p, native, f, 300, seed)
	}
}

// Profiles by hand, and for each some calls whose fate is written down as well:
// the reference could share a mistake with the compiler.
func TestProfiles(t *testing.T) {
	const (
		allowed = unix.SECCOMP_RET_ALLOW
		eperm   = unix.SECCOMP_RET_ERRNO | 1
	)
	type try struct {
		name string
		args [6]uint64
		want uint32
	}
	for _, c := range []struct {
		name, profile string
		tries         []try
	}{
		{"allow list", `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read","nosuch"],"action":"SCMP_ACT_ALLOW"}]}`,
			[]try{{"read", [6]uint64{}, allowed}, {"write", [6]uint64{}, nosys}, {"statx", [6]uint64{}, nosys}}},
		{"deny list", `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["ptrace","mseal"],"action":"SCMP_ACT_KILL_PROCESS"}]}`,
			[]try{{"ptrace", [6]uint64{}, 0x80000000}, {"removexattrat", [6]uint64{}, allowed}}},
		{"kill", `{"defaultAction":"SCMP_ACT_KILL","syscalls":[{"names":["mseal"],"action":"SCMP_ACT_LOG"}]}`,
			[]try{{"read", [6]uint64{}, 0}, {"mseal", [6]uint64{}, unix.SECCOMP_RET_LOG}, {"removexattrat", [6]uint64{}, nosys}}},
		{"trap", `{"defaultAction":"SCMP_ACT_TRAP","syscalls":[{"names":["mseal"],"action":"SCMP_ACT_TRACE","errnoRet":65535}]}`,
			[]try{{"read", [6]uint64{}, unix.SECCOMP_RET_TRAP}, {"mseal", [6]uint64{}, unix.SECCOMP_RET_TRACE | 65535}, {"removexattrat", [6]uint64{}, unix.SECCOMP_RET_TRAP}}},
		{"errors", `{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":13,"syscalls":[{"names":["mseal"],"action":"SCMP_ACT_ERRNO","errnoRet":4095},{"names":["read"],"action":"SCMP_ACT_ERRNO"}]}`,
			[]try{{"write", [6]uint64{}, unix.SECCOMP_RET_ERRNO | 13}, {"mseal", [6]uint64{}, unix.SECCOMP_RET_ERRNO | 4095}, {"read", [6]uint64{}, eperm}}},
		{"notify", `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["openat"],"action":"SCMP_ACT_NOTIFY","args":[{"index":2,"op":"SCMP_CMP_NE","value":0}]}]}`,
			[]try{{"openat", [6]uint64{0, 0, 1}, unix.SECCOMP_RET_USER_NOTIF}, {"openat", [6]uint64{0, 0, 0}, allowed}}},
		{"all of an entry", `{"defaultAction":"SCMP_ACT_KILL_THREAD","syscalls":[{"names":["socket"],"action":"SCMP_ACT_ALLOW","args":[
			{"index":0,"op":"SCMP_CMP_EQ","value":2},{"index":1,"op":"SCMP_CMP_MASKED_EQ","value":15,"valueTwo":1}]}]}`,
			[]try{{"socket", [6]uint64{2, 1 | 0x80000}, allowed}, {"socket", [6]uint64{2, 2}, 0}, {"socket", [6]uint64{1, 1}, 0}, {"socket", [6]uint64{1<<32 | 2, 1}, 0}}},
		{"one of an entry", `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["socket"],"action":"SCMP_ACT_ALLOW","args":[
			{"index":0,"op":"SCMP_CMP_EQ","value":2},{"index":0,"op":"SCMP_CMP_EQ","value":1},{"index":2,"op":"SCMP_CMP_GT","value":4294967296}]}]}`,
			[]try{{"socket", [6]uint64{2}, allowed}, {"socket", [6]uint64{1}, allowed}, {"socket", [6]uint64{3}, eperm},
				{"socket", [6]uint64{3, 0, 1 << 32}, eperm}, {"socket", [6]uint64{3, 0, 1<<32 + 1}, allowed}}},
		{"conditions before the rest", `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["ioctl"],"action":"SCMP_ACT_ALLOW"},
			{"names":["ioctl"],"action":"SCMP_ACT_ERRNO","args":[{"index":1,"op":"SCMP_CMP_MASKED_EQ","value":4294967295,"valueTwo":21522}]}]}`,
			[]try{{"ioctl", [6]uint64{0, 0x5401}, allowed}, {"ioctl", [6]uint64{0, 0x5412}, eperm}, {"ioctl", [6]uint64{0, 1<<32 | 0x5412}, eperm}}},
		{"the first counts", `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_ERRNO"},{"names":["read"],"action":"SCMP_ACT_KILL"},
			{"names":["write"],"action":"SCMP_ACT_ERRNO","args":[{"index":0,"op":"SCMP_CMP_LT","value":3}]},{"names":["write"],"action":"SCMP_ACT_TRAP","args":[{"index":0,"op":"SCMP_CMP_LE","value":3}]}]}`,
			[]try{{"read", [6]uint64{}, eperm}, {"write", [6]uint64{2}, eperm}, {"write", [6]uint64{3}, unix.SECCOMP_RET_TRAP}, {"write", [6]uint64{1 << 32}, allowed}}},
		{"halves", `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["lseek"],"action":"SCMP_ACT_ERRNO","args":[{"index":1,"op":"SCMP_CMP_GE","value":8589934597}]},
			{"names":["read"],"action":"SCMP_ACT_ERRNO","args":[{"index":5,"op":"SCMP_CMP_MASKED_EQ","value":4294967297,"valueTwo":4294967296}]}]}`,
			[]try{{"lseek", [6]uint64{0, 8589934597}, eperm}, {"lseek", [6]uint64{0, 8589934596}, allowed}, {"lseek", [6]uint64{0, 3 << 32}, eperm}, {"lseek", [6]uint64{0, 0xffffffff}, allowed},
				{"read", [6]uint64{5: 1 << 32}, eperm}, {"read", [6]uint64{5: 1<<32 | 1}, allowed}, {"read", [6]uint64{5: 0}, allowed}}},
		{"bits", `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
			{"names":["read"],"action":"SCMP_ACT_ERRNO","args":[{"index":0,"op":"SCMP_CMP_MASKED_EQ","value":1,"valueTwo":1}]},
			{"names":["read"],"action":"SCMP_ACT_TRAP","args":[{"index":0,"op":"SCMP_CMP_MASKED_EQ","value":2,"valueTwo":2}]},
			{"names":["read"],"action":"SCMP_ACT_TRAP","args":[{"index":0,"op":"SCMP_CMP_MASKED_EQ","value":4,"valueTwo":0}]}]}`,
			[]try{
				{"read", [6]uint64{7}, eperm},
				{"read", [6]uint64{6}, unix.SECCOMP_RET_TRAP},
				{"read", [6]uint64{0}, unix.SECCOMP_RET_TRAP},
				{"read", [6]uint64{4}, allowed},
			}},
		{"empty", `{"defaultAction":"SCMP_ACT_ERRNO"}`, []try{{"read", [6]uint64{}, eperm}, {"mseal", [6]uint64{}, eperm}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := Parse([]byte(c.profile), Options{Arch: AMD64})
			if err != nil {
				t.Fatal(err)
			}
			f, err := Compile(p, AMD64)
			if err != nil {
				t.Fatal(err)
			}
			agree(t, p, AMD64, f, 3000, 7)
			for _, try := range c.tries {
				got := fate(t, f, AMD64, try.name, try.args)
				if got != try.want {
					t.Errorf("%s %#x: %#x, want %#x", try.name, try.args, got, try.want)
				}
			}
		})
	}
}

// fate runs the program for a call by name.
func fate(t testing.TB, f *Filter, a Arch, name string, args [6]uint64) uint32 {
	t.Helper()
	nrs := a.calls(name)
	if len(nrs) == 0 {
		t.Fatalf("%s has no %s", a, name)
	}
	got, _, err := run(f.Instructions, data{nr: nrs[0], arch: a.audit(), args: args})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// Other ways into the kernel, with and without the profile's word for them.
func TestArchitectures(t *testing.T) {
	one := specs.LinuxSyscall{Names: []string{"execve"}, Action: specs.ActErrno}
	for _, c := range []struct {
		arches []specs.Arch
		arch   uint32
		nr     uint32
		want   uint32
	}{
		{nil, unix.AUDIT_ARCH_X86_64, 59, unix.SECCOMP_RET_ERRNO | 1},
		{nil, unix.AUDIT_ARCH_X86_64, 59 | x32Bit, nosys},
		{nil, unix.AUDIT_ARCH_X86_64, 520, nosys}, // x32 on old kernels
		{nil, unix.AUDIT_ARCH_X86_64, 0xffffffff, nosys},
		{nil, unix.AUDIT_ARCH_I386, 11, unix.SECCOMP_RET_KILL_PROCESS},
		{nil, unix.AUDIT_ARCH_AARCH64, 221, unix.SECCOMP_RET_KILL_PROCESS},
		{[]specs.Arch{specs.ArchX86}, unix.AUDIT_ARCH_I386, 11, unix.SECCOMP_RET_ERRNO | 1},
		{[]specs.Arch{specs.ArchX86}, unix.AUDIT_ARCH_I386, 59, unix.SECCOMP_RET_ALLOW},
		{[]specs.Arch{specs.ArchX32}, unix.AUDIT_ARCH_X86_64, 59 | x32Bit, unix.SECCOMP_RET_ERRNO | 1},
		{[]specs.Arch{specs.ArchX32}, unix.AUDIT_ARCH_X86_64, 520 | x32Bit, unix.SECCOMP_RET_ERRNO | 1},
		{[]specs.Arch{specs.ArchX32}, unix.AUDIT_ARCH_X86_64, 0 | x32Bit, unix.SECCOMP_RET_ALLOW},
		{[]specs.Arch{specs.ArchX32}, unix.AUDIT_ARCH_X86_64, 520, nosys},
		{[]specs.Arch{specs.ArchAARCH64}, unix.AUDIT_ARCH_AARCH64, 221, unix.SECCOMP_RET_KILL_PROCESS},
	} {
		p := &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Architectures: c.arches, Syscalls: []specs.LinuxSyscall{one}}
		f, err := Compile(p, AMD64)
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := run(f.Instructions, data{nr: c.nr, arch: c.arch}); got != c.want || err != nil {
			t.Errorf("%v: arch %#x, nr %#x: %#x, %v, want %#x", c.arches, c.arch, c.nr, got, err, c.want)
		}
	}
}

// A refusal of socket(2) cannot be got around by socketcall(2).
func TestOldCalls(t *testing.T) {
	p := &specs.LinuxSeccomp{
		DefaultAction: specs.ActAllow, Architectures: []specs.Arch{specs.ArchX86},
		Syscalls: []specs.LinuxSyscall{
			{Names: []string{"socket"}, Action: specs.ActErrno, Args: []specs.LinuxSeccompArg{{Index: 0, Value: 40, Op: specs.OpEqualTo}}},
			{Names: []string{"semget"}, Action: specs.ActKill},
		},
	}
	for _, c := range []struct {
		name  string
		first uint64
		want  uint32
	}{
		{"socket", 40, unix.SECCOMP_RET_ERRNO | 1}, {"socket", 1, unix.SECCOMP_RET_ALLOW},
		{"socketcall", 1, unix.SECCOMP_RET_ERRNO | 1}, {"socketcall", 3, unix.SECCOMP_RET_ALLOW},
		{"ipc", 2, unix.SECCOMP_RET_KILL_THREAD}, {"ipc", 1<<16 | 2, unix.SECCOMP_RET_KILL_THREAD}, {"ipc", 3, unix.SECCOMP_RET_ALLOW},
	} {
		f, err := Compile(p, AMD64)
		if err != nil {
			t.Fatal(err)
		}
		if got := fate(t, f, I386, c.name, [6]uint64{c.first}); got != c.want {
			t.Errorf("%s(%#x): %#x, want %#x", c.name, c.first, got, c.want)
		}
	}

	// And a permission for some arguments is none for all.
	p.DefaultAction, p.Syscalls[0].Action = specs.ActErrno, specs.ActAllow
	f, err := Compile(p, AMD64)
	if err != nil {
		t.Fatal(err)
	}
	if got := fate(t, f, I386, "socketcall", [6]uint64{1}); got != unix.SECCOMP_RET_ERRNO|1 {
		t.Errorf("socketcall(1): %#x", got)
	}
}

// big has one rule for each value, on calls so many that the ways to their common
// ends are longer than a byte can say.
func big(rules int) *specs.LinuxSeccomp {
	p := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno}
	for i := range rules {
		errno := uint(i % 4000)
		p.Syscalls = append(p.Syscalls, specs.LinuxSyscall{
			Names: []string{amd64Calls[i%len(amd64Calls)].name}, Action: specs.ActErrno, ErrnoRet: &errno,
			Args: []specs.LinuxSeccompArg{{Index: uint(i % 6), Value: uint64(i) * 0x100000001, Op: specs.OpEqualTo}},
		})
	}
	return p
}

func TestLongJumps(t *testing.T) {
	p := big(400)
	f, err := Compile(p, AMD64)
	if err != nil {
		t.Fatal(err)
	}
	long := slices.ContainsFunc(f.Instructions, func(i unix.SockFilter) bool { return i.Code == unix.BPF_JMP|unix.BPF_JA && i.K > 255 })
	if !long {
		t.Errorf("there is no long jump in %d instructions", len(f.Instructions))
	}
	agree(t, p, AMD64, f, 5000, 3)
}

func TestTooLarge(t *testing.T) {
	for _, rules := range []int{2000, maxRules + 1} {
		if _, err := Compile(big(rules), AMD64); err == nil || !strings.Contains(err.Error(), "more than 4096") && !strings.Contains(err.Error(), "too many") {
			t.Errorf("%d rules: %v", rules, err)
		}
	}
}

func TestCompileErrors(t *testing.T) {
	n := uint(70000)
	good := specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{{Names: []string{"read"}, Action: specs.ActAllow}}}
	for want, change := range map[string]func(p *specs.LinuxSeccomp){
		"defaultAction: no action":                             func(p *specs.LinuxSeccomp) { p.DefaultAction = "" },
		`defaultAction: unknown action "SCMP_ACT_NO"`:          func(p *specs.LinuxSeccomp) { p.DefaultAction = "SCMP_ACT_NO" },
		"defaultAction: every call cannot be notified of":      func(p *specs.LinuxSeccomp) { p.DefaultAction = specs.ActNotify },
		"defaultAction: errnoRet 70000 is above 4095":          func(p *specs.LinuxSeccomp) { p.DefaultErrnoRet = &n },
		`architectures[0]: unknown architecture "PDP11"`:       func(p *specs.LinuxSeccomp) { p.Architectures = []specs.Arch{"PDP11"} },
		`flags[0]: unknown flag "X"`:                           func(p *specs.LinuxSeccomp) { p.Flags = []specs.LinuxSeccompFlag{"X"} },
		"syscalls[0]: no name":                                 func(p *specs.LinuxSeccomp) { p.Syscalls[0].Names = nil },
		"syscalls[0]: action SCMP_ACT_ALLOW takes no errnoRet": func(p *specs.LinuxSeccomp) { p.Syscalls[0].ErrnoRet = &n },
		"syscalls[0]: errnoRet 70000 is above 65535": func(p *specs.LinuxSeccomp) {
			p.Syscalls[0].Action, p.Syscalls[0].ErrnoRet = specs.ActTrace, &n
		},
		"syscalls[0]: write cannot be notified of": func(p *specs.LinuxSeccomp) {
			p.Syscalls[0].Names, p.Syscalls[0].Action = []string{"write"}, specs.ActNotify
		},
		"syscalls[0]: args[0]: index 6 is above 5": func(p *specs.LinuxSeccomp) {
			p.Syscalls[0].Args = []specs.LinuxSeccompArg{{Index: 6, Op: specs.OpEqualTo}}
		},
		`syscalls[0]: args[0]: unknown operator "=="`: func(p *specs.LinuxSeccomp) {
			p.Syscalls[0].Args = []specs.LinuxSeccompArg{{Op: "=="}}
		},
	} {
		p := good
		p.Syscalls = slices.Clone(good.Syscalls)
		change(&p)
		if _, err := Compile(&p, AMD64); fmt.Sprint(err) != "seccomp profile: "+want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := Compile(&good, X32); err == nil {
		t.Error("x32 is taken for a machine")
	}
}

func TestFlags(t *testing.T) {
	p := &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Flags: []specs.LinuxSeccompFlag{
		specs.LinuxSeccompFlagLog, specs.LinuxSeccompFlagSpecAllow, specs.LinuxSeccompFlagWaitKillableRecv,
	}, Syscalls: []specs.LinuxSyscall{{Names: []string{"zz", "open", "aa", "zz"}, Action: specs.ActLog}}}
	f, err := Compile(p, AMD64)
	if err != nil {
		t.Fatal(err)
	}
	if want := uint(unix.SECCOMP_FILTER_FLAG_LOG | unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW); f.Flags != want || f.Notify {
		t.Errorf("flags %#x, notify %v, want %#x", f.Flags, f.Notify, want)
	}
	if diff := cmp.Diff([]string{"aa", "zz"}, f.Unknown); diff != "" {
		t.Error(diff)
	}
	p.Syscalls[0].Action = specs.ActNotify
	if f, err = Compile(p, AMD64); err != nil {
		t.Fatal(err)
	}
	if want := uint(0x2e); f.Flags != want || !f.Notify {
		t.Errorf("flags %#x, notify %v, want %#x", f.Flags, f.Notify, want)
	}
}

// The order of maps must not get into programs.
func TestCompileIsDeterministic(t *testing.T) {
	p := DefaultProfile(DefaultOptions{Options: Options{Arch: AMD64, X86_32: true}})
	first := ""
	for range 20 {
		f, err := Compile(p, AMD64)
		if err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = f.Hash()
		}
		if f.Hash() != first {
			t.Fatal("the same profile gave another program")
		}
	}
}
