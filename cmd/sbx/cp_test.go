package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sbxrun/sbx/cmd/internal/testenv"
)

// TestSecurityCopyRaced copies out of a sandbox and into it while it swaps directories for
// links to what the host has, on both sides. Nothing is read or written there.
func TestSecurityCopyRaced(t *testing.T) {
	dir, sbx := lives(t)
	canary := t.TempDir()
	for name, text := range map[string]string{canary + "/f": "CANARY", canary + "/sub/f": "CANARY", dir + "/ours/f": "good", dir + "/ours/sub/f": "good", dir + "/good/f": "good", dir + "/good/sub/f": "good"} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	sbx("run", "-d", "--name", "evil", "-v", tool(t, "hostile")+":/tmp/hostile:ro", "--", "sh", "-c",
		"cp -r good /tmp/theirs; for d in /tmp/theirs /tmp/theirs/sub ours ours/sub; do /tmp/hostile swap $d "+canary+" & done; : >swaps; wait")
	defer sbx("rm", "-f", "evil")
	until(t, "what the sandbox does", func() bool { _, err := os.Stat(dir + "/swaps"); return err == nil })
	copies := 0
	try := func(args ...string) {
		cmd := exec.Command(tool(t, "sbx"), append([]string{"cp"}, args...)...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err == nil {
			copies++
		}
		if bytes.Contains(out, []byte("CANARY")) || bytes.Contains(out, []byte("goroutine")) {
			t.Errorf("sbx cp %q: %s", args, out)
		}
	}
	const tries = 30
	for i := range tries {
		out := t.TempDir()
		try("evil:/tmp/theirs/.", out)
		try("-L", "evil:/tmp/theirs", out+"/L")
		try("evil:/tmp/theirs/sub/f", out+"/sub-f")
		try("good/.", "evil:/tmp/theirs")
		try("good/f", "evil:/tmp/theirs/sub/f")
		try("evil:/etc/passwd", "ours/passwd")
		try("evil:/etc/passwd", "ours/sub")
		try("good/sub", "evil:/tmp/stolen")
		try("ours/sub/.", "evil:/tmp/stolen")
		try("ours/f", fmt.Sprint("evil:/tmp/stolen", i))
		try("-", "evil:/tmp/theirs")
		checkNoCanary(t, out)
	}
	out := t.TempDir()
	try("evil:/tmp/stolen", out)
	for i := range tries {
		try(fmt.Sprint("evil:/tmp/stolen", i), out)
	}
	checkNoCanary(t, out)
	entries, err := os.ReadDir(canary)
	if b, e := os.ReadFile(canary + "/f"); err != nil || e != nil || len(entries) != 2 || string(b) != "CANARY" {
		t.Errorf("the canary: %v, %q", entries, b)
	}
	if copies < tries {
		t.Errorf("only %d copies were whole", copies)
	}
	t.Logf("%d of %d copies were whole", copies, 12*tries+1)
}

func checkNoCanary(t *testing.T, dir string) {
	t.Helper()
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte("CANARY")) {
			t.Errorf("%s is the host's", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestCopyInterrupted: who interrupts a copy leaves no half of a file, and who kills it no
// process.
func TestCopyInterrupted(t *testing.T) {
	dir, sbx := lives(t)
	sbx("run", "-d", "--name", "box", "--", "sleep", "60")
	defer sbx("rm", "-f", "box")
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		cmd := exec.Command(tool(t, "sbx"), "cp", "-", "box:/tmp")
		var said bytes.Buffer
		cmd.Dir, cmd.Stderr = dir, &said
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		w := tar.NewWriter(in)
		if err := w.WriteHeader(&tar.Header{Name: "half", Size: 10 << 20, Mode: 0o600}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(bytes.Repeat([]byte("x"), 3<<20)); err != nil {
			t.Fatal(err)
		}
		half := func() bool {
			return strings.Contains(copied(t, dir, "box:/tmp/half"), "xxx")
		}
		until(t, "half of the file", half)
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		err = cmd.Wait()
		if sig == syscall.SIGKILL {
			testenv.Gone(t, "beside receive none")
			continue
		}
		if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 125 || said.String() != "sbx: interrupted\n" {
			t.Errorf("%v: %v, %q", sig, err, said.String())
		}
		if half() {
			t.Errorf("%v leaves half a file", sig)
		}
	}
}

// copied is the beginning of what is copied as a tar, or nothing.
func copied(t *testing.T, dir, from string) string {
	t.Helper()
	cmd := exec.Command(tool(t, "sbx"), "cp", from, "-")
	cmd.Dir = dir
	out, _ := cmd.Output() // it may not be there
	return string(out)
}

// TestCopyFails: a side that cannot go on is told of once, and the other ends with it.
func TestCopyFails(t *testing.T) {
	dir, sbx := lives(t)
	sbx("run", "-d", "--name", "box", "--tmpfs", "/tmp/small:size=1m", "--", "sh", "-c",
		"mkdir -p /tmp/d; i=0; while test $i -lt 40; do : >/tmp/d/$i; chmod 0 /tmp/d/$i; i=$((i+1)); done; head -c 5000000 /dev/zero | tr '\\0' x >/tmp/big; : >/tmp/ready; sleep 60")
	defer sbx("rm", "-f", "box")
	until(t, "what the sandbox does", func() bool { return copied(t, dir, "box:/tmp/ready") != "" })
	sbx("cp", "box:/tmp/big", "big")
	for _, row := range []struct {
		args []string
		want string
	}{
		{[]string{"big", "box:/tmp/small"}, `sbx: "big": no space left on device` + "\n"},
		{[]string{"box:/tmp/big", "shut"}, `sbx: "big": permission denied` + "\n"},
		{[]string{"box:/tmp/big", "/dev/full"}, `sbx: "/dev/full" is no regular file` + "\n"},
	} {
		if err := os.Mkdir(dir+"/shut", 0o500); err != nil && !os.IsExist(err) {
			t.Fatal(err)
		}
		cmd := exec.Command(tool(t, "sbx"), append([]string{"cp"}, row.args...)...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 125 || !matches(row.want, string(out)) {
			t.Errorf("%q: %v, %q", row.args, err, out)
		}
	}
	if strings.Contains(copied(t, dir, "box:/tmp/small"), "xxx") {
		t.Error("half a file is left")
	}
	// Root of the sandbox may read what is shut to its owner.
	sbx("cp", "box:/tmp/d", "d")
	if entries, err := os.ReadDir(dir + "/d"); err != nil || len(entries) != 40 {
		t.Errorf("%d, %v", len(entries), err)
	}
	// What cannot be read here is told of twenty times at most.
	cmd := exec.Command(tool(t, "sbx"), "cp", "d", "box:/tmp/back")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if lines := strings.Count(string(out), "\n"); err == nil || lines != 21 || !strings.HasSuffix(string(out), "sbx: and 20 more\n") {
		t.Errorf("%v, %q", err, out)
	}
}
