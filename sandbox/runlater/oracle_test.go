package runlater

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// The oracle of the model test. It computes what tools of the developer's would run
// or obey in a tree, from their documentation: it shares nothing with the package.

// A ran is what a tool runs in a directory.
type ran struct {
	tool string
	path string // as the tool comes to it, below the project
	real string // where it is
	ino  uint64
	text string
}

// obeyed are names in any directory that is entered or opened, by tool.
var obeyed = map[string][]string{
	"direnv": {".envrc"}, "mise": {"mise.toml", ".mise.toml", "mise.local.toml"}, "vi": {".exrc"}, "neovim": {".nvim.lua"},
	"gdb": {".gdbinit"}, "emacs": {".dir-locals.el"}, "autoenv": {".autoenv"}, "vscode": {".vscode/tasks.json", ".vscode/settings.json", ".vscode/launch.json"},
	"zed": {".zed/tasks.json"}, "jetbrains": {".idea/workspace.xml"}, "devcontainer": {".devcontainer/devcontainer.json", ".devcontainer.json"},
	"claude": {".claude/settings.json", ".mcp.json"}, "cursor": {".cursor/mcp.json", ".cursorrules"}, "gemini": {".gemini/settings.json"},
	"husky": {".husky/pre-commit"}, "hg": {".hg/hgrc"}, "kiro": {".kiro/x"}, "windsurf": {".windsurfrules"},
}

// obeyedAtTop are names at the top of a repository or of the project.
var obeyedAtTop = map[string][]string{
	"agents": {"CLAUDE.md", "AGENTS.md"}, "lefthook": {"lefthook.yml"}, "pre-commit": {".pre-commit-config.yaml"},
}

type oracle struct {
	root  string
	found []ran
}

// executed lists all of it.
func executed(root string) []ran {
	o := oracle{root: root}
	o.dir(root, true)
	return o.found
}

// dir looks at a directory and goes into those in it. A link to one is not gone
// into: what it leads to in the project is looked at there.
func (o *oracle) dir(dir string, top bool) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	there := map[string]bool{}
	for _, e := range entries {
		there[e.Name()] = true
	}
	for tool, names := range obeyed {
		o.names(tool, dir, names, there)
	}
	if top || there[".git"] {
		for tool, names := range obeyedAtTop {
			o.names(tool, dir, names, there)
		}
	}
	if there[".git"] || there["HEAD"] {
		o.git(dir)
	}
	for _, e := range entries {
		if e.IsDir() {
			o.dir(filepath.Join(dir, e.Name()), false)
		}
	}
}

func (o *oracle) names(tool, dir string, names []string, there map[string]bool) {
	for _, n := range names {
		if first, _, _ := strings.Cut(n, "/"); there[first] {
			o.file(tool, filepath.Join(dir, n))
		}
	}
}

// file is one that a tool opens, through links, if it is in the project.
func (o *oracle) file(tool, path string) {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil || !strings.HasPrefix(real, o.root+"/") {
		return
	}
	text, err := os.ReadFile(path)
	if err != nil || isRef(string(text)) {
		return
	}
	rel, _ := filepath.Rel(o.root, path)
	real, _ = filepath.Rel(o.root, real)
	o.found = append(o.found, ran{tool, rel, real, st.Ino, string(text)})
}

// isRef tells git's own symbolic ref from another file. A program can link a HEAD to
// any name; no tool runs anything by that one line.
func isRef(text string) bool {
	line, rest, _ := strings.Cut(text, "\n")
	return rest == "" && strings.HasPrefix(line, "ref: refs/")
}

// git does what git does first in a directory: it takes it, .git in it or what a
// .git file names for a repository (gitrepository-layout(5)).
func (o *oracle) git(dir string) {
	o.gitDir(dir)
	at := filepath.Join(dir, ".git")
	if text, err := os.ReadFile(at); err == nil {
		if to, ok := strings.CutPrefix(strings.TrimSpace(string(text)), "gitdir: "); ok {
			if at = to; !filepath.IsAbs(to) {
				at = filepath.Join(dir, to)
			}
		}
	}
	o.gitDir(at)
}

func (o *oracle) gitDir(dir string) {
	is := func(path string, mode uint32) bool {
		var st unix.Stat_t
		return unix.Stat(path, &st) == nil && st.Mode&unix.S_IFMT == mode
	}
	head, err := os.ReadFile(filepath.Join(dir, "HEAD"))
	if err != nil || !strings.HasPrefix(string(head), "ref: refs/") {
		return
	}
	common := dir
	if text, err := os.ReadFile(filepath.Join(dir, "commondir")); err == nil {
		if common = strings.TrimSpace(string(text)); !filepath.IsAbs(common) {
			common = filepath.Join(dir, common)
		}
	}
	if !is(filepath.Join(common, "objects"), unix.S_IFDIR) || !is(filepath.Join(common, "refs"), unix.S_IFDIR) {
		return
	}
	config := filepath.Join(common, "config")
	if text, err := os.ReadFile(config); err == nil && strings.Contains(string(text), "fsmonitor") {
		o.file("git config", config)
	}
	hooks, _ := os.ReadDir(filepath.Join(common, "hooks"))
	for _, h := range hooks {
		if !strings.HasSuffix(h.Name(), ".sample") {
			o.file("git hook", filepath.Join(common, "hooks", h.Name()))
		}
	}
	for _, state := range []string{"rebase-merge/git-rebase-todo", "sequencer/opts"} {
		if text, err := os.ReadFile(filepath.Join(dir, state)); err == nil && strings.Contains(string(text), "evil") {
			o.file("git "+state, filepath.Join(dir, state))
		}
	}
}
