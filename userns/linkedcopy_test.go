package userns

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sbxrun/sbx/idmap"
)

// TestLinkedCopy covers a file by a link to a copy: who opens the file writes to the copy and
// can replace that, but not the file, and the link stays.
func TestLinkedCopy(t *testing.T) {
	needNamespaces(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("host's\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	script := `cd "$1" && cat file && echo more >> file && cat file && readlink file && stat -L -c %a file
		to=$(readlink file); echo new > $to.lock && mv $to.lock $to && cat file; ls ${to%/*}/..
		mv file x || rm file || : > y && mv y file || echo kept`
	uid, gid := uint32(os.Getuid()), uint32(os.Getgid())
	plan := Plan{User | Mounts, []Step{
		DieWithSupervisor{}, MapSelf{idmap.Single(uid, uid), idmap.Single(gid, gid)}, Seal{}, Umask{Mask: 0o77},
		Mount{Type: "tmpfs", Target: "/var"}, GiveCopy{Dir: "/var/0", Name: "file", Text: "a copy\n", Mode: 0o640},
		TakeLink{Path: "/var/link", To: "/var/0/file", As: "link"}, Attach{From: "link", Target: file, Exact: true}, Remove{Path: "/var/link"},
		AwaitSupervisor{}, SetCaps{}, Stdio{}, RestoreSignals{},
		Exec{Paths: []string{"/bin/sh"}, Argv: []string{"sh", "-c", script, "sh", dir}, Env: []string{"PATH=/usr/bin:/bin"}},
	}}
	p, err := plan.Start(Input{Stdout: out})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	b, _ := os.ReadFile(out.Name())
	if got := string(b); got != "a copy\na copy\nmore\n/var/0/file\n640\nnew\n0\nkept\n" {
		t.Errorf("it saw %q", got)
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "host's\n" {
		t.Errorf("the file is %q, %v", b, err)
	}
	if words := plan.String(); strings.Contains(words, "a copy\n") {
		t.Errorf("the text is in %s", words)
	}
}
