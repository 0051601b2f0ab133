package runlater

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// stage defines put, which stages a file that the worktree does not have.
const stage = `put() { git update-index --add --cacheinfo 100644,$(echo evil | git hash-object -w --stdin),$1; }; `

// indexesOf are the reported paths, below a directory.
func indexesOf(r Report, base string) []string {
	var names []string
	for _, f := range r.Index {
		name := strings.TrimPrefix(filepath.Join(f.Root, f.Path), base+"/")
		switch f.Why {
		case restoreWhy:
		case silentWhy:
			name += " (silent)"
		case namesWhy:
			name += " (names)"
		default:
			name += " (whole)"
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// TestIndexOfOtherWorktrees: the command writes the indexes of worktrees that are not the
// project, by the repository's git directory that all share.
func TestIndexOfOtherWorktrees(t *testing.T) {
	needGit(t)
	for name, c := range map[string]struct {
		project, line string
		want          []string
	}{
		"main of linked":          {"wt", stage + "cd ../main; put .envrc", []string{"main/.envrc"}},
		"linked of main":          {"main", stage + "cd ../wt; put .envrc; put x", []string{"wt/.envrc"}},
		"linked of linked":        {"wt2", stage + "cd ../wt; put .vscode/tasks.json", []string{"wt/.vscode/tasks.json"}},
		"silent":                  {"main", "cd ../wt; git update-index --assume-unchanged README; git update-index --skip-worktree Makefile", []string{"wt/Makefile (silent)", "wt/README (silent)"}},
		"unstaged before":         {"main", "cd ../wt; echo > new; git add new", nil},
		"all":                     {"wt", stage + "put a/.envrc; cd ../main; put b/.envrc; cd ../wt2; put c/.envrc", []string{"main/b/.envrc", "wt/a/.envrc", "wt2/c/.envrc"}},
		"no index":                {"main", "cd ../wt; echo > .git2; rm $(git rev-parse --git-dir)/index", nil},
		"no git index":            {"main", "cd ../wt; echo no > $(git rev-parse --git-dir)/index", []string{"main/.git/worktrees/wt/index (whole)"}},
		"of a worktree that goes": {"main", "git worktree remove --force ../wt", nil},
		"new":                     {"main", "git worktree add -q new", nil},
		"new, with more":          {"main", stage + "git worktree add -q new; cd new; put .envrc", []string{"main/new/.envrc"}},
		"new, gone":               {"main", stage + "git worktree add -q ../new; cd ../new; put .envrc; rm -r ../new", nil},
	} {
		t.Run(name, func(t *testing.T) {
			base := tempDir(t)
			main := repository(t, filepath.Join(base, "main"))
			sh(t, main, `echo all: > Makefile; echo good > lefthook.yml; git add .; git commit -qm x
				git worktree add -q ../wt; git worktree add -q ../wt2; echo mine > ../wt/lefthook.yml`)
			g := find(t, filepath.Join(base, c.project))
			sh(t, filepath.Join(base, c.project), c.line)
			r, err := g.Check()
			must(t, err)
			want(t, indexesOf(r, base), c.want...)
		})
	}
}

// TestIndexOfManyWorktrees: those that are not opened before the run are compared with the
// files of their worktrees.
func TestIndexOfManyWorktrees(t *testing.T) {
	base := tempDir(t)
	main := repository(t, filepath.Join(base, "main"))
	for i := range worktreeLimit + 4 {
		git(t, main, "worktree", "add", "-q", filepath.Join(base, "wt"+strconv.Itoa(i)))
	}
	g := find(t, main)
	if n := len(g.indexes); n != worktreeLimit+1 {
		t.Errorf("%d indexes are open", n)
	}
	var all []string
	for i := range worktreeLimit + 4 {
		wt := "wt" + strconv.Itoa(i)
		sh(t, filepath.Join(base, wt), stage+"put .envrc; put other; echo > x; git add x")
		all = append(all, wt+"/.envrc")
	}
	slices.Sort(all)
	want(t, indexesOf(check(t, g), base), all...)
}

// TestIndexElsewhere is of repositories that Find does not look at.
func TestIndexElsewhere(t *testing.T) {
	needGit(t)
	for name, c := range map[string]struct {
		line string
		want []string
	}{
		"beside":                 {stage + "cd ../other; put .envrc; put x", []string{"other/.envrc"}},
		"a worktree of that":     {stage + "cd ../otherwt; put .envrc", []string{"otherwt/.envrc"}},
		"below the top":          {stage + "cd nested; put .husky/x", []string{"project/nested/.husky/x"}},
		"submodule":              {stage + "cd sub; put .envrc", []string{"project/sub/.envrc"}},
		"silent":                 {"cd ../other; git update-index --assume-unchanged README", []string{"other/README (silent)"}},
		"split":                  {stage + "cd ../other; put .envrc; git update-index --split-index", []string{"other/.git/index (whole)"}},
		"another gitdir":         {stage + "cp -r ../otherwt d; echo evil > d/.envrc; cd ../otherwt; put .envrc; echo $OLDPWD/d/.git > $(git rev-parse --git-dir)/gitdir", []string{"other/.git/worktrees/otherwt/index (names)"}},
		"core.worktree":          {stage + "cd ../separate; put .envrc; put x", []string{"separate/.envrc"}},
		"a bare one with a tree": {stage + "export GIT_DIR=$PWD/../bare.git; put .envrc; put x", []string{"bare.git/index (names)"}},
		"honest":                 {"for d in ../other nested sub ../otherwt ../separate; do (cd $d; echo > new; mkdir .zed; echo > .zed/x; git add .; git commit -qm new; git stash; git status); done", nil},
		"clone":                  {"git clone -q ../other clone; git -C ../other worktree prune; git -C nested checkout -q other", nil},
		"sparse":                 {"git -C ../other sparse-checkout set --no-cone README", nil},
		"nothing":                {"git status", nil},
	} {
		t.Run(name, func(t *testing.T) {
			base := tempDir(t)
			other := repository(t, filepath.Join(base, "other"))
			sh(t, other, "echo good > lefthook.yml; mkdir .vscode; echo > .vscode/a; git add .; git commit -qm x; git branch other; git worktree add -q ../otherwt")
			project := repository(t, filepath.Join(base, "project"))
			sh(t, project, `git clone -q ../other nested; git -C nested branch other; git -c protocol.file.allow=always submodule --quiet add $PWD/../other sub; git commit -qm sub
				git init -q --bare ../bare.git; git clone -q ../other ../separate
				mv ../separate/.git ../separate.git; printf "gitdir: $(realpath ../separate.git)" > ../separate/.git; printf '[core]\n\tworktree = ../separate\n' >> ../separate.git/config`)
			g := find(t, project)
			writable := []string{other, filepath.Join(base, "otherwt"), filepath.Join(base, "bare.git"), filepath.Join(base, "separate"), filepath.Join(base, "separate.git")}
			must(t, g.Record(writable...))
			sh(t, project, c.line)
			r, err := g.Check(writable...)
			must(t, err)
			want(t, indexesOf(r, base), c.want...)
		})
	}
}

// TestIndexOfCoreWorktree: the repository says that its worktree is elsewhere.
func TestIndexOfCoreWorktree(t *testing.T) {
	base := tempDir(t)
	project := repository(t, filepath.Join(base, "project"))
	must(t, os.Mkdir(filepath.Join(base, "files"), 0o755))
	git(t, project, "config", "core.worktree", "../../files")
	g := find(t, project)
	sh(t, project, stage+"put .envrc; echo evil > .envrc")
	want(t, indexesOf(check(t, g), base), "files/.envrc")
}
