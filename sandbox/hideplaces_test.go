package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// TestHiddenPlaces: what the caller hides is hidden by each mount that shows it, and only
// there.
func TestHiddenPlaces(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	at := func(n string) string { return filepath.Join(dir, n) }
	for _, n := range []string{"p/d/in/key", "p/e/in/key", "root/etc/key"} {
		write(t, at(n), "x")
	}
	if err := os.Symlink("d", at("p/link")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		hide   string
		mounts []specs.Mount
		root   string
		want   []string
	}{
		{"nothing else", at("p/d/in"), nil, "", nil},
		{"above", at("p/d/in"), []specs.Mount{bind(at("p"), "/tmp/x")}, "", []string{"/tmp/x/d/in"}},
		{"itself", at("p/d/in"), []specs.Mount{bind(at("p/d/in"), "/tmp/x", "ro")}, "", []string{"/tmp/x"}},
		{"within", at("p/d"), []specs.Mount{bind(at("p/d/in"), "/tmp/x", "ro")}, "", []string{"/tmp/x"}},
		{"another", at("p/d/in"), []specs.Mount{bind(at("p/e"), "/tmp/x")}, "", nil},
		{"a link", at("p/link/in"), []specs.Mount{bind(at("p/d"), "/tmp/x")}, "", []string{"/tmp/x/in", at("p/d/in")}},
		{"covered", at("p/d/in"), []specs.Mount{bind(at("p/d"), "/tmp/x"), bind(at("p/e"), "/tmp/x/in")}, "", nil},
		{"by a mount", "/tmp/y/d/in", []specs.Mount{bind(at("p"), "/tmp/y")}, "", []string{at("p/d/in")}},
		{"in a root", "/etc/key", []specs.Mount{bind(at("root"), "/mnt")}, at("root"), []string{"/mnt/etc/key"}},
		{"of a root", "/mnt/etc/key", []specs.Mount{bind(at("root"), "/mnt")}, at("root"), []string{"/etc/key"}},
	} {
		s := build("true")
		s.Project = at("p")
		s.OCI.Mounts = c.mounts
		s.OCI.Linux = &specs.Linux{MaskedPaths: []string{c.hide}}
		if c.root != "" {
			s.View, s.OCI.Root = Rootfs, &specs.Root{Path: c.root}
		}
		plain := s
		plain.OCI.Linux = &specs.Linux{}
		with, without := masked(t, s), masked(t, plain)
		got := slices.DeleteFunc(with, func(p string) bool { return p == c.hide || slices.Contains(without, p) })
		slices.Sort(got)
		slices.Sort(c.want)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: hidden as well %q, want %q", c.name, got, c.want)
		}
	}
}

func masked(t *testing.T, s Spec) []string {
	t.Helper()
	h, err := Probe(s)
	if err != nil {
		t.Fatal(err)
	}
	done, _, err := Complete(s, h)
	if err != nil {
		t.Fatal(err)
	}
	return done.OCI.Linux.MaskedPaths
}
