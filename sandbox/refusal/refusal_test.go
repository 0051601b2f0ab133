package refusal

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/userns"
)

const every = userns.User | userns.Mounts | userns.PID | userns.IPC | userns.UTS | userns.Cgroup | userns.Net

// able is a machine where the user namespace can be made or not, with its rights or
// without, and mounts in it or none.
func able(bare, powers, mounts bool) func(userns.Namespaces, ...userns.Step) error {
	return func(n userns.Namespaces, steps ...userns.Step) error {
		if bare && (powers || n == userns.User && len(steps) == 0) && (mounts || n&userns.Mounts == 0) {
			return nil
		}
		return unix.EPERM
	}
}

// short is a machine that has no more of one kind.
func short(of userns.Namespaces, errno syscall.Errno) func(userns.Namespaces, ...userns.Step) error {
	return func(n userns.Namespaces, _ ...userns.Step) error {
		if n&of != 0 {
			return &userns.CloneError{Namespaces: n, Err: errno}
		}
		return nil
	}
}

func settings(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func clone(errno syscall.Errno) error { return &userns.CloneError{Namespaces: every, Err: errno} }

func step(s userns.Step, errno syscall.Errno) error { return &userns.StepError{Step: s, Err: errno} }

// refusals are all that there are. The cause is what docs/refused.md says, with N for
// what differs from machine to machine.
var refusals = []struct {
	err         error
	around      Around
	cause, mend string
}{
	{clone(unix.EPERM), Around{Setting: settings("kernel.unprivileged_userns_clone", "0"), Try: able(false, false, false)},
		"kernel.unprivileged_userns_clone=0 forbids user namespaces", "sysctl -w kernel.unprivileged_userns_clone=1"},
	{clone(unix.ENOSPC), Around{Setting: settings("user.max_user_namespaces", "0"), Try: short(userns.User, unix.ENOSPC)},
		"user.max_user_namespaces=0 forbids namespaces", "sysctl -w user.max_user_namespaces=15000"},
	{clone(unix.ENOSPC), Around{Setting: settings("user.max_user_namespaces", "9", "user.max_net_namespaces", "0"), Try: short(userns.Net, unix.ENOSPC)},
		"user.max_net_namespaces=0 forbids namespaces", "sysctl -w user.max_net_namespaces=15000"},
	{step(userns.NewClock{}, unix.ENOSPC), Around{Setting: settings("user.max_time_namespaces", "0")},
		"user.max_time_namespaces=0 forbids namespaces", "sysctl -w user.max_time_namespaces=15000"},
	{clone(unix.ENOSPC), Around{Setting: settings("user.max_mnt_namespaces", "20000"), Try: short(userns.Mounts, unix.ENOSPC)},
		"user.max_mnt_namespaces=20000 namespaces are in use", "lsns -t mnt shows by what; or as root: sysctl -w user.max_mnt_namespaces=40000"},
	{clone(unix.ENOSPC), Around{Setting: settings("user.max_user_namespaces", "2147483647"), Try: short(userns.User, unix.ENOSPC), Nested: true},
		"user namespaces are nested 32 deep, or what is around this one limits user.max_user_namespaces", "run sbx less deep"},
	{clone(unix.EACCES), Around{Setting: settings(), Try: able(false, false, false), AppArmor: "corp (enforce)"},
		"AppArmor's profile corp (enforce) has no rule for user namespaces", "apparmor_parser -r FILE"},
	{clone(unix.EACCES), Around{Setting: settings(), Try: able(false, false, false), Program: "/opt/sbx"},
		"a security module denies user namespaces to sbx", `profile sbx "/opt/sbx" flags=(unconfined) { userns, }`},
	{clone(unix.EACCES), Around{Setting: settings(), Try: able(false, false, false), SELinux: "a:b:container_t:s0"},
		"SELinux lets no process of a:b:container_t:s0 make user namespaces", "ausearch -m avc"},
	{clone(unix.EPERM), Around{Setting: settings("kernel.apparmor_restrict_unprivileged_userns", "1"), Try: able(true, false, false), Program: "/usr/bin/sbx"},
		"AppArmor grants user namespaces without rights, by kernel.apparmor_restrict_unprivileged_userns=1", `profile sbx "/usr/bin/sbx" flags=(unconfined) { userns, }`},
	{clone(unix.EPERM), Around{Setting: settings(), Try: able(true, false, false), AppArmor: "corp (enforce)"},
		"AppArmor's profile corp (enforce) grants user namespaces without rights", "flags=(unconfined)"},
	{step(userns.MapSelf{}, unix.EPERM), Around{Setting: settings(), Try: able(true, false, false), SELinux: "a:b:c:s0"},
		"SELinux grants a:b:c:s0 user namespaces without rights", "ausearch -m avc"},
	{step(userns.MapSelf{}, unix.EROFS), Around{Inside: "podman"},
		"/proc is read-only, and ids are mapped there", "unmask=ALL"},
	{step(userns.MapSelf{}, unix.EPERM), Around{NoSetFCap: true},
		"root without CAP_SETFCAP may not be root of a user namespace", "ordinary user"},
	{step(userns.Seal{}, unix.EPERM), Around{Setting: settings(), Try: able(true, false, false), Program: "/usr/bin/sbx"},
		"a security module grants user namespaces without rights", "apparmor_parser -r"},
	{step(userns.Seal{}, unix.EACCES), Around{Setting: settings(), Try: able(true, true, false), AppArmor: "docker-default (enforce)", Inside: "docker"},
		"AppArmor's profile docker-default (enforce) confines what a sandbox is made by", "apparmor=unconfined"},
	{step(userns.Fork{}, unix.EACCES), Around{Setting: settings(), Try: able(true, true, false), AppArmor: "corp (enforce)"},
		"AppArmor's profile corp (enforce) lets no file in memory be run, as PID 1 is one", "flags=(attach_disconnected)"},
	{step(userns.Fork{}, unix.EACCES), Around{Setting: settings(), Try: able(true, true, false)},
		"a security module lets no file in memory be run, as PID 1 is one", "--no-init"},
	{step(userns.Fork{}, unix.EACCES), Around{Setting: settings("vm.memfd_noexec", "2")},
		"vm.memfd_noexec=2 forbids to run a file in memory, as PID 1 is one", "sysctl -w vm.memfd_noexec=1"},
	{clone(unix.EPERM), Around{Setting: settings(), Try: able(false, false, false), Filtered: true, Inside: "docker"},
		"a seccomp filter around sbx forbids what a sandbox is made by", "docker run --security-opt seccomp=unconfined"},
	{step(userns.Seal{}, unix.ENOSYS), Around{Setting: settings(), Try: able(true, true, false), Filtered: true, Inside: "sbx"},
		"a seccomp filter around sbx forbids what a sandbox is made by", "sbx run --allow-userns"},
	{step(userns.Seal{}, unix.EPERM), Around{Setting: settings(), Try: able(true, true, false)},
		"what is around sbx forbids mounts, as Landlock does", "--allow-userns"},
	{clone(unix.EPERM), Around{Setting: settings(), Try: able(false, false, false), Chroot: true},
		"the kernel makes no user namespaces in a chroot", "sbx run --rootfs DIR"},
	{clone(unix.EPERM), Around{Setting: settings(), Try: able(false, false, false), Nested: true, Unmapped: true},
		"the user has no id in the user namespace around", "/proc/self/uid_map"},
	{clone(unix.EPERM), Around{Setting: settings(), Try: able(false, false, false)},
		"user namespaces are forbidden here, as in a chroot or by what is around", "--allow-userns"},
	{step(userns.Mount{Type: "proc", Target: "/proc"}, unix.EPERM), Around{Setting: settings(), Try: able(true, true, false), Inside: "podman"},
		"the kernel makes no new /proc where parts of the one around are covered", "unmask=ALL"},
	{clone(unix.EINVAL), Around{Setting: settings(), Try: short(userns.PID, unix.EINVAL)},
		"the kernel has no pid namespaces", "CONFIG_PID_NS"},
	{clone(unix.EAGAIN), Around{Setting: settings()},
		"no more processes may be made, or memory is short", "ulimit -u"},
}

// TestRefusals: what has the same errno is told apart, and each says what mends it.
func TestRefusals(t *testing.T) {
	for _, c := range refusals {
		err := c.around.Explain(c.err)
		var told *Error
		if !errors.As(err, &told) || told.Cause != c.cause || !strings.Contains(told.Hint(), c.mend) {
			t.Errorf("%v: got %+v, want %q and %q", c.err, told, c.cause, c.mend)
			continue
		}
		if err.Error() != c.cause+": "+c.err.Error() || !errors.Is(err, c.err) {
			t.Errorf("%q does not say what was refused", err)
		}
	}
}

// TestNotToBlame: what the machine is not to blame for stays as it is.
func TestNotToBlame(t *testing.T) {
	fine := Around{Setting: settings(), Try: able(true, true, true)}
	for _, err := range []error{
		errors.New("something else"), step(userns.Chdir{Path: "/nowhere"}, unix.ENOENT), step(userns.Exec{}, unix.EACCES),
		step(userns.Take{}, unix.EACCES), step(userns.Seal{}, unix.EINVAL), step(userns.Seal{}, unix.EPERM), step(userns.Attach{}, unix.EPERM), clone(unix.EBADF),
	} {
		if got := fine.Explain(err); got != err {
			t.Errorf("%v: got %v", err, got)
		}
	}
}

// TestDocs: the page has what is printed, and nothing that is not.
func TestDocs(t *testing.T) {
	b, err := os.ReadFile("../../docs/refused.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	words := strings.NewReplacer("corp (enforce)", "NAME", "docker-default (enforce)", "NAME", "a:b:container_t:s0", "LABEL", "a:b:c:s0", "LABEL",
		"20000", "N", "max_net_", "max_KIND_", "max_time_", "max_KIND_", "max_mnt_", "max_KIND_", "no pid ", "no KIND ")
	printed := map[string]bool{}
	for _, c := range refusals {
		line := words.Replace(c.cause)
		printed[line] = true
		if !strings.Contains(page, fmt.Sprintf("| `%s` |", line)) {
			t.Errorf("docs/refused.md does not have %q", line)
		}
	}
	_, table, _ := strings.Cut(page, "<!-- refusals -->\n")
	table, _, _ = strings.Cut(table, "\n\n")
	rows := strings.Split(table, "\n")
	if len(rows) < 12 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, row := range rows[2:] {
		if line := strings.Split(row, "`"); len(line) < 3 || !printed[line[1]] {
			t.Errorf("docs/refused.md has a message that is not printed: %s", row)
		}
	}
}

func TestLabels(t *testing.T) {
	for _, c := range []struct{ apparmor, current, profile, label string }{
		{"", "", "", ""}, {"unconfined\n", "unconfined\n", "", ""}, {"corp (enforce)\n", "corp (enforce)\n", "corp (enforce)", ""},
		{"", "u:r:t:s0-s0:c0.c1023", "", "u:r:t:s0-s0:c0.c1023"}, {"unconfined\n", "u:r:t:s0", "", "u:r:t:s0"},
	} {
		if profile, label := labels(c.apparmor, c.current); profile != c.profile || label != c.label {
			t.Errorf("%+v: got %q, %q", c, profile, label)
		}
	}
}

func TestEffective(t *testing.T) {
	for status, want := range map[string]bool{
		"Name:\tx\nCapEff:\t000001ffffffffff\nSeccomp:\t0\n": true, "Name:\tx\nCapEff:\t0000000000000000\n": false, "Name:\tx\nCapEff:\t0000000080000000\n": true, "": true,
	} {
		if got := effective(status, 31); got != want {
			t.Errorf("%q: %v", status, got)
		}
	}
}

func TestIDs(t *testing.T) {
	for _, c := range []struct {
		text             string
		uid              int
		nested, unmapped bool
	}{
		{"         0          0 4294967295\n", 1000, false, false}, {"      0       1000          1\n", 0, true, false},
		{"      0       1000          1\n", 65534, true, true}, {"", 65534, true, true},
		{"0 1000 1\n1 100000 65536\n", 3, true, false}, {"nonsense", 3, true, true},
	} {
		if nested, unmapped := ids(c.text, c.uid); nested != c.nested || unmapped != c.unmapped {
			t.Errorf("%q, %d: got %v, %v", c.text, c.uid, nested, unmapped)
		}
	}
}
