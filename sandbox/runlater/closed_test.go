package runlater

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestOverrides: a directory that its owner closed before the run is no bar to a command with
// CAP_DAC_OVERRIDE. It has its mode again in the end.
func TestOverrides(t *testing.T) {
	for _, unreliable := range []bool{false, true} {
		dir := tempDir(t)
		for _, name := range []string{"closed/e/.vscode/tasks.json", "old/.envrc", "listed/.envrc"} {
			write(t, dir, name, "mine")
		}
		inside, err := unix.Open(filepath.Join(dir, "closed/e"), unix.O_PATH|unix.O_DIRECTORY, 0) // needs no permission later
		must(t, err)
		defer unix.Close(inside)
		modes := map[string]os.FileMode{"closed": 0, "old": 0, "listed": 0o600}
		for name, mode := range modes {
			must(t, os.Chmod(filepath.Join(dir, name), mode))
			defer os.Chmod(filepath.Join(dir, name), 0o755)
		}
		g := find(t, dir)
		g.Overrides = true
		if unreliable {
			recordAsUnreliable(t, &g)
		}
		fd, err := unix.Openat(inside, ".envrc", unix.O_CREAT|unix.O_WRONLY, 0o644)
		must(t, err)
		unix.Close(fd)
		r := check(t, g)
		planted := []string{"closed/e (doubtful)", "closed/e/.envrc"} // the walk itself changed closed
		if unreliable {
			planted = planted[1:]
		}
		want(t, found(r), planted...)
		if _, err := r.Quarantine(filepath.Join(tempDir(t), "state")); err != nil {
			t.Error(err)
		}
		r.Reclose()
		for name, mode := range modes {
			if info, err := os.Lstat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != mode {
				t.Errorf("%s: %v, %v", name, info, err)
			}
		}
	}
}
