package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// editorsProbe runs inside. Each time the file "probe" is there it waits until what is
// hidden cannot be read and what is read-only cannot be opened for writing, git's settings
// only in a copy that a link leads to, says so by removing the file, and fails if that takes ten seconds. "end" ends it.
const editorsProbe = `touch started
holds() { ! grep -qs hunter2 .env && { [ -h .git/config ] || ! ( : >> .git/config ) 2>/dev/null; } && for f in CLAUDE.md .envrc .husky/pre-commit; do if ( : >> $f ) 2>/dev/null; then return 1; fi; done; }
while [ ! -e end ]; do
	[ -e probe ] || { sleep 0.01; continue; }
	n=0; until holds; do n=$((n+1)); [ $n -lt 100 ] || { echo "a mask is off"; exit 9; }; sleep 0.1; done
	rm probe
done`

// TestEditorsOutside edits what a running sandbox has hidden and read-only a thousand times
// with the programs that developers use. The masks hold, and the files are as they were
// written: nothing is lost, and nothing is moved aside.
func TestEditorsOutside(t *testing.T) {
	needNamespaces(t)
	for _, name := range []string{"git", "vim.tiny", "sed"} {
		if _, err := exec.LookPath(name); err != nil {
			skip(t, "no %s", name)
		}
	}
	for _, detached := range []bool{false, true} {
		t.Run(fmt.Sprintf("detached=%v", detached), func(t *testing.T) { editOutside(t, detached) })
	}
}

func editOutside(t *testing.T, detached bool) {
	home := t.TempDir()
	e := editing{t: t, dir: filepath.Join(home, "project"), env: append(os.Environ(), "HOME="+home, "XDG_STATE_HOME=", "XDG_RUNTIME_DIR=", "GIT_CONFIG_GLOBAL=/dev/null")}
	for name, text := range map[string]string{".env": "TOKEN=hunter2\n", "CLAUDE.md": "0\n", ".envrc": "0\n", ".husky/pre-commit": "0\n"} {
		e.check(os.MkdirAll(filepath.Dir(filepath.Join(e.dir, name)), 0o755))
		e.check(os.WriteFile(filepath.Join(e.dir, name), []byte(text), 0o644))
	}
	e.run("git", "init", "-q", ".")
	e.run("git", "config", "user.email", "ada@example.com")
	e.run("git", "config", "user.name", "Ada")

	args := []string{"run", "--name", fmt.Sprintf("editors-%d-%v", os.Getpid(), detached)}
	if detached {
		args = append(args, "-d")
	}
	var said bytes.Buffer
	box := exec.Command(tool(t, "sbx"), append(args, "--", "sh", "-c", editorsProbe)...)
	box.Dir, box.Env, box.Stdout, box.Stderr = e.dir, e.env, &said, &said
	e.check(box.Start())
	defer exec.Command(tool(t, "sbx"), "rm", "-f", args[2]).Run()
	if !appeared(filepath.Join(e.dir, "started")) {
		t.Fatalf("the command does not run: %s", &said)
	}
	for n := 1; n <= 500; n++ {
		e.edit(n)
		if n%25 == 0 {
			e.probe()
		}
	}
	e.check(os.WriteFile(filepath.Join(e.dir, "end"), nil, 0o644))
	err := box.Wait()
	if detached {
		wait := exec.Command(tool(t, "sbx"), "wait", args[2])
		wait.Env = e.env
		if out, err := wait.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "0" {
			t.Errorf("sbx wait: %v: %s", err, out)
		}
	}
	if err != nil || strings.Contains(said.String(), "moved aside") {
		t.Errorf("%v: %s", err, &said)
	}
	e.compare()
}

// editing is a developer's work on a project.
type editing struct {
	t    *testing.T
	dir  string
	env  []string
	want map[string]string // what files say by now
	user string
}

func (e *editing) check(err error) {
	e.t.Helper()
	if err != nil {
		e.t.Fatal(err)
	}
}

func (e *editing) run(name string, args ...string) {
	e.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = e.dir, e.env
	if out, err := cmd.CombinedOutput(); err != nil {
		e.t.Fatalf("%s %q: %v: %s", name, args, err, out)
	}
}

