package sandbox

import (
	"strings"
	"testing"
)

// TestRootIsTold: root is, in the host view, and root of a user namespace is not.
func TestRootIsTold(t *testing.T) {
	for _, c := range []struct {
		root bool
		view View
		told bool
	}{{true, HostView, true}, {false, HostView, false}, {true, Union, false}} {
		h, s := laptop(), build("make")
		h.UID, h.GID, h.Root = 0, 0, c.root
		if s.View = c.view; s.View == Union {
			s.Layers = []string{"/srv/a"}
		}
		_, notes, err := Complete(s, h)
		if err != nil {
			t.Fatal(err)
		}
		if told := strings.Contains(strings.Join(notes, "\n"), "you are root"); told != c.told {
			t.Errorf("%+v: told %q", c, notes)
		}
	}
}
