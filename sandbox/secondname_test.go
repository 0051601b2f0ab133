package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func hardlink(t *testing.T, from, to string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(from, to); err != nil {
		t.Fatal(err)
	}
}

// names makes a project whose .env has other names: in it, deep in it, in a
// directory beside it, and in one that is not shown.
func names(t *testing.T) (dir, project string) {
	t.Helper()
	dir = t.TempDir()
	project = filepath.Join(dir, "project")
	env := write(t, filepath.Join(project, ".env"), "TOKEN=x")
	write(t, filepath.Join(project, "other"), "x")
	write(t, filepath.Join(project, "private/key"), "x")
	hardlink(t, filepath.Join(project, "private/key"), filepath.Join(project, "public"))
	hardlink(t, env, filepath.Join(project, "notes"))
	hardlink(t, env, filepath.Join(project, "a/b/c d\n/notes"))
	hardlink(t, env, filepath.Join(dir, "beside/in/notes"))
	hardlink(t, env, filepath.Join(dir, "elsewhere/notes"))
	if err := os.Symlink("../../elsewhere", filepath.Join(project, "a/link")); err != nil {
		t.Fatal(err)
	}
	return dir, project
}

// TestSecondNames: all that are shown are hidden, and nothing else.
func TestSecondNames(t *testing.T) {
	dir, project := names(t)
	at := func(names ...string) (paths []string) {
		for _, n := range names {
			paths = append(paths, filepath.Join(dir, n))
		}
		return paths
	}
	for _, c := range []struct {
		name   string
		change func(*Spec)
		hidden []string
		note   string
	}{
		{"project", nothing, at("project/.env", "project/notes", "project/a/b/c d\n/notes"), "of the 5 names"},
		{"shown", func(s *Spec) {
			s.OCI.Mounts = []specs.Mount{bind(filepath.Join(dir, "beside"), "/tmp/beside", "rw"), bind(filepath.Join(dir, "elsewhere"), "/tmp/e", "ro")}
		}, append(at("project/.env", "project/notes", "project/a/b/c d\n/notes"), "/tmp/beside/in/notes"), ""}, // in the read-only one it is not shown
		{"exposed", func(s *Spec) { s.Exposed = at("project/.env") }, nil, ""},
		{"another exposed", func(s *Spec) { s.Exposed = at("project/notes") }, at("project/.env", "project/a/b/c d\n/notes"), "only 3 could be hidden"},
		{"hidden by the caller", func(s *Spec) {
			s.Exposed = at("project/.env")
			s.OCI.Linux = &specs.Linux{MaskedPaths: at("project/private/key")}
		}, at("project/private/key", "project/public"), ""},
	} {
		s, notes := shown(t, project, c.change)
		var hidden []string
		for _, p := range s.OCI.Linux.MaskedPaths {
			if below(p, "/tmp") && !strings.HasPrefix(p, "/tmp/.") {
				hidden = append(hidden, p)
			}
		}
		slices.Sort(hidden)
		slices.Sort(c.hidden)
		if !slices.Equal(hidden, c.hidden) {
			t.Errorf("%s: hidden %q, want %q", c.name, hidden, c.hidden)
		}
		if all := strings.Join(notes, "\n"); (c.note == "") != !strings.Contains(all, "could be hidden") || !strings.Contains(all, c.note) {
			t.Errorf("%s: notes %q, want %q", c.name, notes, c.note)
		}
	}
}

// TestSecondNamesNotFound: what is not searched is said.
func TestSecondNamesNotFound(t *testing.T) {
	dir, project := names(t)
	search := func(limit int) string {
		n := nameSearch{files: map[object]*linked{}, limit: limit}
		n.seek(filepath.Join(project, ".env"), false)
		n.search(project)
		return fmt.Sprint(n.notes())
	}
	if got := search(1); !strings.Contains(got, "names were looked at") {
		t.Errorf("no limit: %s", got)
	}
	closed := filepath.Join(project, "a/b")
	if err := os.Chmod(closed, 0o100); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(closed, 0o755) })
	if got := search(100); os.Getuid() != 0 && !strings.Contains(got, "not every directory") {
		t.Errorf("a closed directory is not told of: %s", got)
	}
	// As soon as all are found, nothing more is looked at.
	for _, name := range []string{"beside", "elsewhere", "project/a"} {
		os.Chmod(closed, 0o755)
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(project, "z/z"), "")
	if err := os.Chmod(filepath.Join(project, "z"), 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(filepath.Join(project, "z"), 0o755) })
	if got := search(100); got != "[]" {
		t.Errorf("all were found, and it says %s", got)
	}
}

// TestOneName: without a second name nothing is searched.
func TestOneName(t *testing.T) {
	project := t.TempDir()
	write(t, filepath.Join(project, ".env"), "TOKEN=x")
	write(t, filepath.Join(project, "closed/x"), "")
	if err := os.Chmod(filepath.Join(project, "closed"), 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(filepath.Join(project, "closed"), 0o755) })
	if _, notes := shown(t, project, nothing); strings.Contains(strings.Join(notes, "\n"), ".env") {
		t.Errorf("notes %q", notes)
	}
}
