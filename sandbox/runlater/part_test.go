package runlater

import (
	"os"
	"path/filepath"
	"testing"
)

// TestInTwoRuns: one run leaves a part of a repository, the next the rest. It has
// to be found by then, whether the rest is made or was there by other names.
func TestInTwoRuns(t *testing.T) {
	const head = "ref: refs/heads/main\n"
	for name, first := range map[string]map[string]string{
		"settings": {"HEAD": head, "config": evilConfig},
		"hooks":    {"HEAD": head, "hooks/post-checkout": ""},
		"no head":  {"head-": head, "config": evilConfig, "objects/x": "", "refs/x": ""},
		"renamed":  {"HEAD": head, "config": evilConfig, "o/x": "", "r/x": ""},
	} {
		for _, at := range []string{"x", ".git/x"} {
			dir := tempDir(t)
			in := filepath.Join(dir, at)
			write(t, dir, ".git/HEAD", head)
			g := find(t, dir)
			for file, text := range first {
				write(t, in, file, text)
			}
			r := check(t, g)
			g = find(t, dir)
			for from, to := range map[string]string{"head-": "HEAD", "o": "objects", "r": "refs"} {
				if os.Rename(filepath.Join(in, from), filepath.Join(in, to)) != nil && to != "HEAD" {
					must(t, os.MkdirAll(filepath.Join(in, to), 0o755))
				}
			}
			if len(found(r)) == 0 && len(found(check(t, g))) == 0 {
				t.Errorf("%s in %s: nothing is found", name, at)
			}
		}
	}
}

// TestPartOfARepository: files that came with the project, and directories, which
// git keeps no empty ones of, that the run makes beside them.
func TestPartOfARepository(t *testing.T) {
	dir := tempDir(t)
	write(t, dir, "x/HEAD", "ref: refs/heads/main\n")
	write(t, dir, "x/config", evilConfig)
	g := find(t, dir)
	want(t, found(check(t, g)))
	must(t, os.MkdirAll(filepath.Join(dir, "x/objects"), 0o755))
	must(t, os.MkdirAll(filepath.Join(dir, "x/refs"), 0o755))
	want(t, found(check(t, g)), "x/config")
}

// TestBranchNames: where branches are called as parts of a repository are.
func TestBranchNames(t *testing.T) {
	base := tempDir(t)
	upstream := repository(t, filepath.Join(base, "upstream"))
	for _, name := range []string{"config", "hooks/x", "Head", "objects"} {
		git(t, upstream, "branch", name)
	}
	dir := filepath.Join(base, "project")
	git(t, base, "clone", "-q", "upstream", "project")
	write(t, dir, "src/old", "x")
	g := find(t, dir)
	git(t, dir, "fetch", "-q", "origin")
	git(t, dir, "remote", "prune", "origin")
	git(t, upstream, "commit", "-q", "--allow-empty", "-m", "more")
	git(t, upstream, "branch", "-f", "config")
	git(t, upstream, "branch", "-f", "hooks/x")
	git(t, dir, "fetch", "-q", "origin")
	git(t, base, "clone", "-q", "upstream", "project/new")
	git(t, filepath.Join(dir, "new"), "checkout", "-q", "config", "--")
	git(t, filepath.Join(dir, "new"), "checkout", "-q", "-b", "refs/HEAD")
	write(t, dir, "src/head", "")
	write(t, dir, "src/config", "x: y\n")
	write(t, dir, "src/hooks/useState.js", "")
	want(t, found(check(t, g)))
}
