package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// TestPins: the directories above a hidden name are bound over themselves, once, where
// they are writable and nothing else is mounted.
func TestPins(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	project, other := filepath.Join(dir, "project"), filepath.Join(dir, "other")
	for _, name := range []string{"project/a/b/.env", "project/a/c/.env", "project/.env", "project/x/y/key", "other/deep/er/key", "project/.vscode/key/x", "project/ro/sub/.env"} {
		write(t, filepath.Join(dir, name), "x")
	}
	if err := os.Symlink("x", filepath.Join(project, "link")); err != nil {
		t.Fatal(err)
	}
	pins := func(change func(*Spec)) (at []string) {
		s := build("true")
		s.Project = project
		s.OCI.Linux = &specs.Linux{}
		change(&s)
		h, err := Probe(s)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := Complete(s, h); err != nil {
			t.Fatal(err)
		}
		for _, p := range h.pins {
			at = append(at, p.Destination)
		}
		slices.Sort(at)
		return at
	}
	in := func(names ...string) (paths []string) {
		for _, n := range names {
			paths = append(paths, filepath.Join(dir, n))
		}
		return paths
	}
	for _, c := range []struct {
		name   string
		change func(*Spec)
		want   []string
	}{
		{"project", nothing, in("project/a", "project/a/b", "project/a/c", "project/ro", "project/ro/sub")},
		{"read-only", func(s *Spec) { s.ReadOnlyProject = true }, nil},
		{"hidden", func(s *Spec) {
			s.Exposed = in("project/a", "project/ro")
			s.OCI.Linux.MaskedPaths = in("project/x/y/key")
		}, in("project/x", "project/x/y")},
		{"read-only mount between", func(s *Spec) {
			s.Exposed = in("project/a")
			s.OCI.Mounts = []specs.Mount{bind(filepath.Join(project, "ro"), filepath.Join(project, "ro"), "ro")}
		}, nil},
		{"guarded", func(s *Spec) {
			s.Exposed = in("project/a", "project/ro")
			s.OCI.Linux.MaskedPaths = in("project/.vscode/key/x")
		}, nil},
		{"another place", func(s *Spec) {
			s.Exposed = in("project/a", "project/ro")
			s.OCI.Mounts = []specs.Mount{bind(other, "/tmp/o", "rw")}
			s.OCI.Linux.MaskedPaths = []string{"/tmp/o/deep/er/key"}
		}, []string{"/tmp/o/deep", "/tmp/o/deep/er"}},
	} {
		if got := pins(c.change); !slices.Equal(got, c.want) {
			t.Errorf("%s: pinned %q, want %q", c.name, got, c.want)
		}
	}
}

func TestMustHide(t *testing.T) {
	s, h := build("true"), laptop()
	for path, missing := range map[string]bool{"/home/ada/p/.env": false, "/home/ada/p/no": true, "/etc/hosts": false, "/etc/no": true, "/run/mine/x": true} {
		s.OCI.Mounts = []specs.Mount{tmpfs("/run/mine")}
		s.OCI.Linux = &specs.Linux{MaskedPaths: []string{path}}
		s.MustHide = []string{path}
		if _, _, err := Complete(s, h); (err != nil) != missing || missing && Hint(err) == "" {
			t.Errorf("%s: %v", path, err)
		}
	}
}
