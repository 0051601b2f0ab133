package runlater

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWorktree(t *testing.T) {
	base := tempDir(t)
	main := repository(t, filepath.Join(base, "main"))
	git(t, main, "worktree", "add", "-q", "../wt")
	git(t, main, "worktree", "add", "-q", "../wt2")
	dir := filepath.Join(base, "wt")
	g := find(t, dir)
	want(t, binds(g.Shown, base), "rw main/.git")
	want(t, binds(g.Binds, base),
		"ro main/.git/config", "ro main/.git/hooks",
		"rw main/.git/worktrees",
		"rw main/.git/worktrees/wt", "ro main/.git/worktrees/wt/commondir", "ro main/.git/worktrees/wt/gitdir",
		"rw main/.git/worktrees/wt2", "ro main/.git/worktrees/wt2/commondir", "ro main/.git/worktrees/wt2/gitdir",
		"ro wt/.git")
	if len(g.Notes) > 0 {
		t.Errorf("notes %q", g.Notes)
	}
	write(t, dir, "new", "")
	git(t, dir, "add", "new")
	git(t, dir, "commit", "-q", "-m", "second")
	git(t, dir, "worktree", "add", "-q", "inner")
	want(t, found(check(t, g)))

	write(t, main, ".git/worktrees/wt2/config.worktree", "[core]\nfsmonitor=evil\n")
	write(t, main, ".git/hooks/pre-commit", "")
	write(t, dir, ".git", "gitdir: ../evil\n")
	want(t, found(check(t, g)), ".git", "hooks", "hooks/pre-commit", "worktrees/wt2/config.worktree")
}

func TestSubmodule(t *testing.T) {
	base := tempDir(t)
	sub := repository(t, filepath.Join(base, "upstream"))
	super := repository(t, filepath.Join(base, "super"))
	git(t, super, "submodule", "--quiet", "add", sub, "libs/sub")
	git(t, super, "commit", "-q", "-m", "sub")

	// From within the submodule, its git directory is outside.
	g := find(t, filepath.Join(super, "libs/sub"))
	want(t, binds(g.Shown, base), "rw super/.git/modules/libs/sub")
	want(t, binds(g.Binds, base), "ro super/.git/modules/libs/sub/config", "ro super/.git/modules/libs/sub/hooks", "ro super/libs/sub/.git")
	want(t, found(check(t, g)))

	// From the project that has it, it is inside.
	g = find(t, super)
	want(t, binds(g.Binds, super), "rw .git", "ro .git/config", "ro .git/hooks", "rw .git/modules", "rw .git/modules/libs",
		"rw .git/modules/libs/sub", "ro .git/modules/libs/sub/config", "ro .git/modules/libs/sub/hooks")
	git(t, filepath.Join(super, "libs/sub"), "checkout", "-q", "-b", "other")
	want(t, found(check(t, g)))
	git(t, filepath.Join(super, "libs/sub"), "config", "core.pager", "evil")
	want(t, found(check(t, g)), ".git/modules/libs/sub/config")

	// One that the run adds goes, with the file that leads to it.
	g = find(t, super)
	git(t, super, "submodule", "--quiet", "add", sub, "libs/two")
	want(t, found(check(t, g)), ".git/modules/libs/two", "libs/two/.git")
}

// TestHostileGitFile: the project names what it would like to see.
func TestHostileGitFile(t *testing.T) {
	base := tempDir(t)
	ssh := filepath.Join(base, ".ssh")
	write(t, ssh, "id_ed25519", "secret")
	other := repository(t, filepath.Join(base, "other"))
	git(t, other, "worktree", "add", "-q", "../wt")
	sub := repository(t, filepath.Join(base, "upstream"))
	git(t, other, "submodule", "--quiet", "add", sub, "sub")
	dir := filepath.Join(base, "project")

	// A directory of the attacker's that vouches for another's repository.
	for name, common := range map[string]string{"forged/worktrees/x": filepath.Join(other, ".git"), "forged/worktrees/y": "../.."} {
		write(t, dir, name+"/gitdir", filepath.Join(dir, ".git")+"\n")
		write(t, dir, name+"/commondir", common+"\n")
		write(t, dir, name+"/HEAD", "ref: refs/heads/main\n")
	}
	// The same outside: a downloaded archive beside the project.
	write(t, base, "archive/worktrees/x/gitdir", filepath.Join(dir, ".git")+"\n")
	write(t, base, "archive/worktrees/x/commondir", filepath.Join(other, ".git")+"\n")
	write(t, base, "archive/worktrees/x/HEAD", "ref: refs/heads/main\n")

	for _, target := range []string{
		"../.ssh", ssh, "/", "..", ".", "/nowhere", "/dev/null",
		filepath.Join(other, ".git"), filepath.Join(other, ".git/worktrees/wt"), filepath.Join(other, ".git/modules/sub"),
		filepath.Join(dir, "forged/worktrees/x"), filepath.Join(dir, "forged/worktrees/y"), filepath.Join(base, "archive/worktrees/x"),
	} {
		write(t, dir, ".git", "gitdir: "+target+"\n")
		g := find(t, dir)
		if len(g.Shown) != 0 {
			t.Errorf("%s: shown %v", target, g.Shown)
		}
		for _, b := range g.Binds {
			if !strings.HasPrefix(b.Path, dir+"/") {
				t.Errorf("%s: bound %v", target, b)
			}
		}
		if len(g.Notes) == 0 && !strings.HasPrefix(target, dir) && target != "." {
			t.Errorf("%s: nothing is said", target)
		}
	}
}

// TestGitFileDuringRun: a .git file that the run made must not put an old
// directory of data into effect.
func TestGitFileDuringRun(t *testing.T) {
	dir := tempDir(t)
	fixture := repository(t, filepath.Join(dir, "fixture"))
	must(t, os.Rename(filepath.Join(fixture, ".git"), filepath.Join(fixture, "data")))
	git(t, fixture, "--git-dir=data", "config", "core.fsmonitor", "./evil")
	good := repository(t, filepath.Join(dir, "good"))
	must(t, os.Rename(filepath.Join(good, ".git"), filepath.Join(good, "data")))
	g := find(t, dir)
	write(t, dir, "src/.git", "gitdir: ../fixture/data\n")
	write(t, dir, "src2/.git", "gitdir: /etc\n")
	write(t, dir, "src3/.git", "gitdir: ../good/data\n")
	write(t, dir, "src4/.git", "gitdir: ../../other/.git\n")
	link(t, "../fixture/data", filepath.Join(dir, "good/.git"))
	want(t, found(check(t, g)), "good/.git", "src/.git", "src2/.git", "src4/.git")
}

func FuzzGitFile(f *testing.F) {
	for _, s := range []string{"gitdir: /a\n", "gitdir: a\r\n\n", "gitdir:x", "", "gitdir: \n", "gitdir: a\x00b"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		path, err := parseGitFile(text)
		if err != nil {
			return
		}
		if path == "" || strings.IndexByte(path, 0) >= 0 || strings.HasSuffix(path, "\n") {
			t.Errorf("%q", path)
		}
		if again, err := parseGitFile([]byte("gitdir: " + path + "\n")); err != nil || again != path {
			t.Errorf("%q is %q again: %v", path, again, err)
		}
	})
}
