package seccomp

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	moby "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

const (
	allowed = unix.SECCOMP_RET_ALLOW
	refused = unix.SECCOMP_RET_ERRNO | 1

	noProtocol = unix.SECCOMP_RET_ERRNO | uint32(unix.EPROTONOSUPPORT)
	noFamily   = unix.SECCOMP_RET_ERRNO | uint32(unix.EAFNOSUPPORT)
	noType     = unix.SECCOMP_RET_ERRNO | uint32(unix.ESOCKTNOSUPPORT)
)

// rootCaps are the capabilities of a sandbox with its own root.
var rootCaps = strings.Fields("CHOWN DAC_OVERRIDE FOWNER FSETID KILL NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT")

var recent = Kernel{6, 18}

// variants are the sandboxes that have a program compiled in advance.
func variants() map[string]DefaultOptions {
	all := map[string]DefaultOptions{}
	for _, a := range []Arch{AMD64, ARM64} {
		for view, caps := range map[string][]string{"host": nil, "root": rootCaps} {
			for _, userNS := range []bool{false, true} {
				for _, no := range []struct{ tcp, memfd bool }{{}, {tcp: true}, {memfd: true}, {tcp: true, memfd: true}} {
					name := fmt.Sprintf("%s %s userns=%v notcp=%v nomemfd=%v", a, view, userNS, no.tcp, no.memfd)
					o := DefaultOptions{Options: Options{Arch: a, Caps: caps, Kernel: recent}, UserNS: userNS, NoTCP: no.tcp, NoMemfd: no.memfd}
					all[name] = o
					if !userNS {
						o.OneID = &OneID{UID: 1000, GID: 1001}
						all[name+" one id"] = o
					}
				}
			}
		}
	}
	return all
}

// linked is the program of Default. That of another machine is compiled, as programs_test.go
// compares it with.
func linked(t testing.TB, o DefaultOptions) *Filter {
	t.Helper()
	if o.Arch != Native() {
		return compiled(t, o)
	}
	f, ok := Default(o)
	if !ok {
		t.Fatalf("no program for %+v", o)
	}
	return f
}

