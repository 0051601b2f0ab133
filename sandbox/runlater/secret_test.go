package runlater

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestSecrets: files that are taken for secrets are noted at any depth, and which of them the
// run made.
func TestSecrets(t *testing.T) {
	dir := tempDir(t)
	for i := range fanWidth * 2 { // so that several walkers share
		write(t, dir, fmt.Sprintf("d%d/e/.env", i), "mine")
	}
	write(t, dir, ".env", "mine")
	write(t, dir, "a/b/c/d/e/f/.env", "mine")
	write(t, dir, "a/.env/x", "mine")
	write(t, dir, "repository/.git/HEAD", "mine") // a top is read twice
	write(t, dir, "repository/.env", "mine")
	g := find(t, dir)
	g.Secret = func(dir, name string) bool { return name == ".env" }
	g.Searched = func(dir string) bool { return !strings.Contains(dir, "d7") }
	for i := range secretLimit + 10 {
		write(t, dir, fmt.Sprintf("new/%d/.env", i), "its")
	}
	r, err := g.Check()
	must(t, err)
	var old, made []string
	for _, s := range r.Secrets {
		if s.Made {
			made = append(made, s.Path)
		} else {
			old = append(old, s.Path)
		}
		if s.Inode == 0 || s.Changed == 0 || s.Touched != s.Made || strings.HasPrefix(s.Path, "new/") != s.Made {
			t.Errorf("%+v", s)
		}
	}
	slices.Sort(old)
	old = slices.Compact(old)
	if len(made) != secretLimit || len(old) != fanWidth*2-1+3 || !slices.Contains(old, "a/b/c/d/e/f/.env") || !slices.Contains(old, ".env") {
		t.Errorf("%d made, %q", len(made), old)
	}
}
