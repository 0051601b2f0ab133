package sandbox

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/idmap"
	"github.com/sbxrun/sbx/sandbox/runlater"
	"github.com/sbxrun/sbx/userns"
)

var update = flag.Bool("update", false, "write the golden files anew")

// laptop is a Host as most are.
func laptop() Host {
	h := Host{
		Kernel: Kernel{6, 12}, UID: 1000, GID: 1000, User: "ada", Homes: []string{"/home/ada"},
		UIDs: []idmap.Range{{Start: 100000, Count: 65536}}, GIDs: []idmap.Range{{Start: 100000, Count: 65536}},
		Helpers: idmap.Helpers{NewUIDMap: "/usr/bin/newuidmap", NewGIDMap: "/usr/bin/newgidmap"},
		Files:   map[string]fs.FileMode{}, Real: map[string]string{},
		Landlock: 6, Top: []string{"/etc", "/home", "/usr", "/var"}, Runtime: "/run/user/1000",
		Secrets: []string{"/home/ada/.ssh", "/home/ada/.netrc", "/home/ada/p/.env"}, ProjectNames: []string{".env"},
	}
	h.NoFile.Cur, h.NoFile.Max = 1024, 4096
	for _, dir := range []string{
		"/", "/tmp", "/var/tmp", "/run", "/home", "/root", "/home/ada", "/home/ada/p", "/home/ada/go", "/srv/root", "/srv/a", "/srv/b",
	} {
		h.Files[dir] = fs.ModeDir | 0o755
	}
	for _, dir := range append([]string{"/sys", "/proc/bus", "/proc/sys", "/proc/acpi", "/sys/firmware", "/home/ada/.ssh"}, narrowed...) {
		h.Files[dir] = fs.ModeDir | 0o755
	}
	for _, file := range []string{"/home/ada/p/file", "/home/ada/p/.env", "/home/ada/.netrc", "/proc/kcore", "/etc/hosts", "/etc/hostname", "/etc/machine-id"} {
		h.Files[file] = 0o644
	}
	return h
}

func build(args ...string) Spec {
	s := Spec{Project: "/home/ada/p"}
	s.OCI.Process = &specs.Process{Args: args, Env: []string{"PATH=/usr/bin:/bin", "TERM=dumb"}}
	s.OCI.Hostname = "sbx"
	return s
}

