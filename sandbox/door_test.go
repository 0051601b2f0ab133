package sandbox

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// haveDoors makes a FIFO, a socket that nobody listens at, and one that somebody
// does, bound by a name that does not say where it is.
func haveDoors(t *testing.T, dir string) {
	t.Helper()
	write(t, filepath.Join(dir, "file"), "")
	if err := unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "l")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for name, keep := range map[string]bool{"stale-4711": false, "live-4711": true} {
		l, err := net.Listen("unix", filepath.Join(link, name))
		if err != nil {
			t.Fatal(err)
		}
		l.(*net.UnixListener).SetUnlinkOnClose(false)
		if !keep {
			l.Close()
			continue
		}
		t.Cleanup(func() { l.Close() })
	}
}

// TestDoors: what of FIFOs and sockets is hidden where.
func TestDoors(t *testing.T) {
	dir, err := os.MkdirTemp("", "d") // a socket's name is at most 108 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	project, read, written := filepath.Join(dir, "p"), filepath.Join(dir, "r"), filepath.Join(dir, "w")
	for _, d := range []string{project, read, written} {
		haveDoors(t, d)
	}
	mounts := []specs.Mount{bind(read, "/tmp/r", "ro"), bind(written, "/tmp/w")}
	for _, c := range []struct {
		name   string
		change func(*Spec)
		want   []string
	}{
		{"default", nothing, []string{project + "/live-4711", "/tmp/r/fifo", "/tmp/r/live-4711", "/tmp/r/stale-4711", "/tmp/w/live-4711"}},
		{"read-only project", func(s *Spec) { s.ReadOnlyProject, s.OCI.Mounts = true, nil },
			[]string{project + "/fifo", project + "/live-4711", project + "/stale-4711"}},
		{"exposed", func(s *Spec) { s.OCI.Mounts, s.Exposed = mounts[:1], []string{read + "/fifo", project} }, []string{"/tmp/r/live-4711", "/tmp/r/stale-4711"}},
		{"the FIFO itself", func(s *Spec) { s.OCI.Mounts = []specs.Mount{bind(read+"/fifo", "/tmp/f")} }, []string{project + "/live-4711"}},
	} {
		s := build("true")
		s.Project, s.OCI.Mounts = project, slices.Clone(mounts)
		c.change(&s)
		s.UserNS = true // without, a newer Landlock refuses sockets by itself
		h, err := Probe(s)
		if err != nil {
			t.Fatal(err)
		}
		done, _, err := Complete(s, h)
		if err != nil {
			t.Fatal(err)
		}
		got := slices.DeleteFunc(done.OCI.Linux.MaskedPaths, func(p string) bool {
			return !below(p, project) && !below(p, "/tmp/r") && !below(p, "/tmp/w") && !below(p, "/tmp/f")
		})
		slices.Sort(got)
		slices.Sort(c.want)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: hidden %q, want %q", c.name, got, c.want)
		}
	}
}
