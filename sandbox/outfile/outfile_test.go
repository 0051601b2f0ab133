package outfile

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func tree(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for _, d := range []string{"p/a/b", "out", "victim"} {
		must(t, os.MkdirAll(d, 0o755))
	}
	must(t, os.WriteFile("p/f", nil, 0o644))
	for to, from := range map[string]string{dir + "/victim": "p/evil", "../victim": "p/evil2", "a": "p/good", "p": "mine", "p/a": "deep", "loop": "loop", dir + "/mine/evil": "far"} {
		must(t, os.Symlink(to, from))
	}
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestLocate(t *testing.T) {
	dir := tree(t)
	for path, want := range map[string]string{
		"p": ".", "p/": ".", "p/.": ".", "p/f": "f", "p/a/b/": "a/b/", "p/a/.": "a/.", "p/new/x": "new/x", "p/evil/x": "evil/x", "p/a/../f": "f",
		"mine/f": "f", "mine/evil/x": "evil/x", "deep/b": "a/b", "far/x": "evil/x", dir + "/mine/": ".", "out/x": "", "out": "", "none/x": "", "p/../out/x": "",
		"deep": "a", "far": "evil",
	} {
		root, rest, err := Locate(path, true, "p", "gone", "")
		got := ""
		if root != nil {
			got = rest
			root.Close()
		}
		if err != nil || got != want || (root != nil) != (want != "") {
			t.Errorf("%s: %q, %v, %v; want %q", path, rest, root != nil, err, want)
		}
	}
	if root, _, err := Locate("deep", false, "p"); root != nil || err != nil {
		t.Errorf("a link at the end is followed: %v", err)
	}
	if _, _, err := Locate("loop/x", true, "p"); err != unix.ELOOP {
		t.Errorf("a loop: %v", err)
	}
}

func TestFile(t *testing.T) {
	tree(t)
	whole := func(f *os.File) error { _, err := f.WriteString("x"); return err }
	for path, refused := range map[string]bool{
		"p/f": false, "p/good/x": false, "mine/x": false, "out/x": false, "p/evil/x": true, "p/evil2/x": true, "mine/evil/x": true, "far/x": true, "p/a": true, "p/": true, "none/x": true,
	} {
		f, err := Open(path, "p")
		if (err != nil) != refused {
			t.Errorf("%s: %v", path, err)
		}
		if err == nil {
			must(t, f.Write(whole))
			f.Close()
		}
	}
	if entries, err := os.ReadDir("victim"); err != nil || len(entries) > 0 {
		t.Errorf("%v, %v", entries, err)
	}

	// What the command does to the path meanwhile.
	must(t, os.Mkdir("p/r", 0o755))
	f, err := Open("p/r/x", "p")
	must(t, err)
	must(t, os.Rename("p/r", "p/moved"))
	must(t, os.Symlink("../victim", "p/r"))
	must(t, os.Symlink("../../victim/x", "p/moved/x"))
	must(t, f.Write(whole))
	if _, err := os.Lstat("victim/x"); err == nil {
		t.Error("a link was followed")
	}
	if info, err := os.Lstat("p/moved/x"); err != nil || !info.Mode().IsRegular() {
		t.Errorf("%v, %v", info, err)
	}
	must(t, os.RemoveAll("p/moved"))
	if err := f.Write(whole); err == nil {
		t.Error("it is written in a directory that was removed")
	}
	f.Close()
	must(t, unix.Mkfifo("p/fifo", 0o600))
	if _, err := Open("p/fifo", "p"); err == nil {
		t.Error("a FIFO is taken for a file")
	}
	f, err = Open("p/log", "p")
	must(t, err)
	defer f.Close()
	must(t, os.Symlink("../victim/log", "p/log"))
	log, err := f.Create()
	must(t, err)
	must(t, whole(log))
	must(t, log.Close())
	if b, err := os.ReadFile("p/log"); err != nil || string(b) != "x" {
		t.Errorf("%q, %v", b, err)
	}
}
