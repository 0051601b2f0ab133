package runlater

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNamesAreSorted(t *testing.T) {
	for _, g := range append(guarded[:], quiet[:]...) {
		for i, n := range g.exact {
			if i > 0 && g.exact[i-1].name >= n.name {
				t.Errorf("%s is behind %s", n.name, g.exact[i-1].name)
			}
			var room [nameMax]byte
			if got := g.find([]byte(n.name)); got == nil || got.name != n.name || string(fold(room[:0], []byte(n.name))) != n.name {
				t.Errorf("%s is not found", n.name)
			}
			if got := lookup([]byte(n.name), false); g.dir == "" && n.where == anywhere && n.rule <= judged && got == nil {
				t.Errorf("%s is not found below the top", n.name)
			}
		}
	}
	for n, want := range map[string]string{
		".ENVRC": ".envrc", ".huſKy": ".husky", ".gi\u200ct": ".git", "MISE.toml": "mise.toml", "CLAUDE.md": "claude.md",
		".git\u2013": "", ".gitt": "", "x": "", ".\xff": "", ".g\xe2": "", strings.Repeat(".", 255): "", ".git" + strings.Repeat("\u200b", 80): ".git",
	} {
		got := ""
		if e := lookup([]byte(n), true); e != nil {
			got = e.name
		}
		if got != want {
			t.Errorf("%q: %q, want %q", n, got, want)
		}
	}
	if lookup([]byte("AGENTS.md"), false) != nil || lookup([]byte(".bashrc"), false) != nil {
		t.Error("obeyed at the top only, found below")
	}
}

func TestNothing(t *testing.T) {
	dir := tempDir(t)
	write(t, dir, "main.go", "")
	g := find(t, dir)
	if len(g.Binds)+len(g.Shown)+len(g.Notes)+len(g.watched) != 0 {
		t.Errorf("%+v", g)
	}
	want(t, found(check(t, g)))
}

func TestTop(t *testing.T) {
	dir := tempDir(t)
	write(t, dir, ".vscode/tasks.json", "{}")
	write(t, dir, ".envrc", "")
	write(t, dir, "dots/cursor/rules", "")
	link(t, "dots/cursor", filepath.Join(dir, ".cursor"))
	link(t, dir+"/dots/mcp.json", filepath.Join(dir, ".mcp.json"))
	link(t, "/etc", filepath.Join(dir, ".idea"))
	link(t, ".", filepath.Join(dir, ".husky"))
	link(t, "loop", filepath.Join(dir, "loop"))
	link(t, "loop", filepath.Join(dir, ".zed"))
	g := find(t, dir)
	want(t, binds(g.Binds, dir), "ro .envrc", "ro .vscode", "rw dots", "ro dots/cursor")
	if len(g.Notes) != 2 {
		t.Errorf("notes %q", g.Notes)
	}
	want(t, found(check(t, g)))
	// A mount cannot hold a link, and what it leads to may come to be.
	must(t, os.Remove(filepath.Join(dir, ".idea")))
	link(t, "elsewhere", filepath.Join(dir, ".idea"))
	write(t, dir, "dots/mcp.json", "{}")
	want(t, found(check(t, g)), ".idea", "dots/mcp.json")
}

func TestRepository(t *testing.T) {
	dir := repository(t, tempDir(t))
	link(t, "../../tools/check", filepath.Join(dir, ".git/hooks/pre-commit"))
	write(t, dir, "tools/check", "")
	write(t, dir, ".husky/_/pre-push", "")
	git(t, dir, "config", "core.hooksPath", ".husky/_")
	git(t, dir, "config", "include.path", "../share/git/config")
	write(t, dir, "share/git/config", "[include]\npath = more\n[core]\nhooksPath = share/hooks\n")
	g := find(t, dir)
	want(t, binds(g.Binds, dir),
		"rw .git", "ro .git/config", "ro .git/hooks", "ro .husky",
		"rw share", "rw share/git", "ro share/git/config", "rw tools", "ro tools/check")

	// Git works, and what it writes is not found.
	write(t, dir, "new", "")
	git(t, dir, "add", "new")
	git(t, dir, "commit", "-q", "-m", "second", "--no-verify")
	git(t, dir, "checkout", "-q", "-b", "other")
	want(t, found(check(t, g)))

	// What was not there and is named.
	write(t, dir, "share/git/more", "[core]\nfsmonitor = ./evil\n")
	write(t, dir, "share/hooks/pre-commit", "")
	write(t, dir, ".git/commondir", "../evil\n")
	write(t, dir, ".git/hooks/post-checkout", "")
	write(t, dir, ".git/rebase-merge/git-rebase-todo", "pick 1\nexec ./evil\n")
	want(t, found(check(t, g)), ".git/commondir", ".git/hooks", ".git/hooks/post-checkout",
		".git/rebase-merge/git-rebase-todo", "share/git/more", "share/hooks")
}

