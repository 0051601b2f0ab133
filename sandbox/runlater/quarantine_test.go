package runlater

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// tree lists what is below a directory, with modes of files.
func treeOf(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		out = append(out, strings.TrimPrefix(path, dir+"/")+" "+info.Mode().String())
		return err
	}))
	return out
}

func plant(t *testing.T, dir string) {
	t.Helper()
	write(t, dir, "a/.vscode/deep/tasks.json", "{}")
	link(t, "/etc/passwd", filepath.Join(dir, "a/.vscode/link"))
	write(t, dir, ".envrc", "evil")
	must(t, os.Chmod(filepath.Join(dir, ".envrc"), 0o750))
	link(t, "/etc", filepath.Join(dir, ".cursor"))
	write(t, dir, "shut/.idea/x", "")
	must(t, os.Chmod(filepath.Join(dir, "shut/.idea"), 0o555))
	must(t, os.Chmod(filepath.Join(dir, "shut"), 0o555))
}

var planted = []string{
	".cursor.moved Lrwxrwxrwx", ".envrc.moved -rwxr-x---", "a/.vscode.moved/deep/tasks.json -rw-r--r--",
	"a/.vscode.moved/link Lrwxrwxrwx", "shut/.idea.moved/x -rw-r--r--",
}

// Quarantine is Move with one error.
func (r Report) Quarantine(state string) (dir string, err error) {
	dir, failed := r.Move(state)
	var errs []error
	for i, err := range failed {
		if err != nil {
			errs = append(errs, fmt.Errorf("%q: %w", join(r.Findings[i].Root, r.Findings[i].Path), err))
		}
	}
	return dir, errors.Join(errs...)
}

func TestQuarantine(t *testing.T) {
	dir, state := tempDir(t), filepath.Join(tempDir(t), "state")
	if at, err := (Report{}).Quarantine(state); at != "" || err != nil {
		t.Error(at, err)
	}
	g := find(t, dir)
	plant(t, dir)
	r := check(t, g)
	at, err := r.Quarantine(state)
	if err != nil {
		t.Error(err)
	}
	want(t, treeOf(t, filepath.Join(at, dir)), planted...)
	want(t, treeOf(t, dir))
	want(t, found(check(t, g)))
	if info, err := os.Stat(at); err != nil || info.Mode().Perm() != 0o700 || filepath.Dir(at) != state {
		t.Error(at, info, err)
	}
	if info, err := os.Stat(filepath.Join(dir, "shut")); err != nil || info.Mode().Perm() != 0o555 {
		t.Error("the mode was not put back", info, err)
	}
	// Again: another directory, nothing to be found where it says.
	if again, err := r.Quarantine(state); again == at || err != nil {
		t.Error(again, err)
	}
}

func TestQuarantineElsewhere(t *testing.T) {
	state, err := os.MkdirTemp("/dev/shm", "runlater")
	if err != nil {
		skip(t, err)
	}
	defer os.RemoveAll(state)
	dir := tempDir(t)
	var a, b unix.Statx_t
	must(t, statAt(unix.AT_FDCWD, state, &a))
	must(t, statAt(unix.AT_FDCWD, dir, &b))
	if a.Dev_minor == b.Dev_minor && a.Dev_major == b.Dev_major {
		skip(t, "one file system")
	}
	g := find(t, dir)
	plant(t, dir)
	must(t, os.Mkdir(filepath.Join(dir, "a/.fleet"), 0o755))
	must(t, unix.Mkfifo(filepath.Join(dir, "a/.fleet/fifo"), 0o600))
	at, err := check(t, g).Quarantine(state)
	if err == nil || !strings.Contains(err.Error(), "a/.fleet") || !strings.Contains(err.Error(), "left beside as .sbx-moved-") {
		t.Errorf("a FIFO was copied: %v", err)
	}
	want(t, treeOf(t, filepath.Join(at, dir)), planted...)
	if left := treeOf(t, dir); len(left) != 1 {
		t.Errorf("left: %q", left)
	}
	want(t, found(check(t, g)))
	names, err := filepath.Glob(filepath.Join(dir, "a/.sbx-moved-*/fifo"))
	if err != nil || len(names) != 1 {
		t.Error(names, err)
	}
}

// TestRace: somebody swaps a directory for a link to one outside, while the walk
// and the quarantine go on.
func TestRace(t *testing.T) {
	dir, outside, state := tempDir(t), tempDir(t), tempDir(t)
	write(t, outside, ".envrc", "mine")
	write(t, outside, "sub/.vscode/x", "mine")
	write(t, outside, "sub/suid", "mine")
	must(t, os.Chmod(filepath.Join(outside, "sub/suid"), 0o755|os.ModeSetuid))
	link(t, outside, filepath.Join(dir, "link"))
	g := find(t, dir)
	// As new as can be: only that it is not looked at keeps it.
	must(t, os.Chmod(filepath.Join(outside, ".envrc"), 0o600))
	must(t, os.Chmod(filepath.Join(outside, "sub/suid"), 0o755|os.ModeSetuid))
	before := snapshot(t, outside)

	write(t, dir, "swapped/sub/suid", "")
	stop := make(chan struct{})
	var attacker sync.WaitGroup
	attacker.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				_ = unix.Renameat2(unix.AT_FDCWD, dir+"/link", unix.AT_FDCWD, dir+"/swapped", unix.RENAME_EXCHANGE)
			}
		}
	})
	moved, rounds := 0, 2000
	for range rounds {
		for _, n := range []string{"link", "swapped"} {
			if info, err := os.Lstat(filepath.Join(dir, n)); err == nil && info.IsDir() {
				if fd, err := openRoot(filepath.Join(dir, n)); err == nil {
					_ = unix.Mkdirat(fd, "sub", 0o755)
					if at, err := openAt(fd, ".envrc", unix.O_CREAT|unix.O_WRONLY|unix.O_EXCL); err == nil {
						unix.Close(at)
					}
					unix.Close(fd)
				}
			}
		}
		r, err := g.Check()
		must(t, err)
		at, _ := r.Quarantine(state)
		if at != "" {
			moved++
			must(t, os.RemoveAll(at))
		}
	}
	close(stop)
	attacker.Wait()
	if after := snapshot(t, outside); after != before {
		t.Errorf("outside was touched:\n%s\n%s", before, after)
	}
	if moved == 0 {
		t.Error("nothing was ever found")
	}
	t.Logf("%d of %d rounds moved something", moved, rounds)
}
