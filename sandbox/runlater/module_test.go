package runlater

import (
	"os"
	"path/filepath"
	"testing"
)

// plantModule makes what git would take for a repository.
func plantModule(t *testing.T, dir, path, config string) {
	t.Helper()
	write(t, dir, path+"/HEAD", "ref: refs/heads/main\n")
	write(t, dir, path+"/config", config)
	must(t, os.MkdirAll(filepath.Join(dir, path, "objects"), 0o755))
	must(t, os.MkdirAll(filepath.Join(dir, path, "refs"), 0o755))
}

const (
	evilConfig = "[core]\n\tfsmonitor = ./evil\n"
	goodConfig = "[core]\n\tbare = false\n"
)

// TestNewModules: whatever is new below modules of the project's repository goes,
// however it got there.
func TestNewModules(t *testing.T) {
	base := tempDir(t)
	upstream := repository(t, filepath.Join(base, "upstream"))
	middle := repository(t, filepath.Join(base, "middle"))
	git(t, middle, "submodule", "--quiet", "add", upstream, "deep")
	git(t, middle, "commit", "-q", "-m", "deep")
	dir := repository(t, filepath.Join(base, "project"))
	plantModule(t, dir, "fixture", evilConfig)
	g := find(t, dir)
	plantModule(t, dir, ".git/modules/sub", goodConfig)
	r := check(t, g)
	want(t, found(r), ".git/modules")
	_, err := r.Quarantine(tempDir(t))
	must(t, err)
	want(t, found(check(t, g)))
	link(t, "../fixtures", filepath.Join(dir, ".git/modules"))
	want(t, found(check(t, g)), ".git/modules")
	must(t, os.Remove(filepath.Join(dir, ".git/modules")))

	git(t, dir, "submodule", "--quiet", "add", middle, "libs/sub")
	git(t, dir, "submodule", "--quiet", "update", "--init", "--recursive")
	g = find(t, dir)
	sub := filepath.Join(dir, "libs/sub")
	git(t, sub, "commit", "-q", "--allow-empty", "-m", "more")
	git(t, filepath.Join(sub, "deep"), "checkout", "-q", "-b", "other")
	want(t, found(check(t, g)))

	plantModule(t, dir, ".git/modules/new", goodConfig)
	plantModule(t, dir, ".git/modules/libs/two/three", goodConfig)
	plantModule(t, dir, ".git/modules/libs/sub/modules/deep2", goodConfig)
	must(t, os.Mkdir(filepath.Join(dir, ".git/modules/empty"), 0o755))
	must(t, os.Rename(filepath.Join(dir, "fixture"), filepath.Join(dir, ".git/modules/old")))
	link(t, "../../fixture", filepath.Join(dir, ".git/modules/link"))
	write(t, dir, ".git/modules/libs/config", evilConfig)
	write(t, dir, "leads/.git", "gitdir: ../.git/modules/libs/two/three\n")
	write(t, dir, "apart/.git", "gitdir: ../.git/modules/libs/sub\n")
	r = check(t, g)
	want(t, found(r), ".git/modules/empty", ".git/modules/libs/config", ".git/modules/libs/sub/modules/deep2",
		".git/modules/libs/two", ".git/modules/link", ".git/modules/new", ".git/modules/old", "leads/.git")
	_, err = r.Quarantine(tempDir(t))
	must(t, err)
	want(t, found(check(t, g)))
	git(t, dir, "submodule", "--quiet", "update", "--init", "--recursive")
}

// TestHalfAModule: a directory in modules that is no repository yet.
func TestHalfAModule(t *testing.T) {
	dir := repository(t, tempDir(t))
	write(t, dir, ".git/modules/sub/config", goodConfig)
	write(t, dir, ".git/modules/sub/hooks/old", "")
	g := find(t, dir)
	want(t, found(check(t, g)))
	write(t, dir, ".git/modules/sub/config", evilConfig)
	write(t, dir, ".git/modules/sub/HEAD", "ref: refs/heads/main\n")
	write(t, dir, ".git/modules/sub/hooks/post-checkout", "")
	want(t, found(check(t, g)), ".git/modules/sub/HEAD", ".git/modules/sub/config", ".git/modules/sub/hooks/post-checkout")
}

func TestModulesOfAWorktree(t *testing.T) {
	base := tempDir(t)
	main := repository(t, filepath.Join(base, "main"))
	git(t, main, "worktree", "add", "-q", "../wt")
	g := find(t, filepath.Join(base, "wt"))
	plantModule(t, main, ".git/modules/sub", goodConfig)
	plantModule(t, main, ".git/worktrees/wt/modules/sub", goodConfig)
	want(t, found(check(t, g)), "modules", "worktrees/wt/modules")
}

// TestModulesOfANewRepository: what the run cloned is judged by what it says, with
// its submodules, and so is a repository below that Find does not look at.
func TestModulesOfANewRepository(t *testing.T) {
	newRepository(t, tempDir(t))
}

// TestModulesInMemory: tmpfs tells names in another order than a disk's file system.
func TestModulesInMemory(t *testing.T) {
	dir, err := os.MkdirTemp("/dev/shm", "sbx")
	if err != nil {
		skip(t, err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	newRepository(t, dir)
}

func newRepository(t *testing.T, base string) {
	t.Helper()
	upstream := repository(t, filepath.Join(base, "upstream"))
	middle := repository(t, filepath.Join(base, "middle"))
	git(t, middle, "submodule", "--quiet", "add", upstream, "a/deep")
	git(t, middle, "commit", "-q", "-m", "deep")
	dir := filepath.Join(base, "project")
	must(t, os.Mkdir(dir, 0o755))
	git(t, dir, "clone", "-q", "--recurse-submodules", middle, "old")
	g := find(t, dir)
	git(t, dir, "clone", "-q", "--recurse-submodules", middle, "new")
	git(t, filepath.Join(dir, "old/a/deep"), "checkout", "-q", "-b", "other")
	want(t, found(check(t, g)))

	git(t, filepath.Join(dir, "new/a/deep"), "config", "core.pager", "evil")
	plantModule(t, dir, "new/.git/modules/b", evilConfig)
	write(t, dir, "new/.git/modules/c/config", goodConfig)
	write(t, dir, "new/.git/modules/c/objects/00/1", "")
	write(t, dir, "new/.git/modules/d/e/hooks/post-checkout", "")
	plantModule(t, dir, "old/.git/modules/b", goodConfig)
	r := check(t, g)
	want(t, found(r), "new/.git/modules/a/deep/config", "new/.git/modules/b/config", "new/.git/modules/c",
		"new/.git/modules/d/e/hooks", "new/a/deep/.git", "old/.git/modules/b")
	_, err := r.Quarantine(tempDir(t))
	must(t, err)
	want(t, found(check(t, g)))
}
