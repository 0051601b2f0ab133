package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestRunIsShell: without a command, and at a terminal, it is the caller's shell.
func TestRunIsShell(t *testing.T) {
	y := shell(t)
	y.Types("SHELL=/bin/bash PS1='inner> ' sbx run -e PS1\n")
	y.Sees("$") // bash reads its own prompt from the system's file, or has this
	y.Types("echo shell is $0 in $SHLVL; exit 3\n")
	y.Sees("shell is /bin/bash")
	y.Sees("outer> ")
	y.Types("echo code $?; SHELL=/nowhere/sh sbx run --dry-run | tail -n 1\n")
	y.Sees("code 3")
	y.Sees("outer> ")
	y.Types("sbx run < /dev/null; echo code $?\n")
	y.Sees("no command to run")
	y.Sees("code 125")
	y.Types("sbx run -d; echo code $?\n")
	y.Sees("no command to run")
}

func TestShellInsideOf(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(root+"/bin/known", nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(root+"/bin/plain", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/bin/sh", root+"/bin/out"); err != nil {
		t.Fatal(err)
	}
	in := runFlags{rootFlags: rootFlags{Rootfs: text(root)}}
	for _, c := range []struct {
		flags       runFlags
		shell, want string
	}{
		{runFlags{}, "/bin/sh", "/bin/sh"}, {runFlags{}, "/bin/cat", "/bin/cat"}, {runFlags{}, "", "/bin/sh"}, {runFlags{}, "sh", "/bin/sh"},
		{runFlags{}, "/home/me/bin/fish", "/bin/sh"}, {runFlags{}, "/bin/../home/x", "/bin/sh"}, {runFlags{}, "/etc/passwd", "/bin/sh"},
		{in, "/bin/known", "/bin/known"}, {in, "/bin/plain", "/bin/sh"}, {in, "/bin/zsh", "/bin/sh"}, {in, "/bin/out", "/bin/sh"},
		{runFlags{rootFlags: rootFlags{Layer: []text{"x"}}}, "/bin/cat", "/bin/sh"},
	} {
		if got := c.flags.shellInside(c.shell); got != c.want {
			t.Errorf("%q: %q, want %q", c.shell, got, c.want)
		}
	}
}
