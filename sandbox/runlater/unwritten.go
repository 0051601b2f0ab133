package runlater

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/gitindex"
)

// Where two commits differ in a file that is read-only during the run, git leaves the file as
// it is and goes on (git checkout), or stops half-way (git merge, git stash).

// stepFiles are what git writes in a git directory when it goes to another commit.
var stepFiles = [...]string{
	"HEAD", "ORIG_HEAD", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "REBASE_HEAD", "AUTO_MERGE", "rebase-merge", "rebase-apply", "sequencer", "refs/stash",
}

// HasReadOnly tells whether there may be any name that ReadOnly finds.
func (g *Guard) HasReadOnly() bool {
	return slices.ContainsFunc(g.Binds, func(b Bind) bool { return b.ReadOnly }) && len(g.indexes) > 0
}

// ReadOnly are the names in the project that were bound read-only and that git tracked when
// the run began.
func (g *Guard) ReadOnly() []string {
	var bound, found []string
	for _, b := range g.Binds {
		if rel, ok := (tree{path: g.Project()}).within(b.Path); ok && b.ReadOnly && rel != "" {
			bound = append(bound, rel)
		}
	}
	g.projectIndexes(func(x *gitIndex) {
		text, err := x.old()
		if err != nil || len(text) == 0 {
			return
		}
		c := indexChange{}
		c.files(text, func(e gitindex.File) {
			for _, name := range bound {
				if isIn(string(e.Path), name) && !slices.Contains(found, name) {
					found = append(found, name)
				}
			}
		})
	})
	slices.Sort(found)
	return found
}

// isIn tells whether a path is a name or below it.
func isIn(at, name string) bool {
	rest, ok := strings.CutPrefix(at, name)
	return ok && (rest == "" || rest[0] == '/')
}

// StillReadOnly are those of names in which git's index has now what the files have not.
func (g *Guard) StillReadOnly(names []string, report Report) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return !slices.ContainsFunc(report.Index, func(f Finding) bool {
			return f.Root == g.Project() && isIn(f.Path, name)
		})
	})
}

// Stepped tells whether git has been on the way to another commit in the project since the
// run began. It is no more than a hint: the command can write these files.
func (g *Guard) Stepped() (stepped bool) {
	since := g.began.since(now())
	g.projectIndexes(func(x *gitIndex) {
		root := &g.roots[x.root]
		for _, dir := range []string{join(root.path, up(x.path)), root.path} {
			for _, name := range stepFiles {
				var st unix.Statx_t
				if statAt(unix.AT_FDCWD, join(dir, name), &st) == nil && root.touchedByClock(&st, since) {
					stepped = true
				}
			}
		}
	})
	return stepped
}

func (g *Guard) projectIndexes(f func(*gitIndex)) {
	for _, x := range g.indexes {
		if x.top == g.Project() {
			f(x)
		}
	}
}
