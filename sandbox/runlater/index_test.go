package runlater

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func indexOf(r Report) []string {
	var names []string
	for _, f := range r.Index {
		switch f.Why {
		case silentWhy:
			names = append(names, f.Path+" (silent)")
		case wholeWhy:
			names = append(names, f.Path+" (whole)")
		default:
			names = append(names, f.Path)
		}
	}
	slices.Sort(names)
	return names
}

// TestIndex: what a command does to git's index, and what git itself does.
func TestIndex(t *testing.T) {
	needGit(t)

	for line, changed := range map[string][]string{
		stage + "put lefthook.yml":                                       {"lefthook.yml"},
		stage + "put .vscode/tasks.json":                                 {".vscode/tasks.json"},
		stage + "put sub/.envrc; put sub/x":                              {"sub/.envrc"},
		stage + "put .github/hooks/a.json":                               {".github/hooks/a.json"},
		stage + "put .nvmrc":                                             {".nvmrc"},
		stage + "put .idea; git update-index --index-version 4":          {".idea"},
		"git update-index --assume-unchanged Makefile; echo >> Makefile": {"Makefile (silent)"},
		"git update-index --skip-worktree Makefile; echo >> Makefile":    {"Makefile (silent)"},
		stage + "cp .git/index i; put lefthook.yml; cp .git/index j; cat j > i; cp i .git/index; touch -r README .git/index":                                                                                {"lefthook.yml"},
		stage + "cp .git/index i; put lefthook.yml; cp .git/index j; cat i > .git/index; printf x | dd of=.git/index bs=1 seek=40 conv=notrunc status=none; touch -r i .git/index; cp j k; mv k .git/index": {"lefthook.yml"},
		"git update-index --split-index": {".git/index (whole)"},
		"echo no > .git/index":           {".git/index (whole)"},

		"echo > new; git add new; git commit -qm new":                                          nil,
		"git mv README R; git rm -q --cached lefthook.yml; git commit -qm x":                   nil,
		"mkdir .zed; echo > .zed/x; git add .zed":                                              nil, // moved aside
		"printf 'a\\r\\n' > sub/CLAUDE.md; git -c core.autocrlf=input add sub":                 nil,
		"git checkout -q other; git checkout -q main; git stash; git status":                   nil,
		"git sparse-checkout set sub":                                                          nil,
		"echo x >> Makefile; git stash -q; git stash pop -q":                                   nil,
		"git update-index --index-version 4; git gc -q; git reset -q --hard":                   nil,
		"echo x >> lefthook.yml; git update-index -q --refresh || :; echo good > lefthook.yml": nil,
	} {
		t.Run(strings.ReplaceAll(line, "/", "|"), func(t *testing.T) {
			dir := repository(t, tempDir(t))
			sh(t, dir, `echo good > lefthook.yml; echo all: > Makefile; mkdir sub; echo > sub/y; git add .; git commit -qm x
				git checkout -q -b other; mkdir -p a/.husky; echo > a/.husky/x; git add .; git commit -qm other; git checkout -q main`)
			g := find(t, dir)
			sh(t, dir, line)
			want(t, indexOf(check(t, g)), changed...)
		})
	}
}

// TestIndexOfWorktree is of a project whose index is elsewhere.
func TestIndexOfWorktree(t *testing.T) {
	base := tempDir(t)
	main := repository(t, filepath.Join(base, "main"))
	tree := filepath.Join(base, "tree")
	git(t, main, "worktree", "add", "-q", tree)
	g := find(t, tree)
	sh(t, tree, "git update-index --add --cacheinfo 100644,$(git rev-parse HEAD:README),.envrc")
	want(t, indexOf(check(t, g)), ".envrc")
}

// TestNewIndex: there was no index before.
func TestNewIndex(t *testing.T) {
	dir := tempDir(t)
	git(t, dir, "init", "-q")
	g := find(t, dir)
	want(t, indexOf(check(t, g)))
	sh(t, dir, "echo > a; git add a; git update-index --add --cacheinfo 100644,$(git hash-object a),.envrc")
	want(t, indexOf(check(t, g)), ".envrc")
}

// BenchmarkIndex is what the end pays where the index of 100,000 files changed.
func BenchmarkIndex(b *testing.B) {
	var index strings.Builder
	index.WriteString("DIRC\x00\x00\x00\x02\x00\x01\x86\xa0")
	for i := range 100000 {
		name := fmt.Sprintf("packages/package%d/src/file%d.ts", i/20, i)
		e := strings.Repeat("\x00", 24) + "\x00\x00\x81\xa4" + strings.Repeat("\x00", 34) + name
		index.WriteString(e + strings.Repeat("\x00", 8-len(e)%8))
	}
	index.WriteString(strings.Repeat("\x00", 20))
	text := []byte(index.String())
	for b.Loop() {
		w := walker{g: &Guard{}, r: &Report{}, roots: []root{{path: "/tmp/project"}}}
		left := int64(indexBudget)
		c := indexChange{w: &w, x: &gitIndex{}, top: "/tmp/project", left: &left}
		if !c.compare(nil, text) || len(w.r.Index) > 0 {
			b.Fatal(w.r)
		}
	}
}
