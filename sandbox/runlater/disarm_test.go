package runlater

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestDisarm: names that run later have the suffix in what is moved aside whole, too.
func TestDisarm(t *testing.T) {
	dir, state := tempDir(t), filepath.Join(tempDir(t), "state")
	g := find(t, dir)
	for _, name := range []string{
		".vscode/tasks.json", ".vscode/.git/config", ".vscode/.git/HEAD", ".vscode/.git/objects/x", ".vscode/.git/refs/x", ".vscode/bare/HEAD", ".vscode/bare/objects/x", ".vscode/bare/refs/x",
		".vscode/bare/.ENVRC", ".vscode/.config/mise/config.toml", ".vscode/mise.toml", ".vscode/shut/.exrc", ".vscode/mise.toml.moved", ".vscode/HEAD", ".vscode/notes/HEAD",
		".vscode/Makefile",
	} {
		write(t, dir, name, "[core]\n\tfsmonitor = x\n")
	}
	link(t, "/etc", filepath.Join(dir, ".vscode/.idea"))
	must(t, os.Chmod(filepath.Join(dir, ".vscode/shut"), 0))
	at, err := check(t, g).Quarantine(state)
	must(t, err)
	must(t, os.Chmod(filepath.Join(at, dir, ".vscode.moved/shut"), 0o700))
	var got []string
	for _, line := range treeOf(t, filepath.Join(at, dir)) {
		name, _, _ := strings.Cut(line, " ")
		got = append(got, name)
	}
	for i, name := range got {
		if base := filepath.Base(name); filepath.Dir(name) == ".vscode.moved" && strings.HasSuffix(base, suffix) && len(base) == len(random()+suffix) {
			got[i] = ".vscode.moved/RANDOM.moved" // the name with the suffix is taken
		}
	}
	slices.Sort(got)
	want(t, got, ".vscode.moved/.config.moved/mise.moved/config.toml", ".vscode.moved/.git.moved/HEAD.moved", ".vscode.moved/.git.moved/config", ".vscode.moved/.git.moved/objects/x",
		".vscode.moved/.git.moved/refs/x", ".vscode.moved/.idea.moved", ".vscode.moved/HEAD", ".vscode.moved/Makefile", ".vscode.moved/RANDOM.moved", ".vscode.moved/bare/.ENVRC.moved", ".vscode.moved/bare/HEAD.moved",
		".vscode.moved/bare/objects/x", ".vscode.moved/bare/refs/x", ".vscode.moved/mise.toml.moved", ".vscode.moved/notes/HEAD", ".vscode.moved/shut/.exrc.moved", ".vscode.moved/tasks.json")
}

// TestDisarmDeep: what was not looked at to its end is not entered.
func TestDisarmDeep(t *testing.T) {
	for _, deep := range []bool{false, true} {
		dir, state := tempDir(t), filepath.Join(tempDir(t), "state")
		g := find(t, dir)
		name := ".vscode/x/.envrc"
		if deep {
			name = ".vscode/" + strings.Repeat("d/", disarmDepth) + ".envrc"
		}
		write(t, dir, name, "evil")
		at, err := check(t, g).Quarantine(state)
		must(t, err)
		info, err := os.Stat(at)
		if must(t, err); (info.Mode().Perm() == 0o600) != deep || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("deep=%v: %v", deep, info.Mode())
		}
		must(t, os.Chmod(at, 0o700))
	}
}
