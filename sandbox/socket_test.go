package sandbox

import (
	"net"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSocketNames(t *testing.T) {
	const text = "Num       RefCount Protocol Flags    Type St Inode Path\n" +
		"00000000c7e68334: 00000003 00000000 00000000 0001 03   569\n" +
		"0000000000000000: 00000002 00000000 00010000 0001 01 16163 /run/systemd/notify\n" +
		"0000000000000000: 00000002 00000000 00010000 0001 01 161638 @/tmp/.X11-unix/X0\n" +
		"0000000000000000: 00000002 00000000 00010000 0005 01     7 /srv/a name  with spaces \n" +
		"0000000000000000: 00000002 00000000 00010000 0005 01     7 relative\n"
	want := []string{"/run/systemd/notify", "/srv/a name  with spaces "}
	if diff := cmp.Diff(want, socketNames([]byte(text))); diff != "" {
		t.Error(diff)
	}
	for _, short := range []string{"", "\n", "a", "a b c d e f g", " / / / / / / / /"} {
		socketNames([]byte(short))
	}
}

// The kernel's own file is read as it is on this machine.
func TestNamedSocketsFindsOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	h := Host{Landlock: 7}
	if !slices.Contains(h.namedSockets(), path) {
		t.Errorf("%s is not found", path)
	}
	h.Landlock = landlockSockets
	if len(h.namedSockets()) > 0 {
		t.Error("looked for sockets that Landlock keeps")
	}
}