func plan(t *testing.T, s Spec, h Host) userns.Plan {
	t.Helper()
	done, _, err := Complete(s, h)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(done, h)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestPlans compares whole plans with golden files: moving a step is a one-line
// difference there.
func TestPlans(t *testing.T) {
	kept := build("make")
	kept.View, kept.Layers, kept.Upper = Union, []string{"/srv/a", "/srv/b"}, "/srv/root"
	rootfs := build("/bin/sh")
	rootfs.View, rootfs.OCI.Root, rootfs.IDs = Rootfs, &specs.Root{Path: "/srv/root", Readonly: true}, IDsKeep
	fuse := build("make")
	fuse.View, fuse.Layers, fuse.Overlay, fuse.IDs = Union, []string{"/srv/a"}, DriverFuse, IDsSingle
	files := build("make")
	files.OCI.Mounts = []specs.Mount{
		bind("/home/ada/go", "/home/ada/go", "ro"), bind("/home/ada/p/file", "/tmp/deep/file", "ro"),
		tmpfs("/run/mine", "size=64k"),
	}
	files.OCI.Linux = &specs.Linux{MaskedPaths: []string{"/home/ada/go/token"}}
	files.HostClock, files.HostNetwork = true, true
	terminal := build("bash")
	terminal.NoInit = true
	terminal.OCI.Process.Terminal = true
	terminal.OCI.Process.ConsoleSize = &specs.Box{Height: 24, Width: 80}
	network := build("npm", "ci")
	network.Egress = &Egress{Allow: []string{"registry.example.com", "*.example.org:22", "192.0.2.0/24:443"}}
	user := build("npm", "ci")
	user.UserNetwork = &UserNetwork{}
	disk, diskUnion := build("make"), build("make")
	disk.Disk, disk.OCI.Mounts = 1<<30, []specs.Mount{tmpfs("/tmp/mine"), tmpfs("/tmp/other", "size=64k")}
	diskUnion.Disk, diskUnion.View, diskUnion.Layers, diskUnion.IDs = 1<<30, Union, []string{"/srv/a"}, IDsSingle
	layered := build("go", "build")
	layered.Layered = []LayeredCache{
		{Path: "/home/ada/go", Lower: []string{"/home/ada/go"}, Upper: "/srv/a"}, {Path: "/home/ada/cache", Lower: []string{"/srv/b", "/srv/root"}},
	}
	repository := laptop()
	repository.Guard = &runlater.Guard{
		Binds:   []runlater.Bind{{Path: "/home/ada/p/.git"}, {Path: "/home/ada/p/.git/config", ReadOnly: true}, {Path: "/home/ada/p/.git/hooks", ReadOnly: true}},
		Configs: []runlater.Config{{Path: "/home/ada/p/.git/config", Text: []byte("[user]\n\tname = ada\n"), Mode: 0o640}},
	}
	for _, name := range []string{"", "/hooks"} {
		repository.Files["/home/ada/p/.git"+name] = fs.ModeDir | 0o755
	}
	repository.Files["/home/ada/p/.git/config"] = 0o640
	online := laptop()
	online.IPv6, online.Resolver = true, "/run/systemd/resolve/stub-resolv.conf"
	old := laptop()
	old.Kernel = Kernel{5, 15}
	place, placed := build("make"), laptop()
	place.OCI.Mounts = []specs.Mount{bind("/home/ada/p/file", "/opt/new/file", "ro")}
	placed.newPlaces = []string{"/opt/new/file"}
	placed.newRoot = []userns.Part{
		{Path: "bin", Link: "usr/bin"}, {Path: "opt", Dir: true}, {Path: "proc", Dir: true}, {Path: "usr", Dir: true, Bound: true},
		{Path: "opt/tool", Dir: true, Bound: true}, {Path: "opt/new", Dir: true}, {Path: "opt/new/file"},
	}
	fused := laptop()
	fused.FuseOverlayfs = "/usr/bin/fuse-overlayfs"

	for _, c := range []struct {
		name string
		spec Spec
		host Host
	}{
		{"host", build("make", "all"), laptop()}, {"files", files, laptop()}, {"terminal", terminal, laptop()},
		{"rootfs", rootfs, laptop()}, {"union", kept, laptop()}, {"union-5.15", kept, old}, {"fuse", fuse, fused},
		{"limits", limited("make"), delegating("memory", "pids", "cpu")},
		{"network", network, online}, {"user-network", user, wired()}, {"disk", disk, laptop()}, {"disk-union", diskUnion, laptop()},
		{"layered", layered, laptop()},
		{"git", build("git", "gc"), repository}, {"git-union", diskUnion, repository},
		{"new-place", place, placed},
	} {
		t.Run(c.name, func(t *testing.T) {
			golden(t, c.name, plan(t, c.spec, c.host))
		})
	}
}

// golden compares a plan with the one in testdata.
func golden(t *testing.T, name string, p userns.Plan) {
	t.Helper()
	// Another architecture has calls of its own to filter.
	got := regexp.MustCompile(`[0-9]+ instructions`).ReplaceAllString(p.String(), "N instructions")
	file := filepath.Join("testdata", name+".plan")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// TestOwnMemory: a command has memory of its own where its exec would not change its
// clocks, and where it becomes another user.
func TestOwnMemory(t *testing.T) {
	user := func(uid, gid uint32) Spec {
		s := build("make")
		s.View, s.OCI.Root = Rootfs, &specs.Root{Path: "/srv/root"}
		s.OCI.Process.User = specs.User{UID: uid, GID: gid}
		return s
	}
	old := laptop()
	old.Kernel = Kernel{6, 1}
	anyClock := build("make")
	anyClock.HostClock = true
	for _, c := range []struct {
		name string
		spec Spec
		host Host
		want bool
	}{
		{"host", build("make"), laptop(), false}, {"root", user(0, 0), laptop(), false},
		{"another user", user(1, 1), laptop(), true}, {"another group", user(0, 1), laptop(), true},
		{"old kernel", build("make"), old, true}, {"the host's clock", anyClock, old, false},
	} {
		p := plan(t, c.spec, c.host)
		i := slices.IndexFunc(p.Steps, func(s userns.Step) bool { _, ok := s.(userns.Fork); return ok })
		if got := p.Steps[i].(userns.Fork).Copy; got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// TestUnfitUpper: where the kernel would mount a union that forgets, auto takes
// fuse-overlayfs, and without it nothing is run.
func TestUnfitUpper(t *testing.T) {
	const unfit = "tmpfs has no user attributes on kernel 6.1, only from 6.6 on"
	if got := upperUnfit("", Kernel{6, 1}); got != unfit {
		t.Errorf("got %q", got)
	}
	if got := upperUnfit("", Kernel{6, 6}); got != "" {
		t.Errorf("got %q", got)
	}
	if got := upperUnfit("/proc", Kernel{6, 12}); !strings.Contains(got, "/proc takes no user attributes") {
		t.Errorf("got %q", got)
	}
	h := laptop()
	h.UpperUnfit = unfit
	for _, c := range []struct {
		overlay, want Driver
		fuse, err     string
	}{
		{DriverAuto, DriverFuse, "/usr/bin/fuse-overlayfs", ""},
		{"", DriverFuse, "/usr/bin/fuse-overlayfs", ""},
		{DriverAuto, "", "", unfit},
		{DriverKernel, "", "/usr/bin/fuse-overlayfs", unfit},
	} {
		h.FuseOverlayfs = c.fuse
		s := build("true")
		s.View, s.Layers, s.Overlay = Union, []string{"/srv/a"}, c.overlay
		done, _, err := Complete(s, h)
		switch {
		case c.err != "":
			if err == nil || !strings.Contains(err.Error(), c.err) || Hint(err) == "" {
				t.Errorf("%+v: got %v", c, err)
			}
		case err != nil || done.Overlay != c.want:
			t.Errorf("%+v: got %s, %v", c, done.Overlay, err)
		}
	}
}

// TestLinkedDirectories: a private directory behind a link is where the link
// leads, and is made once.
func TestLinkedDirectories(t *testing.T) {
	h := laptop()
	for link, real := range map[string]string{"/var/run": "/run", "/home": "/var/home"} {
		h.Files[link], h.Files[real], h.Real[link] = fs.ModeDir, fs.ModeDir, real
	}
	h.Homes = []string{"/home/ada", "/var/home/ada"}
	h.Files["/var/home/ada"] = fs.ModeDir
	s := build("true")
	s.Project = "/var/home/ada/p"
	h.Files[s.Project] = fs.ModeDir
	text := plan(t, s, h).String()
	for want, times := range map[string]int{
		"mount tmpfs -> /run ": 1, "mount tmpfs -> /var/home ": 1, "mount tmpfs -> /home ": 0, "mount tmpfs -> /var/run ": 0,
		"mkdir /var/home/ada/p ": 1,
	} {
		if got := strings.Count(text, want); got != times {
			t.Errorf("%q stands %d times, want %d, in\n%s", want, got, times, text)
		}
	}
}

// TestCompleteIsPure: neither function changes what it is given, and both give
// the same again.
func TestCompleteIsPure(t *testing.T) {
	s, h := build("make"), laptop()
	s.OCI.Mounts = []specs.Mount{bind("/home/ada/go", "/home/ada/go", "ro")}
	first, second := plan(t, s, h), plan(t, s, h)
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("second plan (-first +second):\n%s", diff)
	}
	want := build("make")
	want.OCI.Mounts = []specs.Mount{bind("/home/ada/go", "/home/ada/go", "ro")}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Errorf("the Spec was changed:\n%s", diff)
	}
}

func TestIDs(t *testing.T) {
	none := laptop()
	none.UIDs, none.GIDs, none.RangesErr = nil, nil, idmap.ErrNoRanges
	bare := laptop()
	bare.Helpers = idmap.Helpers{}
	for _, c := range []struct {
		name string
		view View
		ids  IDs
		host Host
		want string
		note string
		err  string
	}{
		{"host view", HostView, IDsAuto, laptop(), "1000:1000:1", "", ""},
		{"host view, root", HostView, IDsRoot, laptop(), "0:1000:1,1:100000:65536", "", ""},
		{"host view, keep-id", HostView, IDsKeep, laptop(), "1000:1000:1,0:100000:1000,1001:101000:64536", "", ""},
		{"host view, single", HostView, IDsSingle, laptop(), "1000:1000:1", "", ""},
		{"host view, root, no ranges", HostView, IDsRoot, none, "", "", "--userns root: "},
		{"host view, keep-id, no helpers", HostView, IDsKeep, bare, "", "", "--userns keep-id: newuidmap is not installed"},
		{"host view, no helpers", HostView, IDsAuto, bare, "1000:1000:1", "", ""},
		{"rootfs", Rootfs, "", laptop(), "0:1000:1,1:100000:65536", "", ""},
		{"rootfs, keep-id", Rootfs, IDsKeep, laptop(), "1000:1000:1,0:100000:1000,1001:101000:64536", "", ""},
		{"rootfs, single", Rootfs, IDsSingle, laptop(), "0:1000:1", "", ""},
		{"rootfs, no helpers", Rootfs, IDsAuto, bare, "0:1000:1", "newuidmap is not installed", ""},
		{"rootfs, no ranges", Rootfs, IDsAuto, none, "0:1000:1", "no subordinate ids", ""},
		{"rootfs, keep-id, no ranges", Rootfs, IDsKeep, none, "1000:1000:1", "no subordinate ids", ""},
		{"rootfs, root, no ranges", Rootfs, IDsRoot, none, "", "", "no subordinate ids"},
		{"rootfs, single, no ranges", Rootfs, IDsSingle, none, "0:1000:1", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := build("true")
			s.View, s.IDs = c.view, c.ids
			if c.view == Rootfs {
				s.OCI.Root = &specs.Root{Path: "/srv/root"}
			}
			done, notes, err := Complete(s, c.host)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("got %v, want %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := fromOCI(done.OCI.Linux.UIDMappings).String(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if got := strings.Join(notes, "\n"); (c.note == "") != (got == "") || !strings.Contains(got, c.note) {
				t.Errorf("note %q, want %q", got, c.note)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	change := func(f func(*Spec)) Spec {
		s := build("make")
		s.OCI.Linux = &specs.Linux{}
		f(&s)
		return s
	}
	old := laptop()
	old.Kernel = Kernel{5, 10}
	for _, c := range []struct {
		want string
		spec Spec
		host Host
	}{
		{"kernel 5.10 is too old, sbx needs 5.12", build("make"), old},
		{"no command to run", build(), laptop()},
		{"your home is in it", change(func(s *Spec) { s.Project = "/home/ada" }), laptop()},
		{"your home is in it", change(func(s *Spec) { s.Project = "/home" }), laptop()},
		{"your home is in it", change(func(s *Spec) { s.Project = "/" }), laptop()},
		{"shared by the whole host", change(func(s *Spec) { s.Project = "/tmp" }), laptop()},
		{"project directory /gone", change(func(s *Spec) { s.Project = "/gone" }), laptop()},
		{"no root to run in", change(func(s *Spec) { s.View = Union }), laptop()},
		{"no root to run in", change(func(s *Spec) { s.View = Rootfs }), laptop()},
		{"root /nowhere: no such directory", change(func(s *Spec) { s.View, s.Layers = Union, []string{"/nowhere"} }), laptop()},
		{"not a directory", change(func(s *Spec) { s.View, s.Layers = Union, []string{"/home/ada/p/file"} }), laptop()},
		{"fuse-overlayfs is not installed", change(func(s *Spec) { s.View, s.Layers, s.Overlay = Union, []string{"/srv/a"}, DriverFuse }), laptop()},
		{"action", change(func(s *Spec) { s.OCI.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: "SCMP_ACT_NONE"} }), laptop()},
		{"hooks is not supported", change(func(s *Spec) { s.OCI.Hooks = &specs.Hooks{} }), laptop()},
		{"linux.intelRdt is not supported", change(func(s *Spec) { s.OCI.Linux.IntelRdt = &specs.LinuxIntelRdt{} }), laptop()},
		{"cannot run as uid 33: it has no id here", change(func(s *Spec) { s.OCI.Process.User.UID = 33 }), laptop()},
		{"want an absolute path", change(func(s *Spec) { s.OCI.Mounts = []specs.Mount{tmpfs("tmp")} }), laptop()},
		{"want an absolute path below /", change(func(s *Spec) { s.OCI.Mounts = []specs.Mount{tmpfs("/x/..")} }), laptop()},
		{"mount point /home/ada/p/new", change(func(s *Spec) { s.OCI.Mounts = []specs.Mount{tmpfs("/home/ada/p/new")} }), laptop()},
		{"mount point /usr/new", change(func(s *Spec) { s.OCI.Mounts = []specs.Mount{tmpfs("/usr/new")} }), laptop()},
		{"/absent: no such file", change(func(s *Spec) { s.OCI.Mounts = []specs.Mount{bind("/absent", "/tmp/x")} }), laptop()},
		{"one is a directory", change(func(s *Spec) { s.OCI.Mounts = []specs.Mount{bind("/srv/a", "/home/ada/p/file")} }), laptop()},
		{`of type "ext4"`, change(func(s *Spec) { s.OCI.Mounts = []specs.Mount{{Type: "ext4", Destination: "/tmp/x"}} }), laptop()},
		{"option \"shared\"", change(func(s *Spec) { s.OCI.Mounts = []specs.Mount{bind("/srv/a", "/tmp/x", "shared")} }), laptop()},
		{"has a comma", change(func(s *Spec) { s.OCI.Mounts = []specs.Mount{tmpfs("/tmp/x", "mode=1,exec")} }), laptop()},
		{`limit "RLIMIT_X"`, change(func(s *Spec) { s.OCI.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_X"}} }), laptop()},
		{"is above hard", change(func(s *Spec) {
			s.OCI.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_CORE", Soft: 2, Hard: 1}}
		}), laptop()},
		{`capability "CAP_X"`, change(func(s *Spec) {
			s.OCI.Process.Capabilities = &specs.LinuxCapabilities{Bounding: []string{"CAP_X"}}
		}), laptop()},
	} {
		done, _, err := Complete(c.spec, c.host)
		if err == nil {
			_, err = Compile(done, c.host)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
	said := build("make")
	said.Project, said.Writable = "/home/ada", []string{"/home/ada"}
	if _, _, err := Complete(said, laptop()); err != nil {
		t.Errorf("--rw named it: %v", err)
	}
}

func TestStepHints(t *testing.T) {
	s := build("make")
	for _, c := range []struct {
		step userns.Step
		err  error
		want string
	}{
		{userns.Confine{Module: "AppArmor"}, fs.ErrNotExist, "apparmor_parser -r"},
		{userns.Confine{Module: "SELinux"}, fs.ErrPermission, "does not let"},
		{userns.Take{Source: "/home/ada/p"}, fs.ErrNotExist, "--no-project"},
		{userns.Chdir{Path: "/x"}, fs.ErrNotExist, "--workdir"},
		{userns.MountFuse{}, fs.ErrNotExist, "chmod 666 /dev/fuse"},
		{userns.Rlimit{}, fs.ErrPermission, "ulimit -H"},
	} {
		e := &userns.StepError{Step: c.step, Err: 1}
		if errors.Is(c.err, fs.ErrNotExist) {
			e.Err = 2
		}
		if got := Hint(explain(e, s, laptop())); !strings.Contains(got, c.want) {
			t.Errorf("%T: got %q, want %q", c.step, got, c.want)
		}
	}
}

func TestParseKernel(t *testing.T) {
	for release, want := range map[string]Kernel{
		"6.18.44-fc-v669": {6, 18}, "5.12": {5, 12}, "6.1.0-56-cloud-amd64": {6, 1}, "7.2-rc1": {7, 2},
	} {
		if got, err := parseKernel(release); err != nil || got != want {
			t.Errorf("%s: %v, %v", release, got, err)
		}
	}
	for _, release := range []string{"", "six.one", "6", "6."} {
		if got, err := parseKernel(release); err == nil {
			t.Errorf("%q is version %v", release, got)
		}
	}
}

func TestParseUlimit(t *testing.T) {
	l, err := ParseUlimit("nofile=10:20")
	if want := (specs.POSIXRlimit{Type: "RLIMIT_NOFILE", Soft: 10, Hard: 20}); err != nil || l != want {
		t.Errorf("%v, %v", l, err)
	}
	if l, err = ParseUlimit("core=unlimited"); err != nil || l.Soft != 1<<64-1 {
		t.Errorf("%v, %v", l, err)
	}
	for _, text := range []string{"", "nofile", "nofile=", "nofile=a", "nofile=1:b", "nothing=1", "=1", "nofile=1:2:3"} {
		if _, err := ParseUlimit(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
