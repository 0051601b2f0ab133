package sandbox

import (
	"strings"
	"testing"
)

// TestRootIsRefused: root is, in the host view, unless it is allowed, and root of a user
// namespace is not.
func TestRootIsRefused(t *testing.T) {
	for _, c := range []struct {
		root    bool
		view    View
		allowed bool
		refused bool
	}{{true, HostView, false, true}, {true, HostView, true, false}, {false, HostView, false, false}, {true, Union, false, false}} {
		h, s := laptop(), build("make")
		h.UID, h.GID, h.Root, s.AllowRoot = 0, 0, c.root, c.allowed
		if s.View = c.view; s.View == Union {
			s.Layers = []string{"/srv/a"}
		}
		_, _, err := Complete(s, h)
		if refused := err != nil && strings.HasPrefix(err.Error(), "root needs --allow-root") && strings.Contains(Hint(err), "--allow-root"); refused != c.refused {
			t.Errorf("%+v: %v, hint %q", c, err, Hint(err))
		}
	}
}

// TestMapsToRoot: by the maps that there are.
func TestMapsToRoot(t *testing.T) {
	for _, c := range []struct {
		uidMap string
		id     uint32
		want   bool
	}{
		{"         0          0 4294967295\n", 0, true},
		{"         0          0 4294967295\n", 1000, false},
		{"0 0 1\n", 0, true},                     // root's own unshare --map-root-user
		{"1000 0 1\n", 1000, true},               // root's own unshare --map-user=1000
		{"0 1000 1\n", 0, false},                 // an ordinary user's
		{"0 1000 1\n1 100000 65536\n", 0, false}, // rootless podman's
		{"0 1 1000\n1000 0 1\n1001 1001 64536\n", 1000, true},
		{"0 100000 65536\n", 0, false},
		{"", 0, false},
	} {
		if got := mapsToRoot(c.uidMap, c.id); got != c.want {
			t.Errorf("%q of %d: %v", c.uidMap, c.id, got)
		}
	}
}
