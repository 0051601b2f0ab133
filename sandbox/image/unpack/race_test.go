package unpack

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestSecurityRace: somebody swaps directories for links to the canary meanwhile.
func TestSecurityRace(t *testing.T) {
	var items []item
	for i := range 200 {
		d := fmt.Sprintf("a/b/%d", i%3)
		items = append(items, directory(d), file(d+"/file", "x"), link(d+"/l", "x"), hard(d+"/h", d+"/file"), file(d+"/.wh.w", ""), directory(d+"/dir").mode(0o711),
			file(d+"/dir/file", "y"), file(d+"/dir", "z"), file("other", ""))
	}
	layer := archive(t, items...)
	y := newYard(t)
	defer y.remove()
	fd := openAs(t, y.target)
	defer unix.Close(fd)
	stop, swapped := make(chan struct{}), 0
	var swapping sync.WaitGroup
	swapping.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
				swapped += swap(y, n)
				if n%4 == 0 { // or no layer would come far
					time.Sleep(100 * time.Microsecond)
				}
			}
		}
	})
	whole, entries := 0, int64(0)
	for range 300 {
		report, err := Unpack(fd, bytes.NewReader(layer), Options{Squash: os.Getenv(inside) == ""})
		if entries += report.Entries; err == nil {
			whole++
		}
	}
	close(stop)
	swapping.Wait()
	y.check(t)
	t.Logf("%d swaps during %d entries; %d layers of 300 were unpacked whole", swapped, entries, whole)
}

// swap puts a link where a directory is, and the directory back.
func swap(y yard, n int) int {
	dir := filepath.Join(y.target, []string{"a", "a/b", "a/b/0", "a/b/1/dir"}[n%4])
	trap, aside := filepath.Join(y.target, "trap"), filepath.Join(y.target, "aside")
	_ = os.Symlink(y.canary, trap)
	if unix.Renameat2(unix.AT_FDCWD, dir, unix.AT_FDCWD, trap, unix.RENAME_EXCHANGE) != nil {
		return 0
	}
	_ = os.Rename(dir, aside)
	_ = os.Rename(trap, dir)
	_ = os.Remove(aside)
	return 1
}
