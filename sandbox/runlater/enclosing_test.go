package runlater

import (
	"os"
	"path/filepath"
	"testing"
)

// TestEnclosing: the project is a package of a repository, whose settings lead into it.
func TestEnclosing(t *testing.T) {
	base := tempDir(t)
	t.Setenv("HOME", base)
	top := repository(t, filepath.Join(base, "mono"))
	dir := filepath.Join(top, "packages/app")
	for _, name := range []string{"hooks/pre-commit", "checks/lint", "git/config", "own/pre-push", "fm", "driver", "src/x"} {
		write(t, dir, name, "")
	}
	git(t, top, "config", "core.hooksPath", "packages/app/hooks")
	git(t, top, "config", "include.path", dir+"/git/config")
	git(t, top, "config", "core.fsmonitor", "sh packages/app/fm")
	git(t, top, "config", "diff.x.textconv", "./packages/app/driver")
	link(t, "../../packages/app/checks/lint", filepath.Join(top, ".git/hooks/pre-rebase"))
	g := find(t, dir)
	want(t, binds(g.Binds, dir), "rw checks", "ro checks/lint", "rw git", "ro git/config", "ro hooks")
	want(t, found(check(t, g)))

	// What is there no time to bind: the programs of settings, and what a mount cannot hold.
	for _, name := range []string{"checks/lint", "fm", "driver", "src/x", "packages/app/hooks/pre-commit"} {
		write(t, dir, name, "evil")
	}
	write(t, dir, "hooks/post-checkout", "")
	write(t, dir, "git/config", "[core]\npager = evil\n")
	want(t, found(check(t, g)), "checks/lint", "driver", "fm", "git/config", "hooks", "hooks/post-checkout")

	// A worktree of it, and hooks that the developer's own configuration has.
	tree := filepath.Join(base, "tree")
	git(t, top, "worktree", "add", "-q", tree)
	app := filepath.Join(tree, "app")
	write(t, app, "own/x", "")
	global := filepath.Join(base, ".gitconfig")
	must(t, os.WriteFile(global, []byte("[core]\nhooksPath = app/own\n"), 0o644))
	g = find(t, app, global)
	want(t, binds(g.Binds, app), "ro own")
	write(t, app, "own/pre-push", "")
	want(t, found(check(t, g)), "own", "own/pre-push")
}

// TestEnclosingSubmodule: the project has a repository of its own as well.
func TestEnclosingSubmodule(t *testing.T) {
	base := tempDir(t)
	t.Setenv("HOME", base)
	top := repository(t, filepath.Join(base, "mono"))
	dir := repository(t, filepath.Join(top, "sub"))
	git(t, top, "config", "core.hooksPath", "sub/hooks")
	beside := filepath.Join(top, "beside")
	write(t, beside, "x", "")
	git(t, top, "config", "core.fsmonitor", "sh beside/fm")
	g := find(t, dir)
	write(t, dir, "hooks/pre-commit", "")
	write(t, dir, "beside/fm", "")
	write(t, beside, "fm", "")
	want(t, found(check(t, g, beside)), "fm", "hooks/pre-commit")
}

// TestEnclosingEnds at the home.
func TestEnclosingEnds(t *testing.T) {
	base := repository(t, tempDir(t))
	home := filepath.Join(base, "home")
	dir := filepath.Join(home, "project")
	write(t, dir, "hooks/pre-commit", "")
	git(t, base, "config", "core.hooksPath", "home/project/hooks")
	t.Setenv("HOME", home)
	if found := enclosing(dir); len(found) != 0 {
		t.Errorf("%v", found)
	}
	repository(t, home)
	if found := enclosing(dir); len(found) != 1 || found[0].top != home {
		t.Errorf("%v", found)
	}
	want(t, binds(find(t, dir).Binds, dir))
}
