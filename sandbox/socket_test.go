package sandbox

import (
	"io/fs"
	"net"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/sandbox/landlock"
	"github.com/sbxrun/sbx/userns"
)

func TestSocketNames(t *testing.T) {
	const text = "Num       RefCount Protocol Flags    Type St Inode Path\n" +
		"00000000c7e68334: 00000003 00000000 00000000 0001 03   569\n" +
		"0000000000000000: 00000002 00000000 00010000 0001 01 16163 /run/systemd/notify\n" +
		"0000000000000000: 00000002 00000000 00010000 0001 01 161638 @/tmp/.X11-unix/X0\n" +
		"0000000000000000: 00000002 00000000 00010000 0005 01     7 /srv/a name  with spaces \n" +
		"0000000000000000: 00000002 00000000 00010000 0005 01     7 relative\n"
	want := []string{"/run/systemd/notify", "/srv/a name  with spaces ", "relative"}
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
}

// TestSocketsAndLandlock: where Landlock refuses the host's sockets, it lets those
// through that were meant, and no others.
func TestSocketsAndLandlock(t *testing.T) {
	h := laptop()
	h.Landlock = landlockSockets
	for path, mode := range map[string]fs.FileMode{
		"/srv/a": fs.ModeDir, "/home/ada/p/in": fs.ModeSocket, "/srv/a/one": fs.ModeSocket, "/run/user/1000": fs.ModeDir, "/srv/b/alone": fs.ModeSocket,
	} {
		h.Files[path] = mode
	}
	s := build("make")
	s.Exposed = []string{"/run/user/1000", "/srv/a/one", "/home/ada/p/in", "/home/ada/p/.env"}
	s.OCI.Mounts = []specs.Mount{
		bind("/run/user/1000", "/run/me"), bind("/srv/a", "/tmp/a"), bind("/srv/b/alone", "/tmp/alone", "ro"), bind("/home/ada/go", "/home/ada/go"),
	}
	var may []string
	for _, r := range find[userns.Landlock](plan(t, s, h))[0].Rules {
		if landlock.Rights(r.Rights)&landlock.Sockets != 0 {
			may = append(may, r.Path)
		}
	}
	slices.Sort(may)
	if want := []string{"/home/ada/p/in", "/run/me", "/tmp/a/one", "/tmp/alone"}; !slices.Equal(may, want) {
		t.Errorf("may connect below %q, want %q", may, want)
	}
	if !h.refusesSockets(s) {
		t.Error("looks for sockets that Landlock keeps")
	}
	s.UserNS = true
	if h.refusesSockets(s) {
		t.Error("leaves sockets to Landlock, which holds no files where user namespaces are allowed")
	}
}
