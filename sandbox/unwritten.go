package sandbox

import (
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/sbxrun/sbx/sandbox/hint"
	"github.com/sbxrun/sbx/sandbox/runlater"
)

// rememberUnwritten finds what git tracks and could not write.
func (c *Cmd) rememberUnwritten(report runlater.Report) {
	if len(report.Index) > 0 && c.guarded.HasReadOnly() {
		c.unwritten = c.guarded.StillReadOnly(c.guarded.ReadOnly(), report)
	}
}

// noteUnwritten names what git tracks and cannot write, where that may be why the command
// failed, or why git's index has what the files have not. Git itself says "Device or resource
// busy", and then goes on or stops half-way.
func (c *Cmd) noteUnwritten(status syscall.WaitStatus) {
	if c.guarded == nil || c.Spec.AllowRunLater || c.Spec.ReadOnlyProject || c.Spec.Project == "" || !c.guarded.HasReadOnly() {
		return
	}
	if len(c.unwritten) == 0 && status != 0 && (goesToCommit(c.Spec.OCI.Process.Args) || c.guarded.Stepped()) {
		c.unwritten = c.guarded.ReadOnly()
	}
	if len(c.unwritten) == 0 {
		return
	}
	names := make([]string, len(c.unwritten))
	for i, n := range c.unwritten {
		names[i] = hint.Short(n)
	}
	c.note("read-only for git, since they run later outside: %s; see --allow-run-later", someNames(names))
}

// goesToCommit tells whether a command, or one of a shell's, is one of git's that write files
// of the worktree.
func goesToCommit(args []string) bool {
	words := strings.FieldsFunc(strings.Join(args, " "), func(r rune) bool { return strings.ContainsRune(" \t\n;&|(){}'\"`", r) })
	for i, w := range words {
		if path.Base(w) == "git" && writesFiles(words[i+1:]) {
			return true
		}
	}
	return false
}

// writesFiles tells it of what is behind git.
func writesFiles(words []string) bool {
	for i := 0; i < len(words); i++ {
		switch w := words[i]; {
		case slices.Contains([]string{"-C", "-c", "--git-dir", "--work-tree", "--namespace", "--config-env"}, w):
			i++
		case !strings.HasPrefix(w, "-"):
			return slices.Contains([]string{
				"am", "apply", "bisect", "checkout", "checkout-index", "cherry-pick", "clean", "merge", "mv", "pull", "read-tree", "rebase", "reset",
				"restore", "revert", "rm", "sparse-checkout", "stash", "submodule", "switch",
			}, w)
		}
	}
	return false
}
