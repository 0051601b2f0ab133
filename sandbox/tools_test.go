package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func TestFindTool(t *testing.T) {
	home, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(home, name) }
	script := func(name, line string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(at(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at(name), []byte("#!"+line+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to, name string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(at(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(to, at(name)); err != nil {
			t.Fatal(err)
		}
	}
	script(".npm-global/lib/node_modules/codex/cli.js", "/usr/bin/env -S runs-node --flag")
	link("../lib/node_modules/codex/cli.js", ".npm-global/bin/codex")
	script(".nvm/versions/node/v1/bin/runs-node", "/bin/sh")
	script("npm/bin/own", "/bin/sh")
	script(".cargo/bin/rustup", "/bin/sh")
	script(".rustup/toolchains/x/bin/cargo", "/bin/sh")
	link("rustup", ".cargo/bin/cargo")
	script("p/node_modules/x/cli.js", "/bin/sh")
	link("../x/cli.js", "p/node_modules/.bin/x")
	link(at(".nvm/versions/node/v1/bin/runs-node"), "letters/led")
	script(".pyenv/shims/py", at("else/python/bin/python"))
	script("else/python/bin/python", "/bin/sh")
	script("project/bin/mine", "/bin/sh")
	link(at(".nvm/versions/node/v1/bin/runs-node"), "project/bin/planted")
	script("shown/bin/seen", "/bin/sh")
	var dirs []string
	for _, dir := range []string{".npm-global/bin", ".nvm/versions/node/v1/bin", ".cargo/bin", "npm/bin", "p/node_modules/.bin", "letters", ".pyenv/shims", "project/bin", "shown/bin"} {
		dirs = append(dirs, at(dir))
	}
	search := strings.Join(append(dirs, "bin", "", "/usr/bin", "/bin"), ":")
	s := Spec{Project: at("project"), OCI: specs.Spec{Mounts: []specs.Mount{bind(at("shown"), at("shown"), "ro")}}}
	for name, want := range map[string]struct{ path, shown, unknown string }{
		"codex":                {".npm-global/bin/codex", ".npm-global .nvm", ""},
		"runs-node":            {".nvm/versions/node/v1/bin/runs-node", ".nvm", ""},
		"cargo":                {".cargo/bin/cargo", ".cargo/bin .rustup", ""},
		"own":                  {"npm/bin/own", "", "npm"},
		"x":                    {"p/node_modules/.bin/x", "", "p/node_modules"},
		"led":                  {"letters/led", ".nvm", "letters"},
		"py":                   {".pyenv/shims/py", ".pyenv", "else/python"},
		"mine":                 {},
		"planted":              {},
		"seen":                 {},
		"sh":                   {},
		"nowhere":              {},
		"./codex":              {},
		at("npm/bin/own"):      {"npm/bin/own", "", "npm"},
		at("project/bin/mine"): {},
	} {
		got := s.FindTool(name, search, home)
		var places []string
		for _, list := range [][]string{{got.Path}, got.Shown, got.Unknown} {
			slices.Sort(list)
			for i, p := range list {
				list[i] = strings.TrimPrefix(p, home+"/")
			}
			places = append(places, strings.Join(list, " "))
		}
		if places[0] != want.path || places[1] != want.shown || places[2] != want.unknown {
			t.Errorf("%s: %q, want %+v", name, places, want)
		}
	}
}

// TestShowTools shows a directory with a mount point in it that is not there name by name.
func TestShowTools(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a/b", "c", "project/tools"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s := Spec{Project: dir + "/project", OCI: specs.Spec{Mounts: []specs.Mount{bind("/x", dir+"/a/store")}}}
	if got := s.ShowTools([]string{dir + "/a", dir + "/c", dir + "/none", dir + "/project/tools", dir}); !slices.Equal(got, []string{dir + "/a/b", dir + "/c"}) {
		t.Errorf("shows %q", got)
	}
}
