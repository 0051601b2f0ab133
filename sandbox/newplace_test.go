package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/userns"
)

// TestNewPlaces: only mount points that the host has not have a root made, and that has all
// that the host's has.
func TestNewPlaces(t *testing.T) {
	project := t.TempDir()
	for at, want := range map[string]bool{
		"/sbx-no-such/place": true, "/usr/sbx-no-such": true, "/usr": false, "/tmp/x": false, "/run/a/b": false, project + "/x": false, "/proc/x": false,
	} {
		s := Spec{Project: project}
		s.OCI.Mounts = []specs.Mount{bind(project, at)}
		h, err := Probe(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(h.newRoot) > 0; got != want || h.newPlace(s.OCI.Mounts[0]) != want {
			t.Errorf("%s: a root is made: %v", at, got)
		}
		if !want {
			continue
		}
		for _, e := range entries("/") {
			if !slices.ContainsFunc(h.newRoot, func(p userns.Part) bool { return p.Path == e.name }) {
				t.Errorf("%s: /%s is missing", at, e.name)
			}
		}
		if last := h.newRoot[len(h.newRoot)-1]; "/"+last.Path != at || last.Bound || !last.Dir {
			t.Errorf("%s: the place is %+v", at, last)
		}
	}
}

// TestFindPlace: a place is below the directory that a link leads to, and never a link.
func TestFindPlace(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		os.Mkdir(filepath.Join(dir, "real"), 0o755), os.Symlink("real", filepath.Join(dir, "link")), os.Symlink("nowhere", filepath.Join(dir, "broken")),
		os.WriteFile(filepath.Join(dir, "file"), nil, 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ at, above, rest, fails string }{
		{"link/new/x", "real", "new/x", ""}, {"real/new", "real", "new", ""}, {"broken", "", "", ""}, {"broken/x", "", "", "no such file"},
		{"file/x", "", "", "not a directory"},
	} {
		p, err := findPlace(filepath.Join(dir, c.at))
		switch {
		case c.fails != "":
			if err == nil || !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%s: %v", c.at, err)
			}
		case err != nil, c.above == "" && p.above != "", c.above != "" && (p.above != filepath.Join(dir, c.above) || p.rest != c.rest):
			t.Errorf("%s: %+v, %v", c.at, p, err)
		}
	}
}
