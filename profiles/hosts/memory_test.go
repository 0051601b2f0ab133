package hosts

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/sbxrun/sbx/sandbox/egress"
)

// A shelf is a machine with tools as files, which count how often they are asked.
type shelf struct {
	t         *testing.T
	dir       string
	writable  string
	environ   []string
	mu        sync.Mutex
	asked     []string
	pnpmFails bool
}

func newShelf(t *testing.T) *shelf {
	s := &shelf{t: t, dir: t.TempDir()}
	for _, name := range []string{"bin/node", "lib/npm/bin/npm-cli.js", "lib/npm/package.json", "lib/pnpm/bin/pnpm.cjs", "lib/yarn/bin/yarn.js", "home/.npmrc"} {
		s.write(name, "1")
	}
	for name, to := range map[string]string{"npm": "npm/bin/npm-cli.js", "pnpm": "pnpm/bin/pnpm.cjs", "yarn": "yarn/bin/yarn.js"} {
		if err := os.Symlink("../lib/"+to, s.at("bin/"+name)); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s *shelf) at(name string) string { return filepath.Join(s.dir, name) }

func (s *shelf) write(name, text string) {
	s.t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(s.at(name)), 0o755), os.WriteFile(s.at(name), []byte(text), 0o755)); err != nil {
		s.t.Fatal(err)
	}
}

// ask gives the hosts and which tools were asked.
func (s *shelf) ask(command string) (hosts, asked string) {
	s.t.Helper()
	s.asked = nil
	a := &Asker{Home: s.at("home"), Command: command, Memory: Memory(s.at("state/hosts")), Environ: s.environ, given: s.environ}
	a.Check = func(rule string) error { _, err := egress.ParseRule(rule); return err }
	a.Find = func(program string) (string, error) {
		if _, err := os.Stat(s.at("bin/" + program)); err != nil {
			return "", ErrNotInstalled
		}
		return s.at("bin/" + program), nil
	}
	a.Leads = func(name string) bool { return s.writable != "" && name == s.writable }
	a.Run = func(program string, args ...string) ([]byte, error) {
		if _, err := a.Find(program); err != nil {
			return nil, err
		}
		s.mu.Lock()
		s.asked = append(s.asked, program)
		s.mu.Unlock()
		switch program {
		case "npm":
			return []byte(`{"registry":"https://npm.example/","globalconfig":"` + s.at("etc/npmrc") + `"}`), nil
		case "pnpm":
			if s.pnpmFails {
				return nil, errors.New("exit status 1")
			}
		}
		return []byte("https://" + program + ".example/\n"), nil
	}
	got := a.Ask([]string{"@npm"})[0]
	if got.Err != nil && s.writable == "" {
		s.t.Error(got.Err)
	}
	for _, h := range got.Hosts {
		hosts += " " + h.Host
		if h.Set != "@npm" || h.From == "" {
			s.t.Errorf("%+v", h)
		}
	}
	seen := map[string]bool{}
	for _, program := range []string{"npm", "pnpm", "yarn"} {
		for _, p := range s.asked {
			if p == program && !seen[p] {
				seen[p] = true
				asked += " " + p
			}
		}
	}
	return strings.TrimSpace(hosts), strings.TrimSpace(asked)
}

// TestOwnTool: a tool is asked for its own hosts alone, and another command for those of all.
func TestOwnTool(t *testing.T) {
	for command, want := range map[string]string{"npm": "npm", "/usr/bin/npx": "npm", "bun": "npm", "pnpm": "pnpm", "yarn": "npm yarn", "make": "npm pnpm yarn", "": "npm pnpm yarn"} {
		s := newShelf(t)
		if hosts, asked := s.ask(command); asked != want || len(strings.Fields(hosts)) != len(strings.Fields(want)) {
			t.Errorf("%s: asked %s, hosts %s", command, asked, hosts)
		}
	}
	s := newShelf(t)
	_ = os.Remove(s.at("bin/npm")) // bun without npm
	if hosts, asked := s.ask("bun"); asked != "pnpm yarn" || hosts != "yarn.example pnpm.example" {
		t.Errorf("asked %s, hosts %s", asked, hosts)
	}
}