// edit is the nth edit: each file in turn, by each way in turn.
func (e *editing) edit(n int) {
	files := []string{".env", "CLAUDE.md", ".envrc", ".husky/pre-commit"}
	file := files[n%len(files)]
	text := fmt.Sprintf("TOKEN=hunter2-%d\n", n)
	if e.want == nil {
		e.want = map[string]string{}
	}
	switch n % 7 {
	case 0:
		e.user = fmt.Sprintf("Ada %d", n)
		e.run("git", "config", "user.name", e.user)
		return
	case 1:
		e.run("git", "commit", "-q", "--allow-empty", "-m", text)
		return
	case 2:
		e.run("sed", "-i", "s/.*/"+strings.TrimSpace(text)+"/", file)
	case 3: // as vim does where it makes a backup
		e.run("vim.tiny", "-u", "NONE", "-es", "-c", "set backup backupcopy=no", "-c", "%s/.*/"+strings.TrimSpace(text)+"/", "-c", "wq", file)
	case 4:
		e.run("vim.tiny", "-u", "NONE", "-es", "-c", "set backupcopy=yes", "-c", "%s/.*/"+strings.TrimSpace(text)+"/", "-c", "wq", file)
	case 5: // as npm login and most agents
		e.check(os.WriteFile(filepath.Join(e.dir, file+".tmp"), []byte(text), 0o600))
		e.check(os.Rename(filepath.Join(e.dir, file+".tmp"), filepath.Join(e.dir, file)))
	case 6:
		e.check(os.WriteFile(filepath.Join(e.dir, file), []byte(text), 0o644))
	}
	e.want[file] = text
}

// probe has the command look whether the masks are on.
func (e *editing) probe() {
	e.t.Helper()
	probe := filepath.Join(e.dir, "probe")
	e.check(os.WriteFile(probe, nil, 0o644))
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Lstat(probe); os.IsNotExist(err) {
			return
		}
		if time.Now().After(end) {
			e.t.Fatal("a mask is off, or the command has ended")
		}
	}
}

// compare looks whether all is as it was written.
func (e *editing) compare() {
	e.t.Helper()
	for name, want := range e.want {
		got, err := os.ReadFile(filepath.Join(e.dir, name))
		if err != nil || string(got) != want {
			e.t.Errorf("%s is %q, want %q: %v", name, got, want, err)
		}
	}
	cmd := exec.Command("git", "config", "user.name")
	cmd.Dir, cmd.Env = e.dir, e.env
	if out, err := cmd.Output(); err != nil || strings.TrimSpace(string(out)) != e.user {
		e.t.Errorf("user.name is %q, want %q: %v", out, e.user, err)
	}
}

// TestMasksWithoutReports takes inotify away: the names are looked at, which is said.
func TestMasksWithoutReports(t *testing.T) {
	needNamespaces(t)
	dir := filepath.Join(t.TempDir(), "project")
	e := editing{t: t, dir: dir, env: os.Environ()}
	e.check(os.MkdirAll(dir, 0o755))
	e.check(os.WriteFile(filepath.Join(dir, ".env"), []byte("TOKEN=hunter2\n"), 0o644))
	e.check(os.WriteFile(filepath.Join(dir, "CLAUDE.md"), []byte("0\n"), 0o644))
	e.check(os.WriteFile(filepath.Join(dir, ".envrc"), []byte("0\n"), 0o644))
	for _, name := range []string{".git/config", ".husky/pre-commit"} {
		e.check(os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o555))
	}
	script := `echo 0 > /proc/sys/user/max_inotify_instances && exec "$0" run -- sh -c "$1"`
	box := exec.Command("unshare", "-Ur", "sh", "-c", script, tool(t, "sbx"), editorsProbe)
	var said bytes.Buffer
	box.Dir, box.Stdout, box.Stderr = dir, &said, &said
	e.check(box.Start())
	if !appeared(filepath.Join(dir, "started")) {
		t.Fatalf("the command does not run: %s", &said)
	}
	for n := range 5 {
		file := []string{".env", "CLAUDE.md"}[n%2]
		e.check(os.WriteFile(filepath.Join(dir, "new"), []byte("TOKEN=hunter2\n"), 0o644))
		e.check(os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, file)))
		e.probe()
		time.Sleep(200 * time.Millisecond) // as long as the looks that the kernel's reports would do without
	}
	e.check(os.WriteFile(filepath.Join(dir, "end"), nil, 0o644))
	if err := box.Wait(); err != nil || !strings.Contains(said.String(), "checked every") {
		t.Errorf("%v: %s", err, &said)
	}
}

// TestProjectInMemory: a project below /dev, which the sandbox has one of its own of, with
// names that are masked.
func TestProjectInMemory(t *testing.T) {
	needNamespaces(t)
	dir, err := os.MkdirTemp("/dev/shm", "sbx-test")
	if err != nil {
		skip(t, "no /dev/shm: %v", err)
	}
	defer os.RemoveAll(dir)
	e := editing{t: t, dir: dir, env: append(os.Environ(), "HOME="+t.TempDir())}
	e.run("git", "init", "-q", ".")
	e.check(os.WriteFile(filepath.Join(dir, ".env"), []byte("TOKEN=hunter2\n"), 0o644))
	cmd := exec.Command(tool(t, "sbx"), "run", "--", "sh", "-c", "cat .env; echo x >> .git/config; mkdir -p sub/.vscode; echo > sub/.vscode/tasks.json; echo done")
	cmd.Dir, cmd.Env = dir, e.env
	out, err := cmd.Output()
	if err != nil || string(out) != "done\n" {
		t.Errorf("%v: %q", err, out)
	}
	if _, err := os.Lstat(filepath.Join(dir, "sub/.vscode")); err == nil {
		t.Error("what the command left is there")
	}
}