func compiled(t testing.TB, o DefaultOptions) *Filter {
	t.Helper()
	f, err := Compile(DefaultProfile(o), o.Arch)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// The programs that are linked are those of the profile as it is now.
func TestDefaultIsFresh(t *testing.T) {
	for name, o := range variants() {
		f := linked(t, o)
		want := compiled(t, o)
		if diff := cmp.Diff(want.Instructions, f.Instructions); diff != "" {
			t.Errorf("%s is stale, run go generate: %s", name, diff)
		}
		if f.Flags != want.Flags || f.Notify != want.Notify {
			t.Errorf("%s: flags %#x, want %#x", name, f.Flags, want.Flags)
		}
	}
}

func TestDefaultMeansItsProfile(t *testing.T) {
	for name, o := range variants() {
		t.Run(name, func(t *testing.T) {
			f := linked(t, o)
			agree(t, DefaultProfile(o), o.Arch, f, 6000, 11)
		})
	}
}

// Default must know when none of its programs is the right one.
func TestDefaultOnlyWhereItFits(t *testing.T) {
	fits := DefaultOptions{Options: Options{Arch: Native(), Kernel: recent}}
	inAdvance := fits.Arch == AMD64 || fits.Arch == ARM64
	for name, change := range map[string]func(o *DefaultOptions){
		"32-bit":     func(o *DefaultOptions) { o.Arch, o.X86_32 = AMD64, true },
		"old kernel": func(o *DefaultOptions) { o.Kernel = Kernel{4, 7} },
		"no kernel":  func(o *DefaultOptions) { o.Kernel = Kernel{} },
		"capability": func(o *DefaultOptions) { o.Caps = []string{"CAP_SYS_PTRACE"} },
		"machine":    func(o *DefaultOptions) { o.Arch = RISCV64 },
	} {
		o := fits
		change(&o)
		if _, ok := Default(o); ok {
			t.Errorf("%s: there is a program", name)
		}
	}
	for _, c := range rootCaps {
		o := fits
		o.Caps = []string{"CAP_" + c}
		f, ok := Default(o)
		if ok != inAdvance || ok && f.Hash() != compiled(t, o).Hash() {
			t.Errorf("%s: program %v is not that of the profile", c, ok)
		}
	}
}

// What the programs cost. The bounds are close to what was measured: somebody
// who makes them slower should know.
func TestDefaultCosts(t *testing.T) {
	for name, o := range variants() {
		f := linked(t, o)
		if n := len(f.Instructions); n < 180 || n > 270 {
			t.Errorf("%s: %d instructions", name, n)
		}
		for _, call := range []string{"read", "write", "openat", "mmap", "close", "newfstatat", "futex", "execve", "getdents64"} {
			got, steps, err := run(f.Instructions, data{nr: o.Arch.calls(call)[0], arch: o.Arch.audit()})
			if got != allowed || err != nil || steps > 11 {
				t.Errorf("%s: %s takes %d instructions: %#x, %v", name, call, steps, got, err)
			}
		}
		_, steps, _ := run(f.Instructions, data{nr: o.Arch.calls("fcntl")[0], arch: o.Arch.audit(), args: [6]uint64{0, unix.F_GETFL}})
		if steps > 14 {
			t.Errorf("%s: fcntl takes %d instructions", name, steps)
		}
		_, steps, _ = run(f.Instructions, data{nr: o.Arch.calls("ioctl")[0], arch: o.Arch.audit(), args: [6]uint64{0, unix.TCGETS}})
		if steps > 16 {
			t.Errorf("%s: ioctl takes %d instructions", name, steps)
		}
	}
}

// No capability brings what no sandbox gets.
func TestNever(t *testing.T) {
	var caps []string
	for _, s := range moby.DefaultProfile().Syscalls {
		if s.Includes != nil {
			caps = append(caps, s.Includes.Caps...)
		}
	}
	if len(caps) < 10 {
		t.Fatalf("moby asks for %q only", caps)
	}
	for _, userNS := range []bool{false, true} {
		o := DefaultOptions{Options: Options{Arch: AMD64, Caps: caps, Kernel: recent, X86_32: true}, UserNS: userNS}
		f := compiled(t, o)
		tried := 0
		for _, name := range strings.Fields(never) {
			for _, a := range []Arch{AMD64, I386} {
				if a.calls(name) == nil {
					continue
				}
				tried++
				if got := fate(t, f, a, name, [6]uint64{}); got != refused {
					t.Errorf("%s %s: %#x", a, name, got)
				}
			}
		}
		if tried < 60 {
			t.Errorf("%d calls were tried only", tried)
		}
	}
}

// What the built-in profile says, call by call, per view.
func TestDefaultFacts(t *testing.T) {
	const junk = 0xdeadbeef << 32
	type facts []struct {
		name string
		args [6]uint64
		want uint32
	}
	always := facts{
		{"ioctl", [6]uint64{0, unix.TCGETS}, allowed},
		{"ioctl", [6]uint64{0, unix.TIOCSTI}, refused},
		{"ioctl", [6]uint64{0, unix.TIOCLINUX}, refused},
		{"ioctl", [6]uint64{0, unix.TIOCSTI | junk}, refused},
		{"ioctl", [6]uint64{0, unix.TIOCLINUX | junk}, refused},
		{"ioctl", [6]uint64{0, unix.TIOCSETD}, refused},
		{"ioctl", [6]uint64{0, unix.TIOCSETD | junk}, refused},
		{"ioctl", [6]uint64{0, unix.TIOCGETD}, allowed},
		{"ioctl", [6]uint64{0, 0xffffffff80045430}, allowed}, // sign-extended, as musl has it
		{"socket", [6]uint64{unix.AF_UNIX, unix.SOCK_SEQPACKET | unix.SOCK_CLOEXEC}, allowed},
		{"socket", [6]uint64{unix.AF_INET6, unix.SOCK_DGRAM, 0}, allowed},
		{"socket", [6]uint64{unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP}, refused},
		{"socket", [6]uint64{unix.AF_INET, unix.SOCK_RAW | unix.SOCK_CLOEXEC, 0}, refused},
		{"socket", [6]uint64{unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_SCTP}, noProtocol},
		{"socket", [6]uint64{unix.AF_INET | junk, unix.SOCK_DGRAM, 0}, allowed},
		{"socket", [6]uint64{unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP}, noProtocol},
		{"socket", [6]uint64{unix.AF_INET6 | junk, unix.SOCK_STREAM | unix.SOCK_CLOEXEC | junk, unix.IPPROTO_MPTCP | junk}, noProtocol},
		{"socket", [6]uint64{unix.AF_INET, unix.SOCK_STREAM, 256}, noProtocol}, // IPPROTO_SMC, which falls back to TCP
		{"socket", [6]uint64{unix.AF_SMC, unix.SOCK_STREAM, 0}, noFamily},
		{"socket", [6]uint64{unix.AF_INET, unix.SOCK_SEQPACKET, 0}, noType},
		{"socket", [6]uint64{unix.AF_INET6, unix.SOCK_DCCP | unix.SOCK_CLOEXEC, unix.IPPROTO_DCCP}, noType},
		{"socket", [6]uint64{unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_UDPLITE}, noProtocol},
		{"socket", [6]uint64{unix.AF_INET6, unix.SOCK_DGRAM | unix.SOCK_NONBLOCK, unix.IPPROTO_UDPLITE}, noProtocol},
		{"socket", [6]uint64{unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_TCP}, noProtocol},
		{"socket", [6]uint64{unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_ICMP}, allowed},
		{"socket", [6]uint64{unix.AF_CAN, unix.SOCK_RAW, 1}, noFamily}, {"socket", [6]uint64{unix.AF_CAN | junk, unix.SOCK_RAW, 1}, noFamily},
		{"socket", [6]uint64{unix.AF_KEY, unix.SOCK_RAW, 2}, noFamily}, {"socket", [6]uint64{unix.AF_UNSPEC, unix.SOCK_DGRAM, 0}, noFamily},
		{"socket", [6]uint64{unix.AF_XDP, unix.SOCK_RAW, 0}, noFamily}, {"socket", [6]uint64{4001, unix.SOCK_RAW, 0}, noFamily},
		{"socket", [6]uint64{unix.AF_INET, unix.SOCK_PACKET, 0}, refused},
		{"socket", [6]uint64{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE}, allowed},
		{"socket", [6]uint64{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_KOBJECT_UEVENT}, noProtocol},
		{"socket", [6]uint64{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_NETFILTER}, noProtocol},
		{"socket", [6]uint64{unix.AF_NETLINK, unix.SOCK_RAW | unix.SOCK_CLOEXEC, unix.NETLINK_AUDIT}, noProtocol},
		{"socket", [6]uint64{unix.AF_PACKET, unix.SOCK_RAW}, refused},
		{"socket", [6]uint64{unix.AF_VSOCK, unix.SOCK_STREAM}, noFamily},
		{"socket", [6]uint64{unix.AF_ALG, unix.SOCK_SEQPACKET}, noFamily},
		{"socketpair", [6]uint64{unix.AF_UNIX, unix.SOCK_STREAM}, allowed},
		{"socketpair", [6]uint64{unix.AF_TIPC, unix.SOCK_STREAM}, refused}, {"socketpair", [6]uint64{unix.AF_INET, unix.SOCK_STREAM}, refused},
		{"personality", [6]uint64{0xffffffff}, allowed},
		{"personality", [6]uint64{0x40000}, allowed}, {"personality", [6]uint64{0x40008}, allowed},
		{"personality", [6]uint64{0x40000 | 0x400000}, refused}, {"personality", [6]uint64{0x400000}, refused}, {"personality", [6]uint64{0x40000 | junk}, refused},
		{"clone", [6]uint64{unix.CLONE_VM | unix.CLONE_THREAD | unix.CLONE_SIGHAND}, allowed},
		{"unshare", [6]uint64{unix.CLONE_FILES}, allowed},
		{"ptrace", [6]uint64{}, allowed}, {"process_vm_readv", [6]uint64{}, allowed},
		{"landlock_restrict_self", [6]uint64{}, allowed}, {"seccomp", [6]uint64{}, allowed},
		{"mseal", [6]uint64{}, allowed}, {"kcmp", [6]uint64{}, refused},
		{"rseq_slice_yield", [6]uint64{}, nosys}, {"listns", [6]uint64{}, nosys},
	}
	closed := facts{
		{"clone", [6]uint64{unix.CLONE_NEWUSER}, refused},
		{"clone", [6]uint64{unix.CLONE_NEWUSER | junk}, refused},
		{"clone", [6]uint64{unix.CLONE_NEWNET | unix.CLONE_VM}, refused},
		{"unshare", [6]uint64{unix.CLONE_NEWUSER | unix.CLONE_FS}, refused},
		{"unshare", [6]uint64{unix.CLONE_NEWTIME}, refused},
		{"clone3", [6]uint64{}, nosys}, {"setns", [6]uint64{}, refused}, {"mount", [6]uint64{}, refused},
		{"move_mount", [6]uint64{}, refused}, {"pivot_root", [6]uint64{}, refused}, {"open_tree", [6]uint64{}, refused},
		{"sethostname", [6]uint64{}, refused},
	}
	open := facts{
		{"clone", [6]uint64{unix.CLONE_NEWUSER | unix.CLONE_NEWNET}, allowed}, {"unshare", [6]uint64{unix.CLONE_NEWTIME}, allowed},
		{"clone3", [6]uint64{}, allowed}, {"setns", [6]uint64{}, allowed}, {"mount", [6]uint64{}, allowed},
		{"umount2", [6]uint64{}, allowed}, {"pivot_root", [6]uint64{}, allowed}, {"open_tree_attr", [6]uint64{}, allowed},
		{"chroot", [6]uint64{}, allowed}, {"sethostname", [6]uint64{}, allowed}, {"bpf", [6]uint64{}, refused},
	}
	tcp := []facts{}
	for _, family := range []uint64{unix.AF_INET, unix.AF_INET6, unix.AF_INET | junk} {
		for _, kind := range []uint64{unix.SOCK_STREAM, unix.SOCK_STREAM | unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK, unix.SOCK_STREAM | junk} {
			for _, protocol := range []uint64{0, unix.IPPROTO_TCP, unix.IPPROTO_TCP | junk} {
				args := [6]uint64{family, kind, protocol}
				tcp = append(tcp, facts{{"socket", args, allowed}, {"socket", args, refused}})
			}
		}
	}
	for name, o := range variants() {
		f := linked(t, o)
		list := append(facts{}, always...)
		for _, both := range tcp {
			list = append(list, both[toInt(o.NoTCP)])
		}
		list = append(list, facts{{"memfd_create", [6]uint64{}, allowed}, {"memfd_create", [6]uint64{0, 8}, nosys}}[toInt(o.NoMemfd)])
		if o.UserNS {
			list = append(list, open...)
		} else {
			chroot := uint32(refused)
			if o.Caps != nil {
				chroot = allowed
			}
			list = append(append(list, closed...), facts{{"chroot", [6]uint64{}, chroot}}...)
		}
		for _, c := range list {
			if got := fate(t, f, o.Arch, c.name, c.args); got != c.want {
				t.Errorf("%s: %s %#x: %#x, want %#x", name, c.name, c.args, got, c.want)
			}
		}
	}
}

func toInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Each of the two is refused also where its program is compiled at the start, and of
// 32-bit calls as well.
func TestDefaultWithoutTCPOrMemfd(t *testing.T) {
	for _, o := range []DefaultOptions{{NoTCP: true}, {NoMemfd: true}, {NoTCP: true, NoMemfd: true}} {
		o.Options = Options{Arch: AMD64, Kernel: recent, X86_32: true}
		f := compiled(t, o)
		agree(t, DefaultProfile(o), AMD64, f, 6000, 13)
		for _, a := range []Arch{AMD64, I386} {
			wantTCP, wantMemfd := uint32(allowed), uint32(allowed)
			if o.NoTCP {
				wantTCP = refused
			}
			if o.NoMemfd {
				wantMemfd = nosys
			}
			if got := fate(t, f, a, "socket", [6]uint64{unix.AF_INET, unix.SOCK_STREAM}); got != wantTCP {
				t.Errorf("%+v: %s TCP socket: %#x, want %#x", o, a, got, wantTCP)
			}
			if got := fate(t, f, a, "memfd_create", [6]uint64{}); got != wantMemfd {
				t.Errorf("%+v: %s memfd_create: %#x, want %#x", o, a, got, wantMemfd)
			}
			if got := fate(t, f, a, "ioctl", [6]uint64{0, unix.TIOCSETD}); got != refused {
				t.Errorf("%s TIOCSETD: %#x", a, got)
			}
		}
		if got := fate(t, f, I386, "socketcall", [6]uint64{1}); got != refused {
			t.Errorf("socketcall makes sockets: %#x", got)
		}
	}
}

// With CAP_SYS_ADMIN asked for, mounts are back and user namespaces are not.
func TestDefaultWithCapabilities(t *testing.T) {
	o := DefaultOptions{Options: Options{Arch: AMD64, Caps: []string{"SYS_ADMIN", "SYS_PTRACE"}, Kernel: recent, X86_32: true}}
	f := compiled(t, o)
	for _, c := range []struct {
		arch Arch
		name string
		arg  uint64
		want uint32
	}{
		{AMD64, "mount", 0, allowed}, {AMD64, "pivot_root", 0, allowed}, {AMD64, "kcmp", 0, allowed},
		{AMD64, "clone", unix.CLONE_NEWNET, allowed}, {AMD64, "clone", unix.CLONE_NEWUSER, refused},
		{AMD64, "unshare", unix.CLONE_NEWUSER, refused}, {AMD64, "clone3", 0, nosys}, {AMD64, "chroot", 0, refused},
		{I386, "socketcall", 1, refused}, {I386, "socketcall", 8, refused}, {I386, "socketcall", 3, allowed},
		{I386, "socket", unix.AF_UNIX, allowed}, {I386, "socket", unix.AF_VSOCK, noFamily}, {I386, "waitpid", 0, allowed},
		{I386, "mount", 0, allowed}, {I386, "modify_ldt", 0, refused},
	} {
		if got := fate(t, f, c.arch, c.name, [6]uint64{c.arg}); got != c.want {
			t.Errorf("%s %s %#x: %#x, want %#x", c.arch, c.name, c.arg, got, c.want)
		}
	}
	agree(t, DefaultProfile(o), AMD64, f, 10000, 5)
}

// Before Linux 4.8 a traced process got around seccomp.
func TestDefaultOnOldKernels(t *testing.T) {
	f := compiled(t, DefaultOptions{Options: Options{Arch: AMD64, Kernel: Kernel{4, 7}}})
	if got := fate(t, f, AMD64, "ptrace", [6]uint64{}); got != refused {
		t.Errorf("ptrace: %#x", got)
	}
}

// The profile has one way to be read: it only allows, except for clone3, memfd_create
// and sockets that nothing else allows, and no entry has two conditions on an argument. libseccomp and
// runc understand other forms in their own way.
func TestDefaultIsPortable(t *testing.T) {
	for name, o := range variants() {
		plain, conditional := map[string]bool{}, map[string]bool{}
		for _, e := range DefaultProfile(o).Syscalls {
			never := e.Names[0] == "clone3" || e.Names[0] == memfds || len(e.Args) > 0 && strings.HasPrefix(e.Names[0], "socket")
			if e.Action != specs.ActAllow && !never {
				t.Errorf("%s: %s is %s", name, e.Names, e.Action)
			}
			seen := map[uint]bool{}
			for _, a := range e.Args {
				if seen[a.Index] {
					t.Errorf("%s: %s has two conditions on argument %d", name, e.Names, a.Index)
				}
				seen[a.Index] = true
			}
			for _, n := range e.Names {
				if len(e.Args) == 0 {
					plain[n] = true
				} else {
					conditional[n] = true
				}
			}
		}
		for n := range conditional {
			if plain[n] {
				t.Errorf("%s: %s is both allowed and allowed sometimes", name, n)
			}
		}
	}
}

// No socket is both allowed and refused by an error of its own, so that the order of the entries
// does not matter, and none is refused in two ways.
func TestSocketsHaveOneAnswer(t *testing.T) {
	for _, call := range []string{"socket", "socketpair"} {
		for _, noTCP := range []bool{false, true} {
			entries := DefaultProfile(DefaultOptions{Options: Options{Arch: AMD64, Kernel: recent}, NoTCP: noTCP}).Syscalls
			entries = slices.DeleteFunc(entries, func(e specs.LinuxSyscall) bool { return !slices.Contains(e.Names, call) })
			for family := range uint64(50) {
				for kind := range uint64(12) {
					for _, protocol := range []uint64{0, 1, 2, 6, 9, 15, 17, 33, 58, 115, 132, 136, 255, 256, 262} {
						var first *specs.LinuxSyscall
						for i, e := range entries {
							if !applies(e, data{args: [6]uint64{family, kind, protocol}}) {
								continue
							}
							if first != nil && mean(first.Action, first.ErrnoRet) != mean(e.Action, e.ErrnoRet) {
								t.Fatalf("%s %d:%d:%d has two answers", call, family, kind, protocol)
							}
							first = &entries[i]
						}
					}
				}
			}
		}
	}
}

// Every name that moby allows to everybody is allowed, or withheld on purpose.
func TestDefaultKeepsMobys(t *testing.T) {
	withheld := " " + never + " " + decided + " "
	f := compiled(t, DefaultOptions{Options: Options{Arch: AMD64, Kernel: recent}})
	kept := 0
	for _, s := range moby.DefaultProfile().Syscalls {
		if s.Action != specs.ActAllow || len(s.Args) != 0 || s.Includes != nil {
			continue
		}
		for _, name := range s.Names {
			if AMD64.calls(name) == nil || strings.Contains(withheld, " "+name+" ") {
				continue
			}
			kept++
			if got := fate(t, f, AMD64, name, [6]uint64{}); got != allowed {
				t.Errorf("%s: %#x", name, got)
			}
		}
	}
	if kept < 280 {
		t.Errorf("%d calls were compared only", kept)
	}
}

// except says what it is to say, tried on every pair around the values.
func TestExcept(t *testing.T) {
	for _, values := range [][]uint32{{0}, {0xffffffff}, {0x5412}, {0x5412, 0x541c}, {0x5412, 0x541c, 0x5423}, {0, 1, 2}, {7, 0x80000000, 0x80000001, 0xffffffff}} {
		args := except(2, values...)
		tries := []uint32{0, 1, 0xffffffff}
		for _, v := range values {
			for bit := range 32 {
				for other := range 32 {
					tries = append(tries, v, v^1<<bit, v^1<<bit^1<<other, v+uint32(bit), v-uint32(bit))
				}
			}
		}
		for _, try := range tries {
			want, got := true, false
			for _, v := range values {
				want = want && try != v
			}
			for _, a := range args {
				got = got || compare(a, uint64(try)|uint64(try)<<32)
			}
			if got != want {
				t.Errorf("except %#x: %#x is %v", values, try, got)
			}
		}
	}
}

// What it costs to compile the program of one of NoTCP and NoMemfd, at each start.
func BenchmarkCompileDefault(b *testing.B) {
	o := DefaultOptions{Options: Options{Arch: AMD64, Kernel: recent}, NoTCP: true}
	for b.Loop() {
		if _, err := Compile(DefaultProfile(o), AMD64); err != nil {
			b.Fatal(err)
		}
	}
}