// TestMemory: an answer is remembered while the tool, its interpreter, its settings and what
// it is started with are what they were.
func TestMemory(t *testing.T) {
	for name, row := range map[string]struct {
		change func(s *shelf)
		asked  string
	}{
		"nothing":                    {func(*shelf) {}, ""},
		"the user's settings":        {func(s *shelf) { s.write("home/.npmrc", "2") }, "npm"},
		"settings that were not":     {func(s *shelf) { s.write("etc/npmrc", "2") }, "npm"},
		"settings that are gone":     {func(s *shelf) { _ = os.Remove(s.at("home/.npmrc")) }, "npm"},
		"the package's own settings": {func(s *shelf) { s.write("lib/npm/npmrc", "2") }, "npm"},
		"another version":            {func(s *shelf) { s.write("lib/npm/package.json", "2") }, "npm"},
		"another script": {func(s *shelf) {
			s.write("lib/new", "1")
			_ = os.Rename(s.at("lib/new"), s.at("lib/npm/bin/npm-cli.js"))
		}, "npm"},
		"the same times": {func(s *shelf) {
			info, _ := os.Stat(s.at("home/.npmrc"))
			s.write("home/.npmrc", "2")
			_ = os.Chtimes(s.at("home/.npmrc"), info.ModTime(), info.ModTime())
		}, "npm"},
		"another interpreter":              {func(s *shelf) { s.write("bin/node", "2") }, "npm"},
		"another variable":                 {func(s *shelf) { s.environ = []string{"npm_config_registry=https://x.example"} }, "npm"},
		"a memory that is broken":          {func(s *shelf) { s.write("state/hosts/npm.json", "{") }, "npm"},
		"a memory that others may read":    {func(s *shelf) { _ = os.Chmod(s.at("state/hosts/npm.json"), 0o644) }, "npm"},
		"a memory by a link":               {func(s *shelf) { s.link("state/hosts/npm.json") }, "npm"},
		"a memory with a forged host":      {func(s *shelf) { s.forge(`"host":"npm.example"`, `"host":"a b"`) }, "npm"},
		"a memory of long ago":             {func(s *shelf) { s.forge(`"asked":"2`, `"asked":"1`) }, "npm"},
		"a memory of another format":       {func(s *shelf) { s.forge(`"format":1`, `"format":0`) }, "npm"},
		"a program that stands for others": {func(s *shelf) { _ = os.Remove(s.at("bin/npm")); s.write("bin/npm", "shim") }, "npm"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShelf(t)
			if hosts, asked := s.ask("npm"); hosts != "npm.example" || asked != "npm" {
				t.Fatalf("asked %q, hosts %q", asked, hosts)
			}
			row.change(s)
			if hosts, asked := s.ask("npm"); hosts != "npm.example" || asked != row.asked {
				t.Errorf("asked %q, hosts %q", asked, hosts)
			}
		})
	}
}

func (s *shelf) forge(old, new string) {
	name := s.at("state/hosts/npm.json")
	text, err := os.ReadFile(name)
	if err != nil || !strings.Contains(string(text), old) {
		s.t.Fatalf("%v: %s", err, text)
	}
	if err := os.WriteFile(name, []byte(strings.Replace(string(text), old, new, 1)), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shelf) link(name string) {
	if err := errors.Join(os.Rename(s.at(name), s.at("real")), os.Symlink(s.at("real"), s.at(name))); err != nil {
		s.t.Fatal(err)
	}
}

// TestMemoryIsNotTrusted: settings that a sandbox can write now are asked about and refused,
// be they remembered from a run in which it could not.
func TestMemoryIsNotTrusted(t *testing.T) {
	for _, name := range []string{"etc/npmrc", "home/.npmrc"} {
		s := newShelf(t)
		s.ask("npm")
		s.writable = s.at(name)
		if hosts, _ := s.ask("npm"); hosts != "" {
			t.Errorf("%s: %s", name, hosts)
		}
	}
}

// TestFailureIsNotRemembered: a tool that fails is asked again.
func TestFailureIsNotRemembered(t *testing.T) {
	s := newShelf(t)
	s.pnpmFails = true
	for range 2 {
		if _, asked := s.ask("make"); !strings.Contains(asked, "pnpm") {
			t.Error(asked)
		}
	}
}
