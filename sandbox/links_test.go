package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func TestFollow(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(at("disk/in/deep"), 0o755))
	must(os.Symlink("disk", at("work")))
	must(os.Symlink(at("work/in"), at("in")))
	must(os.Symlink("nowhere", at("gone")))
	must(os.Symlink("loop", at("loop")))
	for _, c := range []struct {
		path, real string
		links      []string
		err        error
	}{
		{"disk/in", "disk/in", nil, nil},
		{"work/in", "disk/in", []string{"work"}, nil},
		{"in/deep", "disk/in/deep", []string{"in", "work"}, nil},
		{"gone", "gone", []string{"gone"}, unix.ENOENT},
		{"work/none", "work/none", []string{"work"}, unix.ENOENT},
		{"loop", "loop", nil, unix.ELOOP},
	} {
		real, links, err := Follow(at(c.path))
		for i, link := range links {
			links[i], _ = filepath.Rel(dir, link)
		}
		if real != at(c.real) || err != c.err || c.err == nil && !slices.Equal(links, c.links) {
			t.Errorf("%s: %s by %v, %v", c.path, real, links, err)
		}
	}
	s := Spec{Project: at("disk/in")}
	if got := s.Changeable([]string{at("work"), at("disk/in/link")}); got != at("disk/in/link") {
		t.Errorf("the link %q can be changed", got)
	}
	s = Spec{OCI: specs.Spec{Mounts: []specs.Mount{bind(at("work"), "/x"), bind(dir, "/y", "ro")}}}
	if got := s.Changeable([]string{at("in"), at("disk/link")}); got != at("disk/link") {
		t.Errorf("the link %q can be changed, where the directory is named through another", got)
	}
}

// TestLanded names mount points through a link of the caller's.
func TestLanded(t *testing.T) {
	h := Host{links: []pathLink{{"/home/ada", "/data/ada"}}}
	for from, to := range map[string]string{"/home/ada": "/data/ada", "/home/ada/x": "/data/ada/x", "/home/adam": "/home/adam", "/": "/"} {
		if got := h.landed(from); got != to {
			t.Errorf("%s lands at %s, want %s", from, got, to)
		}
	}
}
