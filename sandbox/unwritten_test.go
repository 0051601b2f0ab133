package sandbox

import (
	"strings"
	"testing"
)

// TestGoesToCommit: only commands of git's that write files of the worktree are taken for such.
func TestGoesToCommit(t *testing.T) {
	for line, want := range map[string]bool{
		"git checkout x": true, "/usr/bin/git -C dir -c a=b merge": true, "git --no-pager stash": true, "git -P --git-dir x pull": true,
		"git": false, "git --version": false, "git diff --exit-code": false, "git -C checkout log": false, "git -c": false, "make checkout": false, "git grep merge": false,
		"sh -c git status&&git checkout x": true, "sh -c (git -C a stash)": true, "sh -c git status; merge": false,
	} {
		if got := goesToCommit(strings.Fields(line)); got != want {
			t.Errorf("%s: %v", line, got)
		}
	}
	if goesToCommit(nil) {
		t.Error("no command")
	}
}
