package runlater

import (
	"os"
	"path/filepath"
	"testing"
)

// TestLeads: the developer's own links and settings lead to files of any name, in
// repositories below the project too.
func TestLeads(t *testing.T) {
	dir, own := tempDir(t), tempDir(t)
	needGit(t)
	sub := repository(t, filepath.Join(dir, "sub"))
	write(t, dir, "tools/editor/tasks.json", "mine")
	write(t, dir, "tools/editor/other", "mine")
	write(t, dir, "tools/check", "mine")
	write(t, dir, "tools/hooks/pre-push", "mine")
	write(t, dir, "tools/direnv", "mine")
	write(t, sub, "githooks/pre-commit", "mine")
	write(t, sub, "ownhooks/pre-commit", "mine")
	write(t, sub, "settings", "[user]\n\tname = x\n")
	git(t, sub, "config", "core.hooksPath", "githooks")
	git(t, sub, "config", "include.path", "../settings")
	link(t, "../../tools/editor", filepath.Join(dir, "tools/.vscode"))
	must(t, os.Rename(filepath.Join(dir, "tools/.vscode"), filepath.Join(sub, ".vscode")))
	must(t, os.Remove(filepath.Join(sub, ".vscode")))
	link(t, "../tools/editor", filepath.Join(sub, ".vscode"))
	link(t, dir+"/tools/direnv", filepath.Join(sub, ".envrc"))
	link(t, "../../../tools/check", filepath.Join(sub, ".git/hooks/pre-commit"))
	two := repository(t, filepath.Join(dir, "two"))
	must(t, os.RemoveAll(filepath.Join(two, ".git/hooks")))
	link(t, "../../tools/hooks", filepath.Join(two, ".git/hooks"))
	write(t, own, "config", "[core]\n\thooksPath = ownhooks\n")
	g := find(t, dir, filepath.Join(own, "config"))
	want(t, found(check(t, g)))
	for _, name := range []string{"tools/editor/tasks.json", "tools/check", "tools/hooks/pre-push", "tools/direnv", "sub/githooks/pre-commit", "sub/ownhooks/pre-commit",
		"tools/free", "sub/githooks/new"} {
		write(t, dir, name, "evil")
	}
	write(t, sub, "settings", runsConfig)
	want(t, found(check(t, g)), "sub/githooks/new", "sub/githooks/pre-commit", "sub/ownhooks/pre-commit", "sub/settings", "tools/check", "tools/direnv",
		"tools/editor/tasks.json", "tools/hooks/pre-push")
}
