package hosts

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// home has a project in a repository, a program of the user's in bin, and links.
func home(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	for name, text := range map[string]string{
		"repo/.git/config": "", "repo/part/tool": "#!/bin/sh\necho evil\n", "repo/part/settings": "", "bin/tool": "#!/bin/sh\npwd; echo \"$PATH\"; /usr/bin/env\n", "own": "",
	} {
		path := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(home+"/linked", 0o755); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"elsewhere": "repo/part", "bin/linked": "../repo/part/tool", "linked/node": "../repo/part/tool", "dotfile": "repo/part/settings"} {
		if err := os.Symlink(to, filepath.Join(home, link)); err != nil {
			t.Fatal(err)
		}
	}
	return home
}

func asker(t *testing.T, home string, environ ...string) *Asker {
	t.Helper()
	a, err := New(home+"/repo/part", home, append(environ, "HOME="+home), func(string) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestFind(t *testing.T) {
	home := home(t)
	path := strings.Join([]string{"", ".", "repo/part", home + "/repo/part", home + "/repo", home + "/elsewhere", home + "/nowhere", home + "/linked", home + "/bin"}, ":")
	a := asker(t, home, "PATH="+path)
	if got, err := a.Find("tool"); err != nil || got != home+"/bin/tool" {
		t.Errorf("found %q, %v", got, err)
	}
	for _, program := range []string{"linked", "part", "settings", "../own", "none"} {
		if got, err := a.Find(program); !errors.Is(err, ErrNotInstalled) && program != "../own" {
			t.Errorf("found %q for %s", got, program)
		}
	}
	out, err := a.Run("tool")
	if lines := strings.Split(string(out), "\n"); err != nil || lines[0] != "/" || lines[1] != home+"/nowhere:"+home+"/bin" {
		t.Errorf("it ran with %q, %v", out, err)
	}
}

// What leads into the project is kept from tools, and so is what is not for settings.
func TestEnvironment(t *testing.T) {
	home := home(t)
	in := home + "/repo/part"
	a := asker(t, home, "PATH="+home+"/bin", "NPM_CONFIG_REGISTRY=https://a.example", "npm_config_userconfig="+in+"/.npmrc", "PIP_CONFIG_FILE="+home+"/elsewhere/pip.conf",
		"GOENV="+home+"/repo/go.env", "CARGO_HOME=/x/../"+in, "GIT_CONFIG_GLOBAL="+home+"/dotfile", "GEMRC=/etc/gemrc:"+in+"/gemrc", "BUNDLE_X=-I"+in, "PIP_INDEX_URL=https://b.example"+home+"/x",
		"NODE_OPTIONS=--require=/x.js", "PYTHONPATH=/x", "RUBYOPT=-r/x", "LD_PRELOAD=/x.so", "GIT_DIR=/x", "GIT_SSH_COMMAND=x", "UV_INDEX="+home+"/repo-2", "XDG_CONFIG_HOME=repo")
	out, err := a.Run("tool")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, line := range strings.Split(string(out), "\n")[2:] {
		if name, _, ok := strings.Cut(line, "="); ok && !slices.Contains([]string{"PWD", "SHLVL", "_", "OLDPWD", "PATH", "HOME", "COLUMNS", "NO_COLOR", "GOTOOLCHAIN", "COREPACK_ENABLE_NETWORK", "PIP_DISABLE_PIP_VERSION_CHECK", "NO_UPDATE_NOTIFIER"}, name) {
			got = append(got, name)
		}
	}
	slices.Sort(got)
	if want := "NPM_CONFIG_REGISTRY PIP_INDEX_URL UV_INDEX XDG_CONFIG_HOME"; strings.Join(got, " ") != want {
		t.Errorf("passed %v, want %s", got, want)
	}
	for _, file := range []string{in + "/settings", home + "/dotfile", home + "/elsewhere/none"} {
		if _, err := a.Read(file); err == nil || !strings.Contains(err.Error(), "leads into the project") {
			t.Errorf("%s was read: %v", file, err)
		}
	}
	if _, err := a.Read(home + "/own"); err != nil {
		t.Error(err)
	}
	for _, project := range []string{home, filepath.Dir(home)} {
		if _, err := New(project, home, nil, nil); err == nil || !strings.Contains(err.Error(), "can write to your home") {
			t.Errorf("%s as the project: %v", project, err)
		}
	}
}

// A program that says too much, nothing for too long, or fails, is not believed, and what
// it started ends with it.
func TestRunIsBounded(t *testing.T) {
	sh := func(script string, limit time.Duration) (string, error) {
		out, err := run("/bin/sh", []string{"PATH=/usr/bin:/bin"}, []string{"-c", script}, limit)
		return string(out), err
	}
	if out, err := sh("read x; echo $x done", time.Minute); err != nil || out != "done\n" {
		t.Errorf("%q, %v", out, err)
	}
	if _, err := sh("head -c 2000000 /dev/zero", time.Minute); err == nil || !strings.Contains(err.Error(), "more than 1048576 bytes") {
		t.Error(err)
	}
	if _, err := sh("echo hunter2 >&2; exit 3", time.Minute); err == nil || !strings.HasSuffix(err.Error(), "exit status 3") || strings.Contains(err.Error(), "hunter2\n") {
		t.Error(err)
	}
	pid := filepath.Join(t.TempDir(), "pid")
	start := time.Now()
	_, err := sh("sleep 600 & echo $! > "+pid+"; wait", time.Second)
	if err == nil || !strings.Contains(err.Error(), "took longer than 1s") || time.Since(start) > time.Minute {
		t.Errorf("%v after %s", err, time.Since(start))
	}
	b, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	// It is killed, and whoever is its parent now has it die.
	for range 500 {
		stat, err := os.ReadFile("/proc/" + strings.TrimSpace(string(b)) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("what the program started is still there")
}
