package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// shown is a Host that was probed for a project, and how it is shown.
func shown(t *testing.T, project string, change func(*Spec)) (done Spec, notes []string) {
	t.Helper()
	s := build("true")
	s.Project = project
	change(&s)
	h, err := Probe(s)
	if err != nil {
		t.Fatal(err)
	}
	done, notes, err = Complete(s, h)
	if err != nil {
		t.Fatal(err)
	}
	return done, notes
}

func nothing(*Spec) {}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestClosedSecret: its owner can open it again, and so can the command.
func TestClosedSecret(t *testing.T) {
	dir := t.TempDir()
	env := write(t, filepath.Join(dir, ".env"), "TOKEN=x")
	if err := os.Chmod(env, 0); err != nil {
		t.Fatal(err)
	}
	if s, _ := shown(t, dir, nothing); !slices.Contains(s.OCI.Linux.MaskedPaths, env) {
		t.Errorf("%s is not hidden", env)
	}
}
