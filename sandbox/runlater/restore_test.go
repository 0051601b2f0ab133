package runlater

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// moveOne makes a file of that path, moves it aside, and gives it as it is listed.
func moveOne(t *testing.T, project, state, path string) Moved {
	t.Helper()
	file := filepath.Join(project, path)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	r := Report{Findings: []Finding{{Root: project, Path: path, Why: "a test"}}}
	dir, failed := r.Move(state)
	if failed[0] != nil {
		t.Fatal(failed[0])
	}
	if err := Index(dir, r.Findings); err != nil {
		t.Fatal(err)
	}
	all, err := ListMoved(state)
	if err != nil || len(all) == 0 {
		t.Fatal(all, err)
	}
	for _, m := range all {
		if m.Dir == dir && m.Path == path && m.Why == "a test" && m.What == "created" {
			return m
		}
	}
	t.Fatalf("%q is not listed: %+v", path, all)
	return Moved{}
}

func TestRestore(t *testing.T) {
	for _, path := range []string{".envrc", "a/b/.envrc", "a\n\xff\x1b/.envrc", ".vscode/" + strings.Repeat("x", 250), "x.moved"} {
		project, state := t.TempDir(), t.TempDir()
		m := moveOne(t, project, state, path)
		if _, text, _, err := m.Content(100); err != nil || string(text) != "text" {
			t.Errorf("%q: %q, %v", path, text, err)
		}
		if _, err := m.Restore(); err != nil {
			t.Errorf("%q: %v", path, err)
		}
		if text, err := os.ReadFile(filepath.Join(project, path)); string(text) != "text" {
			t.Errorf("%q is not back: %v", path, err)
		}
		if all, err := ListMoved(state); err != nil || len(all) != 0 {
			t.Errorf("%q is listed: %v, %v", path, all, err)
		}
	}
}

// TestRestoreReplacesNothing, and follows nothing out of the project or the state directory.
func TestRestoreReplacesNothing(t *testing.T) {
	project, state, outside := t.TempDir(), t.TempDir(), t.TempDir()
	m := moveOne(t, project, state, "sub/.envrc")
	there := filepath.Join(project, "sub/.envrc")
	for _, make := range []func() error{
		func() error { return os.WriteFile(there, []byte("mine"), 0o644) },
		func() error { return os.Symlink(outside+"/x", there) },
		func() error { return os.Mkdir(there, 0o755) },
	} {
		if err := make(); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Restore(); !errors.Is(err, unix.EEXIST) {
			t.Errorf("restored over another: %v", err)
		}
		if err := os.Remove(there); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(project + "/sub"); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Restore(); !errors.Is(err, unix.ENOENT) {
		t.Errorf("restored to no directory: %v", err)
	}
	if err := os.Symlink(outside, project+"/sub"); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Restore(); err == nil {
		t.Error("followed a link of the project")
	}
	// A link where it is now, which what was moved could be or bring.
	m.As = "link/.envrc"
	if err := os.Symlink(outside, m.Dir+"/link"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(outside+"/.envrc", []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, text, _, err := m.Content(100); err == nil {
		t.Errorf("followed a link: %s", text)
	}
	if left, _ := os.ReadDir(outside); len(left) != 1 {
		t.Errorf("outside are %v", left)
	}
}

// TestRestoreOfDirectory: names below that run later keep the suffix, and the directory of
// moved files is closed again.
func TestRestoreOfDirectory(t *testing.T) {
	project, state := t.TempDir(), t.TempDir()
	if err := os.MkdirAll(project+"/.vscode/in", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(project+"/.vscode/in/.envrc", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	r := Report{Findings: []Finding{{Root: project, Path: ".vscode", Why: "a test"}}}
	dir, failed := r.Move(state)
	if failed[0] != nil || Index(dir, r.Findings) != nil || os.Chmod(dir, 0o600) != nil {
		t.Fatal(failed)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) }) // to be removed
	all, err := ListMoved(state)
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	if fi, err := os.Stat(dir); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("it stays open: %v, %v", fi, err)
	}
	kind, _, names, err := all[0].Content(10)
	if kind != "directory" || strings.Join(names, " ") != "in/ in/.envrc.moved" || err != nil {
		t.Error(kind, names, err)
	}
	disarmed, err := all[0].Restore()
	if err != nil || strings.Join(disarmed, " ") != "in/.envrc.moved" {
		t.Error(disarmed, err)
	}
	if _, err := os.Stat(project + "/.vscode/in/.envrc.moved"); err != nil {
		t.Error(err)
	}
}
