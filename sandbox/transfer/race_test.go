package transfer

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestSecurityRace: somebody swaps directories and files of the tree for links to a canary
// and for pipes, while it is read and while it is written to (CVE-2018-15664). What is
// behind a link is neither read nor written, and nobody waits.
func TestSecurityRace(t *testing.T) {
	for _, writes := range []bool{false, true} {
		dir := t.TempDir()
		plant(t, dir, "canary/", "canary/f=CANARY", "canary/sub/", "canary/sub/f=CANARY", "tree/", "tree/a/", "tree/a/f=1", "tree/a/sub/", "tree/a/sub/f=2", "tree/a/h=3",
			"good/", "good/a/", "good/a/f=1", "good/a/sub/", "good/a/sub/f=2", "good/a/h=3")
		if err := unix.Mkfifo(dir+"/pipe", 0o600); err != nil {
			t.Fatal(err)
		}
		before := harvest(t, dir+"/canary")
		stop, swaps := make(chan struct{}), 0
		var swapping sync.WaitGroup
		swapping.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
					swaps += swap(dir, n)
				}
			}
		})
		tree := Inside(opened(t, dir+"/tree"))
		const tries = 3000
		begun, done, whole := time.Now(), 0, 0
		for ; done < tries && time.Since(begun) < 4*time.Second; done++ {
			var err error
			if writes {
				_, err = carry(Inside(opened(t, dir+"/good")), "a/.", false, tree, "a", Options{Times: true})
			} else {
				err = readAgain(t, tree)
			}
			if err == nil {
				whole++
			}
		}
		close(stop)
		swapping.Wait()
		if got := harvest(t, dir+"/canary"); !slices.Equal(got, before) {
			t.Errorf("the canary is changed: %q", got)
		}
		if swaps < 100 || whole == 0 || done < 20 {
			t.Errorf("%d swaps, %d of %d were whole: no race", swaps, whole, done)
		}
		t.Logf("writes %v: %d swaps during %d tries, of which %d were whole", writes, swaps, done, whole)
	}
}

func readAgain(t *testing.T, tree Root) error {
	t.Helper()
	out := t.TempDir()
	defer os.RemoveAll(out)
	_, err := carry(tree, "a", false, Host(), out, Options{})
	for _, line := range harvest(t, out) {
		if strings.Contains(line, "CANARY") {
			t.Errorf("it read %q", line)
		}
	}
	return err
}

// swap puts a link to the canary, or a pipe, where something of the tree is, and that back.
func swap(dir string, n int) int {
	what := filepath.Join(dir, "tree", []string{"a", "a/sub", "a/f", "a/sub/f"}[n%4])
	trap := filepath.Join(dir, "trap")
	if n%8 == 2 {
		_ = os.Link(dir+"/pipe", trap)
	} else {
		_ = os.Symlink(filepath.Join(dir, "canary", []string{"", "sub", "f", "sub/f"}[n%4]), trap)
	}
	if unix.Renameat2(unix.AT_FDCWD, what, unix.AT_FDCWD, trap, unix.RENAME_EXCHANGE) != nil {
		_ = os.Remove(trap)
		return 0
	}
	time.Sleep(20 * time.Microsecond)
	if err := unix.Renameat2(unix.AT_FDCWD, what, unix.AT_FDCWD, trap, unix.RENAME_EXCHANGE); errors.Is(err, unix.ENOENT) {
		_ = os.Rename(trap, what) // who wrote has removed the trap
	}
	_ = os.RemoveAll(trap)
	return 1
}
