package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// An example of the docs is a line behind "$ " in a block of type console, and
// what it prints is what follows. A line of three dots stands for any lines.
type example struct {
	file    string
	line    int
	command string
	want    []string
}

func examples(t *testing.T, file string) (found []example) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	inside := false
	for i, line := range strings.Split(string(b), "\n") {
		switch {
		case strings.HasPrefix(line, "```"):
			inside = line == "```console"
		case !inside:
		case strings.HasPrefix(line, "$ "):
			found = append(found, example{file: file, line: i + 1, command: line[2:]})
		case len(found) > 0:
			last := &found[len(found)-1]
			last.want = append(last.want, line)
		}
	}
	return found
}

// TestDocs runs every example of the README and the docs, in order, in a home
// with the things in it that they speak of.
func TestDocs(t *testing.T) {
	root, image := needDebian(t), needImage(t)
	needWorld(t) // for --net user
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Dir(tool(t, "sbx"))
	n := 0
	for _, file := range append(files, "../../README.md") {
		home := t.TempDir()
		work := filepath.Join(home, "project")
		for name, text := range map[string]string{
			".ssh/id_ed25519": "PRIVATE KEY\n", "tools/hello": "#!/bin/sh\necho hello from a tool\n",
			"project/Makefile": "all:\n\t@echo built > out; echo built\n", "project/.env": "TOKEN=secret\n",
		} {
			path := filepath.Join(home, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink(root, filepath.Join(home, "debian")); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(home, "images"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(image, filepath.Join(home, "images/debian")); err != nil {
			t.Fatal(err)
		}
		runtime := filepath.Join(home, "runtime")
		if err := os.Mkdir(runtime, 0o700); err != nil {
			t.Fatal(err)
		}
		shell := func(command string) ([]byte, error) {
			cmd := exec.Command("sh", "-c", command)
			cmd.Dir = work
			cmd.Env = append(os.Environ(), "HOME="+home, "XDG_RUNTIME_DIR="+runtime, "PATH="+bin+":"+os.Getenv("PATH"))
			return cmd.CombinedOutput()
		}
		if out, err := shell("sbx run -q -- true"); err != nil { // the first says what is hidden
			t.Fatalf("%v: %s", err, out)
		}
		for _, e := range examples(t, file) {
			n++
			out, err := shell(e.command)
			if err := e.check(string(out), err); err != nil {
				t.Errorf("%s:%d: $ %s\n%v", e.file, e.line, e.command, err)
			}
		}
		if out, err := shell("sbx ps -aq"); err != nil || len(out) > 0 {
			t.Errorf("%s leaves sandboxes: %s, %v", file, out, err)
		}
		// What belongs to subordinate ids is not the test's to remove.
		if out, err := shell("sbx images -q | xargs -r sbx image rm"); err != nil {
			t.Errorf("remove the images: %v: %s", err, out)
		}
	}
	if n < 20 {
		t.Errorf("only %d examples were found", n)
	}
}

// check compares what an example printed with what the docs say. A command that
// fails must say so by a last line "exit code N".
func (e example) check(got string, err error) error {
	if exit, ok := err.(*exec.ExitError); ok {
		got += fmt.Sprintf("exit code %d\n", exit.ExitCode())
	} else if err != nil {
		return err
	}
	var pattern strings.Builder
	pattern.WriteString("^")
	for _, line := range e.want {
		if line == "..." {
			pattern.WriteString("(?s:.*)")
			continue
		}
		pattern.WriteString(regexp.QuoteMeta(line) + "\n")
	}
	pattern.WriteString("$")
	want := strings.TrimRight(strings.Join(e.want, "\n"), "\n")
	if !regexp.MustCompile(strings.Replace(pattern.String(), `\n$`, `\n$`, 1)).MatchString(got) {
		return fmt.Errorf("printed\n%s\nwant\n%s", got, want)
	}
	return nil
}
