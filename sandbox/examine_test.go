package sandbox

import (
	"errors"
	"strings"
	"testing"

	"github.com/sbxrun/sbx/idmap"
	"github.com/sbxrun/sbx/sandbox/cgroup"
	"github.com/sbxrun/sbx/sandbox/refusal"
)

// TestFindings: what is missing says what mends it, and what is there says what it is.
func TestFindings(t *testing.T) {
	bare := Host{Kernel: Kernel{6, 1}, UpperUnfit: "tmpfs has no user attributes", User: "ada", RangesErr: errors.New("none"),
		Helpers: idmap.Helpers{NewUIDMap: "/bin/newuidmap", NewGIDMap: "/bin/newgidmap"}, UserNetwork: UserHost{Install: "apt-get install"}}
	bare.Cgroups.Mode = cgroup.Absent
	full := laptop()
	full.Landlock, full.UIDs, full.UserNetwork = 2, []idmap.Range{{Start: 5, Count: 7}, {Start: 50, Count: 10}}, wired().UserNetwork
	full.Cgroups = cgroup.Host{Mode: cgroup.Unified, Systemd: true, UID: 1000, User: "ada", Sockets: []string{"/run/user/1000/systemd/private"}, Manager: []string{"memory", "pids", "cpu"}}
	whole := full
	whole.Cgroups.Manager = []string{"cpuset", "cpu", "io", "memory", "pids"}
	none := full
	none.Cgroups.Manager = []string{}
	for _, c := range []struct {
		host    Host
		around  refusal.Around
		name    string
		granted bool
		says    string
		hint    string
	}{
		{bare, refusal.Around{}, "kernel", true, "Linux 6.1", ""},
		{bare, refusal.Around{}, "landlock", false, "no Landlock", ""},
		{bare, refusal.Around{}, "subordinate ids", false, "none", "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ada"},
		{bare, refusal.Around{}, "throw-away layers", false, "fuse-overlayfs is not installed", "apt-get install"},
		{bare, refusal.Around{}, "network in user mode", false, "neither pasta nor slirp4netns", "as root: apt-get install"},
		{bare, refusal.Around{}, "security modules", true, "none", ""},
		{full, refusal.Around{AppArmor: "corp (enforce)", SELinux: "a:b:c:s0", Filtered: true}, "security modules", true, "AppArmor's profile corp (enforce), SELinux's label a:b:c:s0, a seccomp filter", ""},
		{full, refusal.Around{}, "landlock", true, "ABI 2, without ", ""},
		{full, refusal.Around{}, "subordinate ids", true, "17 of users", ""},
		{full, refusal.Around{}, "throw-away layers", true, "by the kernel", ""},
		{full, refusal.Around{}, "network in user mode", true, "by ", ""},
		{bare, refusal.Around{}, "limits", false, "no cgroup file system is mounted", "as root: mount -t cgroup2"},
		{full, refusal.Around{}, "limits", true, "memory, pids, cpu, without io, cpuset", "Delegate=cpu cpuset io memory pids"},
		{whole, refusal.Around{}, "limits", true, "memory, pids, cpu, io, cpuset", ""},
		{none, refusal.Around{}, "limits", false, "cannot be had", "Delegate=cpu cpuset io memory pids"},
	} {
		for _, f := range c.host.findings(c.around) {
			if f.Name == c.name && (f.Granted != c.granted || !strings.Contains(f.Says, c.says) || !strings.Contains(f.Hint, c.hint)) {
				t.Errorf("got %+v, want %v, %q and %q", f, c.granted, c.says, c.hint)
			}
		}
	}
	if n := len(full.findings(refusal.Around{})); n != 7 {
		t.Errorf("%d findings", n)
	}
}
