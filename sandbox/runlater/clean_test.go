package runlater

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestWithout(t *testing.T) {
	bad := []setting{{"core", "", "pager", "x y"}, {"alias", "", "l", "!z"}}
	for text, want := range map[string]string{
		"[core]\n\tbare = false\n\tpager = x y\n[remote \"o\"]\n\turl = u\n": "[core]\n\tbare = false\n\t\n[remote \"o\"]\n\turl = u\n",
		"[core] pager = x y # why\n[user]\nname = a":                         "[core] \n[user]\nname = a",
		"[core]pager = \"x \\\ny\"\nx = 1\n":                                 "[core]\nx = 1\n",
		"[alias]\nl = !z\nl = !z\nm = n\n":                                   "[alias]\n\n\nm = n\n",
		"[core]\npager = x y":                                                "[core]\n\n",
		"\ufeff[core]\r\npager = x y\r\nbare = true\r\n":                     "[core]\r\n\nbare = true\r\n",
	} {
		got, err := without([]byte(text), bad)
		if err != nil || string(got) != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	if got, err := without([]byte("[core"), bad); err == nil {
		t.Errorf("no configuration: %q", got)
	}
}

const (
	oldConfig = "[core]\n\tbare = false\n\tpager = mine\n[remote \"o\"]\n\turl = u\n"
	badConfig = oldConfig + "[core]\n\tfsmonitor = evil\n[alias]\n\tx = !y\n"
)

func configured(t *testing.T) (dir, config string) {
	t.Helper()
	dir = t.TempDir()
	config = filepath.Join(dir, ".git/config")
	for name, text := range map[string]string{".git/HEAD": "ref: refs/heads/main\n", ".git/objects/x": "", ".git/refs/x": "", ".git/config": oldConfig} {
		put(t, filepath.Join(dir, name), text)
	}
	return dir, config
}

// isCleaned tells whether all is left of a configuration but what was found.
func isCleaned(t *testing.T, config, kept string, settings []string) {
	t.Helper()
	if !slices.Equal(settings, []string{"core.fsmonitor", "alias.x"}) {
		t.Errorf("settings %v", settings)
	}
	left, err := os.ReadFile(config)
	if err != nil || strings.Contains(string(left), "evil") || strings.Contains(string(left), "!y") || !strings.Contains(string(left), "url = u") || !strings.Contains(string(left), "mine") {
		t.Errorf("left: %q, %v", left, err)
	}
	if info, err := os.Stat(config); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", info, err)
	}
	if text, err := os.ReadFile(kept); err != nil || string(text) != badConfig {
		t.Errorf("kept: %q, %v", text, err)
	}
	if names, err := filepath.Glob(config + "?*"); err != nil || names != nil {
		t.Errorf("beside it: %v, %v", names, err)
	}
}

// TestMoveCleans moves a configuration aside, and leaves the rest of it.
func TestMoveCleans(t *testing.T) {
	dir, config := configured(t)
	g, err := findIn(dir)
	must(t, err)
	put(t, config, badConfig)
	must(t, os.Chmod(config, 0o640))
	r, err := g.Check()
	if err != nil || len(r.Findings) != 1 {
		t.Fatalf("%+v, %v", r.Findings, err)
	}
	aside, failed := r.Move(t.TempDir())
	if failed[0] != nil || !r.Findings[0].Cleaned {
		t.Errorf("%+v, %v", r.Findings[0], failed)
	}
	isCleaned(t, config, filepath.Join(aside, config+".moved"), r.Findings[0].Settings)
}

// TestMoveCleansBelowMany has one of several walkers find the configuration of a repository.
func TestMoveCleansBelowMany(t *testing.T) {
	dir := tempDir(t)
	for i := range fanWidth * 2 {
		must(t, os.MkdirAll(filepath.Join(dir, fmt.Sprint("d", i)), 0o755))
	}
	config := filepath.Join(dir, "d3/repo/.git/config")
	for name, text := range map[string]string{"HEAD": "ref: refs/heads/main\n", "objects/x": "", "refs/x": "", "config": "[core]\n\tbare = false\n"} {
		put(t, filepath.Join(filepath.Dir(config), name), text)
	}
	g := find(t, dir)
	put(t, config, badConfig)
	r, err := g.Check()
	if err != nil || len(r.Findings) != 1 {
		t.Fatalf("%+v, %v", r.Findings, err)
	}
	if _, failed := r.Move(t.TempDir()); failed[0] != nil || !r.Findings[0].Cleaned {
		t.Errorf("%+v, %v", r.Findings[0], failed)
	}
}

// TestMoveCleansWhatWasJudged has another sandbox write to it after it was judged.
func TestMoveCleansWhatWasJudged(t *testing.T) {
	dir, config := configured(t)
	g, err := findIn(dir)
	must(t, err)
	put(t, config, badConfig)
	r, err := g.Check()
	must(t, err)
	put(t, config, badConfig+"[core]\n\tsshCommand = evil\n")
	if _, failed := r.Move(t.TempDir()); failed[0] != nil || r.Findings[0].Cleaned {
		t.Errorf("%+v, %v", r.Findings[0], failed)
	}
	if _, err := os.Lstat(config); err == nil {
		t.Error("it is in its place")
	}
}

// TestClean takes settings out of a configuration while the command runs.
func TestClean(t *testing.T) {
	dir, config := configured(t)
	g, err := findIn(dir)
	must(t, err)
	put(t, config+".new", badConfig)
	must(t, os.Chmod(config+".new", 0o640))
	must(t, os.Rename(config+".new", config))
	if g.Renew(config, Perhaps) == "" {
		t.Fatal("nothing is wrong with it")
	}
	put(t, config+".lock", "")
	if settings, _, err := g.Clean(config, t.TempDir()); !os.IsExist(err) {
		t.Errorf("while git has locked it: %v, %v", settings, err)
	}
	must(t, os.Remove(config+".lock"))
	settings, kept, err := g.Clean(config, t.TempDir())
	must(t, err)
	isCleaned(t, config, kept+"/config.moved", settings)
	if bad := g.Renew(config, Perhaps); bad != "" {
		t.Errorf("cleaned: %s", bad)
	}
	if r, err := g.Check(); err != nil || len(r.Findings) != 0 {
		t.Errorf("%+v, %v", r.Findings, err)
	}
}

// TestSettle changes files after the command has ended.
func TestSettle(t *testing.T) {
	dir, config := configured(t)
	put(t, filepath.Join(dir, "CLAUDE.md"), "a")
	g, err := findIn(dir)
	must(t, err)
	g.Settle(config)
	g.Settle(filepath.Join(dir, "CLAUDE.md"))
	put(t, config, badConfig)
	put(t, filepath.Join(dir, "CLAUDE.md"), "b")
	if r, err := g.Check(); err != nil || len(r.Findings) != 0 {
		t.Errorf("%+v, %v", r.Findings, err)
	}
}