// TestSettingsAtOnce sets what git obeys, several times in a row, when sbx run -d has just
// returned. The command waits, so it cannot have done it, and all is kept.
func TestSettingsAtOnce(t *testing.T) {
	needNamespaces(t)
	if _, err := exec.LookPath("git"); err != nil {
		skip(t, "no git")
	}
	home := t.TempDir()
	env := append(os.Environ(), "HOME="+home, "XDG_STATE_HOME=", "XDG_RUNTIME_DIR=", "GIT_CONFIG_GLOBAL=/dev/null")
	for n := range 10 {
		e := editing{t: t, dir: filepath.Join(home, fmt.Sprint("project", n)), env: env}
		e.check(os.Mkdir(e.dir, 0o755))
		for name, text := range map[string]string{".env": "TOKEN=hunter2\n", "CLAUDE.md": "old\n", ".envrc": "old\n"} {
			e.check(os.WriteFile(filepath.Join(e.dir, name), []byte(text), 0o644))
		}
		e.run("git", "init", "-q", ".")
		e.run("git", "remote", "add", "origin", "https://example.com/x")
		name := fmt.Sprintf("at-once-%d-%d", os.Getpid(), n)
		e.run(tool(t, "sbx"), "run", "-d", "--name", name, "--", "sleep", "1000")
		t.Cleanup(func() { e.output(tool(t, "sbx"), "rm", "-f", name) })
		e.run("git", "config", "core.pager", "less")
		e.run("git", "config", "alias.x", "!y")
		e.run("git", "config", "core.fsmonitor", "mine")
		e.run("sed", "-i", "s/old/new/", "CLAUDE.md", ".envrc")
		if said := e.output(tool(t, "sbx"), "exec", name, "true"); said != "" {
			t.Errorf("it does not run: %s", said)
		}
		said := e.output(tool(t, "sbx"), "stop", "-t", "1", name) + e.output(tool(t, "sbx"), "logs", name)
		if strings.Contains(said, "moved aside") || strings.Contains(said, "look at") || strings.Contains(said, "took") {
			t.Errorf("the %dth time: %s", n, said)
		}
		config := e.output("git", "config", "--list", "--local")
		for _, want := range []string{"core.pager=less", "alias.x=!y", "core.fsmonitor=mine", "remote.origin.url=https://example.com/x"} {
			if !strings.Contains(config, want+"\n") {
				t.Errorf("the %dth time, no %s in %s", n, want, config)
			}
		}
		for _, name := range []string{"CLAUDE.md", ".envrc"} {
			if text, err := os.ReadFile(filepath.Join(e.dir, name)); err != nil || string(text) != "new\n" {
				t.Errorf("the %dth time, %s: %q, %v", n, name, text, err)
			}
		}
	}
}

func (e *editing) output(name string, args ...string) string {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = e.dir, e.env
	out, _ := cmd.CombinedOutput() // of a sandbox that may have ended
	return string(out)
}

// TestSecretsReplaced replaces secrets in a home that is shown writable. They are hidden all
// the time, and neither moved aside nor reported.
func TestSecretsReplaced(t *testing.T) {
	needNamespaces(t)
	home := t.TempDir()
	e := editing{t: t, dir: filepath.Join(home, "project"), env: append(os.Environ(), "HOME="+home, "XDG_STATE_HOME=", "XDG_RUNTIME_DIR=")}
	for name, text := range map[string]string{"project/x": "", ".netrc": "hunter2", ".ssh/id": "hunter2", "new/id": "hunter2"} {
		e.check(os.MkdirAll(filepath.Dir(filepath.Join(home, name)), 0o700))
		e.check(os.WriteFile(filepath.Join(home, name), []byte(text), 0o600))
	}
	name := fmt.Sprintf("replaced-%d", os.Getpid())
	e.run(tool(t, "sbx"), "run", "-d", "--name", name, "--rw", home, "--", "sleep", "1000")
	t.Cleanup(func() { e.output(tool(t, "sbx"), "rm", "-f", name) })
	e.run("sh", "-c", "cd ..; echo hunter2 > n; mv n .netrc; mv .ssh old; mv new .ssh")
	if seen := e.output(tool(t, "sbx"), "exec", name, "sh", "-c", "cat ~/.netrc ~/.ssh/id; echo done"); strings.Contains(seen, "hunter2") || !strings.Contains(seen, "done") {
		t.Errorf("seen: %s", seen)
	}
	said := e.output(tool(t, "sbx"), "stop", "-t", "1", name) + e.output(tool(t, "sbx"), "logs", name)
	if strings.Contains(said, "moved aside") || strings.Contains(said, ".netrc (") {
		t.Error(said)
	}
	for _, name := range []string{".netrc", ".ssh/id"} {
		if _, err := os.Stat(filepath.Join(home, name)); err != nil {
			t.Error(err)
		}
	}
}
