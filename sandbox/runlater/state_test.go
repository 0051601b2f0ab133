package runlater

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestHarmlessTodo(t *testing.T) {
	for text, want := range map[string]bool{
		"":                               true,
		"pick 1234 x\n\n# exec evil\n":   true,
		"p 1\nbreak\nlabel x\nreset y\n": true,
		"merge -C 123 x # y\nupdate-ref refs/heads/x\nnoop\n;exec\n": true,
		"pick 1\r\npick 2\r\n":  true,
		"exec evil":             false,
		"x evil":                false,
		"\texec\tevil":          false,
		"pick 1\r\n  x\tevil":   false,
		"exec\revil":            false,
		"\r x evil":             false,
		"pick 1\n\\\nexec evil": false,
		"picked 1":              false,
		"EXEC evil":             false,
	} {
		if harmlessTodo(text) != want {
			t.Errorf("%q", text)
		}
	}
}

// TestUnfinished: what git goes by when it continues.
func TestUnfinished(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want bool // it is a finding
	}{
		"rebase-merge/git-rebase-todo":   {"pick 1\nexec evil\n", true},
		"rebase-merge/strategy":          {"x/../evil\n", true},
		"rebase-merge/strategy_opts":     {" '--find-renames=50%'\n", false},
		"rebase-merge/gpg_sign_opt":      {"-S0xABC\n", false},
		"rebase-merge/quiet":             {"", false},
		"rebase-merge/later":             {"", true},
		"rebase-apply/gpg_sign_opt":      {"-S--evil\n", true},
		"rebase-apply/0001":              {"From: x\n", false},
		"rebase-apply/apply-opt":         {"'--directory=../x'\n", true},
		"sequencer/opts":                 {"[options]\n\tstrategy = x/../evil\n", true},
		"sequencer/todo":                 {"revert 1 x\n", false},
		"worktrees/w/rebase-merge/todo":  {"x evil", true},
		"worktrees/w/sequencer/opts":     {"[options]\n\tgpg-sign = -x\n", true},
		"worktrees/w/rebase-merge/amend": {"1234", false},
		"MERGE_MODE":                     {"no-ff", false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := repository(t, tempDir(t))
			git(t, dir, "worktree", "add", "-q", "w")
			g := find(t, dir)
			write(t, dir, ".git/"+name, c.text)
			got := found(check(t, g))
			if (len(got) > 0) != c.want {
				t.Errorf("%q", got)
			}
		})
	}
}

// TestUnfinishedElsewhere: the state as a link, or moved there whole.
func TestUnfinishedElsewhere(t *testing.T) {
	dir := repository(t, tempDir(t))
	write(t, dir, ".git/rebase-merge/git-rebase-todo", "exec mine\n")
	write(t, dir, ".git/rebase-merge/strategy", "mine\n")
	write(t, dir, "state/opts", "[options]\n\tstrategy = evil\n")
	g := find(t, dir)
	want(t, found(check(t, g)))
	must(t, os.Rename(filepath.Join(dir, "state"), filepath.Join(dir, ".git/sequencer")))
	want(t, found(check(t, g)), ".git/sequencer/opts")
	must(t, os.Rename(filepath.Join(dir, ".git/rebase-merge"), filepath.Join(dir, ".git/other")))
	link(t, "other", filepath.Join(dir, ".git/rebase-merge"))
	r := check(t, g)
	if got := strings.Join(found(r), " "); !strings.Contains(got, ".git/rebase-merge") {
		t.Error(got)
	}
	if _, err := r.Quarantine(tempDir(t)); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(filepath.Join(dir, ".git/rebase-merge")); err == nil {
		t.Error("the link is still there")
	}
}

// TestUnfinishedBefore: under git rebase -x the state is written right before the
// run, and is the developer's. Written over in the same tick, it is not.
func TestUnfinishedBefore(t *testing.T) {
	dir := repository(t, tempDir(t))
	git(t, dir, "worktree", "add", "-q", "w")
	afterTick()
	for _, at := range []string{".git", ".git/worktrees/w"} {
		write(t, dir, at+"/rebase-merge/git-rebase-todo", "exec sbx run -- make\n")
		g, err := findIn(dir)
		must(t, err)
		want(t, found(check(t, g)))
		write(t, dir, at+"/rebase-merge/git-rebase-todo", "exec ./evil -- -- aaa\n")
		for i, e := range g.watched { // as if nothing had a new time
			if e.content == transient {
				var st unix.Statx_t
				must(t, statAt(unix.AT_FDCWD, filepath.Join(dir, e.path), &st))
				g.watched[i].id = identify(&st)
			}
		}
		want(t, found(check(t, g)), at+"/rebase-merge/git-rebase-todo")
		must(t, os.RemoveAll(filepath.Join(dir, at, "rebase-merge")))
	}
}
