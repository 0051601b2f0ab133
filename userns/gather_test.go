package userns

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sbxrun/sbx/idmap"
)

// TestGather shows some names of a directory. One that is gone is left away, one that
// became a link fails, and a name that the host makes anew uncovers nothing.
func TestGather(t *testing.T) {
	needNamespaces(t)
	dir := t.TempDir()
	for _, name := range []string{"file", "dir/x", "secret"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	gather := func(parts ...Part) Plan {
		uid, gid := uint32(os.Getuid()), uint32(os.Getgid())
		return Plan{User | Mounts, []Step{
			DieWithSupervisor{}, MapSelf{idmap.Single(uid, uid), idmap.Single(gid, gid)}, Seal{},
			Mount{Type: "tmpfs", Target: "/proc"}, Gather{Source: dir, At: "/proc", Parts: parts},
			Take{Source: "/proc", Attr: ReadOnly, As: "shown"}, Unmount{Target: "/proc"}, Attach{From: "shown", Target: dir},
			AwaitSupervisor{}, Stdio{}, RestoreSignals{}, Exec{Paths: []string{"/bin/sh"}, Argv: []string{"sh", "-c", `cd "$1" && cat file dir/x point && ls secret gone 2>/dev/null; readlink link; : > new`, "sh", dir}},
		}}
	}
	out, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	p, err := gather(Part{Path: "file", Bound: true}, Part{Path: "dir", Dir: true}, Part{Path: "dir/x", Bound: true}, Part{Path: "gone", Bound: true},
		Part{Path: "link", Link: "secret"}, Part{Path: "point"}).Start(Input{Stdout: out})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	b, _ := os.ReadFile(out.Name())
	if got := string(b); got != "filedir/xsecret\n" {
		t.Errorf("it saw %q", got)
	}
	if _, err := os.Lstat(filepath.Join(dir, "new")); err == nil {
		t.Error("it was writable")
	}
	if err := os.Symlink("dir", filepath.Join(dir, "swapped")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"swapped", "swapped/x", "../x"} {
		_, err = gather(Part{Path: name, Bound: true, Dir: true}).Start(Input{})
		if err == nil || !strings.Contains(err.Error(), "gather") {
			t.Errorf("%s: error %v, want one of the step", name, err)
		}
	}
}
