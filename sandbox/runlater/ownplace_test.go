package runlater

import (
	"os"
	"path/filepath"
	"testing"
)

func TestPlace(t *testing.T) {
	home := tempDir(t)
	t.Setenv("HOME", home)
	repo := filepath.Join(home, "repo")
	must(t, os.MkdirAll(filepath.Join(repo, ".git"), 0o755))
	for dir, want := range map[string]string{
		"repo": "", "repo/src/hooks": "", "repo/src/mise": "", ".config": "", ".config/app": "", "plain/.githooks": "", "plain/.github/hooks": "",
		"repo/.git": "repo/.git", "repo/.git/hooks": "repo/.git", "repo/.GIT/x": "repo/.GIT", "repo/.hg/store": "repo/.hg", "repo/.jj/repo": "repo/.jj",
		"repo/.husky": "repo/.husky", "repo/a/.vscode/b": "repo/a/.vscode", "plain/.claude/skills/x": "plain/.claude",
		"repo/.githooks/x": "repo/.githooks", "repo/.github/hooks": "repo/.github/hooks", "repo/.github/workflows": "",
		"repo/.config/mise/conf.d": "repo/.config/mise", "repo/dot/mise/conf.d": "repo/dot/mise/conf.d", "repo/sbx/profiles": "repo/sbx/profiles", "repo/sbx/profiles/x": "repo/sbx/profiles",
		".emacs.d/lisp": ".emacs.d", ".config/nvim/lua": ".config/nvim/lua",
		"repo/.claude/worktrees/x": "", "repo/.claude/worktrees": "repo/.claude", "repo/.claude/worktrees/x/.husky": "repo/.claude/worktrees/x/.husky",
		"repo/.git/worktrees/x": "repo/.git",
	} {
		if want != "" {
			want = filepath.Join(home, want)
		}
		if got, why := Place(filepath.Join(home, dir)); got != want || (why == "") != (got == "") {
			t.Errorf("%s: %q %q, want %q", dir, got, why, want)
		}
	}
}

// TestGivenPlace: a directory of what runs later that the command is given by itself.
func TestGivenPlace(t *testing.T) {
	dir := repository(t, tempDir(t))
	for _, name := range []string{".vscode", ".husky", ".hg/store", ".github/hooks/x", "sbx/profiles", "src"} {
		write(t, dir, name+"/old", "")
	}
	write(t, dir, ".git/hooks/old", "")
	for at, files := range map[string][]string{
		".vscode": {"tasks.json"}, ".husky": {"pre-commit"}, ".git/hooks": {"pre-push"}, ".hg": {"hgrc"}, ".github/hooks": {"a.json", "x/b"},
		"sbx/profiles": {"x.toml"}, "src": nil, ".git": {"commondir", "refs/replace/x"},
	} {
		t.Run(at, func(t *testing.T) {
			afterTick()
			g := Elsewhere(GitConfig{}, nil)
			must(t, g.Record(filepath.Join(dir, at)))
			want(t, found(check(t, g, filepath.Join(dir, at))))
			for _, name := range files {
				write(t, dir, at+"/"+name, "evil")
			}
			write(t, dir, "src/main.c", "")
			r := check(t, g, filepath.Join(dir, at))
			if at == ".github/hooks" {
				files = []string{"a.json", "x"}
			}
			want(t, found(r), files...)
			_, err := r.Quarantine(filepath.Join(tempDir(t), "q"))
			must(t, err)
		})
	}
}
