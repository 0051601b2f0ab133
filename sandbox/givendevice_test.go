package sandbox

import (
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/userns"
)

func TestTerminalNumbers(t *testing.T) {
	for _, c := range []struct {
		major, minor uint32
		want         bool
	}{
		{5, 0, true}, {5, 1, true}, {5, 2, true}, {4, 0, true}, {4, 63, true}, {136, 0, true}, {143, 9, true}, {7, 1, true}, {2, 3, true}, {3, 3, true},
		{188, 0, false}, {166, 0, false}, {10, 229, false}, {226, 128, false}, {1, 3, false},
	} {
		if got := isTerminalNumber(c.major, c.minor); got != c.want {
			t.Errorf("%d:%d: %v", c.major, c.minor, got)
		}
	}
}

func TestDevice(t *testing.T) {
	m, err := Device("/dev/../dev/zero", "", false)
	if err != nil || m.Source != "/dev/zero" || m.Destination != "/dev/zero" || !givesDevices(m) || isReadOnlyDevice(m) {
		t.Errorf("%+v, %v", m, err)
	}
	if m, err = Device("/dev/zero", "/dev/x", true); err != nil || !isReadOnlyDevice(m) || m.Destination != "/dev/x" {
		t.Errorf("%+v, %v", m, err)
	}
	link := t.TempDir() + "/link"
	if err := os.Symlink("/dev/zero", link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/dev", "/dev/pts", "/dev/shm", "/dev/fd", "/dev/tty", "/dev/ptmx", "/etc/passwd", "/dev/absent", link, "/devices"} {
		if m, err := Device(path, "", false); err == nil {
			t.Errorf("%s is given: %+v", path, m)
		}
	}
	if _, err := Device("/dev/zero", "/dev/shm/x", false); err == nil {
		t.Error("a device is put into /dev/shm")
	}
}

// TestDevicePlans: a device is taken before anything covers /dev or takes devices away, and
// without nodev; a plain bind of one is refused, except of what is there anyway.
func TestDevicePlans(t *testing.T) {
	device := func(options ...string) specs.Mount {
		return specs.Mount{Type: "bind", Source: "/dev/kvm", Destination: "/dev/kvm", Options: append([]string{"bind", "nosuid"}, options...)}
	}
	for _, view := range []View{HostView, Rootfs} {
		s, h := build("make"), laptop()
		if s.View = view; view == Rootfs {
			s.OCI.Root = &specs.Root{Path: "/srv/root", Readonly: true}
		}
		h.Files["/dev/kvm"] = fs.ModeDevice | fs.ModeCharDevice | 0o660
		h.Files["/dev/null"] = fs.ModeDevice | fs.ModeCharDevice | 0o666
		s.OCI.Mounts = []specs.Mount{device("dev", "rw")}
		steps := plan(t, s, h).Steps
		taken := slices.IndexFunc(steps, func(s userns.Step) bool { take, ok := s.(userns.Take); return ok && take.Source == "/dev/kvm" })
		sealed := slices.IndexFunc(steps, func(s userns.Step) bool { _, ok := s.(userns.Seal); return ok })
		if taken < 0 || taken > sealed || steps[taken].(userns.Take).Attr != userns.NoSuid {
			t.Errorf("%s: taken in step %d, sealed in %d", view, taken, sealed)
		}
		s.OCI.Mounts = []specs.Mount{device("nodev", "rw")}
		if _, _, err := Complete(s, h); err == nil || Hint(err) != "--device /dev/kvm" {
			t.Errorf("%s: a plain bind: %v", view, err)
		}
		s.OCI.Mounts = []specs.Mount{{Type: "bind", Source: "/dev/null", Destination: "/tmp/n", Options: []string{"bind", "nodev"}}}
		if done, _, err := Complete(s, h); err != nil || !slices.ContainsFunc(done.OCI.Mounts, func(m specs.Mount) bool { return m.Source == "/dev/null" && givesDevices(m) }) {
			t.Errorf("%s: /dev/null: %v", view, err)
		}
		s.OCI.Mounts = []specs.Mount{device("dev", "ro")}
		if _, _, err := Complete(s, h); err != nil {
			t.Errorf("%s: read-only: %v", view, err)
		}
		h.Landlock = 0
		s.Degraded = []string{"landlock"}
		if _, _, err := Complete(s, h); err == nil || !strings.Contains(err.Error(), "cannot be given read-only") {
			t.Errorf("%s: read-only without Landlock: %v", view, err)
		}
	}
}