// TestReplaced: a build that got around the mounts.
func TestReplaced(t *testing.T) {
	dir := repository(t, tempDir(t))
	write(t, dir, ".vscode/tasks.json", "{}")
	write(t, dir, "tools/hook", "")
	must(t, os.Link(filepath.Join(dir, "tools/hook"), filepath.Join(dir, ".git/hooks/pre-push")))
	git(t, dir, "config", "filter.lfs.clean", "git-lfs clean")
	fixture := repository(t, filepath.Join(dir, "fixture"))
	git(t, fixture, "config", "core.fsmonitor", "./evil")
	g := find(t, dir)
	want(t, found(check(t, g)))

	// The same settings in another file are as good.
	text, err := os.ReadFile(filepath.Join(dir, ".git/config"))
	must(t, err)
	must(t, os.Remove(filepath.Join(dir, ".git/config")))
	write(t, dir, ".git/config", string(text)+"[branch \"x\"]\nremote = origin\n")
	want(t, found(check(t, g)))
	write(t, dir, ".git/config", string(text)+"[diff \"x\"]\ntextconv = evil\n")
	// Another name of a hook, written to.
	write(t, dir, "tools/hook", "evil")
	write(t, dir, ".vscode/tasks.json", "{evil}")
	want(t, found(check(t, g)), ".git/config", ".git/hooks/pre-push", ".vscode/tasks.json")

	// An old repository in the place of the project's: nothing in it is new.
	must(t, os.Rename(filepath.Join(dir, ".git"), filepath.Join(dir, "x")))
	must(t, os.Rename(filepath.Join(fixture, ".git"), filepath.Join(dir, ".git")))
	got := found(check(t, g))
	if len(got) == 0 || got[0] != ".git/config" {
		t.Errorf("got %q", got)
	}
}

func TestHooksIsALink(t *testing.T) {
	dir := repository(t, tempDir(t))
	must(t, os.RemoveAll(filepath.Join(dir, ".git/hooks")))
	write(t, dir, "githooks/pre-commit", "")
	link(t, "../githooks", filepath.Join(dir, ".git/hooks"))
	g := find(t, dir)
	want(t, binds(g.Binds, dir), "rw .git", "ro .git/config", "ro githooks")
	want(t, found(check(t, g)))
	must(t, os.Remove(filepath.Join(dir, ".git/hooks")))
	link(t, "../evil", filepath.Join(dir, ".git/hooks"))
	want(t, found(check(t, g)), ".git/hooks")
}

func TestDotGitIsALink(t *testing.T) {
	base := tempDir(t)
	other := repository(t, filepath.Join(base, "other"))
	dir := filepath.Join(base, "project")
	write(t, dir, "x", "")
	link(t, "../other/.git", filepath.Join(dir, ".git"))
	g := find(t, dir)
	if len(g.Binds)+len(g.Shown) != 0 || len(g.Notes) != 1 {
		t.Errorf("%+v", g)
	}
	must(t, os.Rename(filepath.Join(other, ".git"), filepath.Join(dir, "inside")))
	must(t, os.Remove(filepath.Join(dir, ".git")))
	link(t, "inside", filepath.Join(dir, ".git"))
	g = find(t, dir)
	want(t, binds(g.Binds, dir), "rw inside", "ro inside/config", "ro inside/hooks")
	want(t, found(check(t, g)))
}

func TestGlobalHooksPath(t *testing.T) {
	dir := repository(t, tempDir(t))
	write(t, dir, "ci/hooks/pre-commit", "")
	global := filepath.Join(tempDir(t), ".gitconfig")
	must(t, os.WriteFile(global, []byte("[core]\n\thooksPath = ci/hooks\n"), 0o644))
	want(t, binds(find(t, dir, global, "/nowhere").Binds, dir),
		"rw .git", "ro .git/config", "ro .git/hooks", "rw ci", "ro ci/hooks")
}

// TestIncludes: a configuration may name itself, and each of ten files ten
// others.
func TestIncludes(t *testing.T) {
	dir := tempDir(t)
	write(t, dir, ".git/HEAD", "")
	write(t, dir, ".git/config", "[include]\npath = config\npath = ../.git/config\npath = /dev/zero\npath = /dev/tty\n")
	want(t, binds(find(t, dir).Binds, dir), "rw .git", "ro .git/config")
	var many strings.Builder
	for range 300 {
		many.WriteString("[include]\npath = /etc/hostname\n")
	}
	write(t, dir, ".git/config", many.String())
	if _, err := findIn(dir); err == nil {
		t.Error("no limit")
	}
}
