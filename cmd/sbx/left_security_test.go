package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// leftRows leave what the caller may not move.
var leftRows = []row{
	{id: "left-owner", group: "run later", tries: "plant a file in a directory that is given to another id", views: rootfsOnly,
		cmd: []string{"sh", "-c", "mkdir -p d/e; echo OWNED > d/.envrc; mkdir d/e/.vscode; echo OWNED > d/e/.vscode/tasks.json; chown -R 1000:1000 d 2>/dev/null; echo TRIED: planted"},
		judge: func(s *scene) string {
			defer exec.Command(s.vars["SBX"], "unshare", "rm", "-rf", s.path("{PROJECT}/d")).Run() // the test may not
			for _, name := range []string{"d/.envrc", "d/e/.vscode/tasks.json"} {
				if s.has("{PROJECT}/"+name, "OWNED") {
					return name + " was planted"
				}
			}
			return ""
		}},
}

// TestSecurityMovedIsTrue: that something was moved aside is said where it was, and what
// was not moved is said as that, with exit code 125.
func TestSecurityMovedIsTrue(t *testing.T) {
	dir, _ := lives(t)
	state := filepath.Join(t.TempDir(), "state")
	t.Setenv("XDG_STATE_HOME", state)
	run := func(line string) (string, int) {
		t.Helper()
		cmd := exec.Command(tool(t, "sbx"), "run", "--receipt", "r.json", "--", "sh", "-c", line)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if exit, ok := err.(*exec.ExitError); ok {
			return string(out), exit.ExitCode()
		} else if err != nil {
			t.Fatal(err)
		}
		return string(out), 0
	}
	if out, code := run("echo > .envrc; mkdir a; echo > a/.envrc; exit 3"); code != 3 || strings.Count(out, "moved aside ") != 2 || strings.Contains(out, "not moved") {
		t.Errorf("%d: %s", code, out)
	}
	// The directory that takes them is closed.
	if err := os.Chmod(state+"/sbx", 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(state+"/sbx", 0o700)
	out, code := run("echo > .envrc; n=$(printf 'x\\ny'); mkdir \"$n\"; echo > \"$n/.envrc\"")
	if code != exitFailed || strings.Contains(out, "sbx: moved aside") || strings.Count(out, "was not moved aside") != 2 || strings.Contains(out, "\ny/") || !strings.Contains(out, `x\ny/.envrc was not`) {
		t.Errorf("%d: %s", code, out)
	}
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "sbx: ") || strings.Count(line, "was not moved") > 1 {
			t.Errorf("a line is %q", line)
		}
	}
	if b, err := os.ReadFile(dir + "/r.json"); err != nil || bytes.Contains(b, []byte(`"runLater"`)) || !bytes.Contains(b, []byte(`"runLaterUnmoved"`)) {
		t.Errorf("the receipt says %s, %v", b, err)
	}
}

// TestSecurityNoticesKept: what a sandbox left that goes with its log is said by the next
// command that looks for it, once, and kept for a terminal.
func TestSecurityNoticesKept(t *testing.T) {
	dir, sbx := lives(t)
	state := filepath.Join(t.TempDir(), "state")
	t.Setenv("XDG_STATE_HOME", state)
	kept := func() bool {
		files, err := filepath.Glob(state + "/sbx/notices/*.txt")
		return err == nil && len(files) == 1
	}
	said := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(tool(t, "sbx"), args...)
		cmd.Dir = dir
		var out bytes.Buffer
		cmd.Stderr = &out
		if err := cmd.Run(); err != nil {
			t.Fatalf("%q: %v\n%s", args, err, out.String())
		}
		return out.String()
	}
	sbx("run", "-d", "--rm", "--name", "clean", "--", "sh", "-c", "cat go >/dev/null 2>&1")
	until(t, "its end", func() bool { return !strings.Contains(sbx("ps", "-a"), "clean") })
	if out := said("ps"); out != "" {
		t.Errorf("of one that left nothing: %s", out)
	}
	sbx("run", "-d", "--rm", "--name", "gone", "--", "sh", "-c", "mkdir sub; n=$(printf 'sub/a\\033[2J'); mkdir \"$n\"; echo > \"$n/.envrc\"; cp /bin/true sub/s; chmod u+s sub/s")
	until(t, "its notice", kept)
	out := said("ps")
	for _, want := range []string{"sandbox gone (", "moved aside ", `a\x1b[2J/.envrc`, "they are in ", "setuid"} {
		if !strings.Contains(out, want) {
			t.Errorf("ps says nothing of %q: %s", want, out)
		}
	}
	if out := said("ps"); out != "" || !kept() { // no terminal has shown it
		t.Errorf("again: %q, kept %v", out, kept())
	}
	sbx("run", "-d", "--name", "forced", "--", "sh", "-c", "mkdir forced; echo > forced/.envrc; : > made; exec sleep 100")
	until(t, "the file", func() bool { _, err := os.Stat(dir + "/made"); return err == nil })
	if out := said("rm", "-f", "forced"); !strings.Contains(out, "forced/.envrc") {
		t.Errorf("rm -f says nothing: %s", out)
	}
}
