package layer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ErrBusy says that another sandbox writes to the upper directory. The kernel
// calls two overlays with one upper undefined (overlayfs(5)).
var ErrBusy = errors.New("another sandbox is using it")

// A Kept is an upper directory that outlives the sandbox, while it is in use.
type Kept struct {
	dir  *os.File
	path string
}

// Keep takes the directory for one sandbox. A lock on the directory itself says
// so, which the kernel takes off whatever ends this process.
func Keep(upper string) (*Kept, error) {
	dir, err := os.Open(upper)
	if err != nil {
		return nil, fmt.Errorf("upper directory: %w", err)
	}
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		dir.Close()
		if err == unix.EWOULDBLOCK {
			err = ErrBusy
		}
		return nil, fmt.Errorf("upper directory %s: %w", upper, err)
	}
	return &Kept{dir, upper}, nil
}

// Release removes the work directory and gives the upper back.
func (k *Kept) Release() error {
	defer k.dir.Close()
	work := Work(k.path)
	// overlayfs leaves a directory of mode 0 in it, which its owner must open
	// before he can remove it.
	inner := filepath.Join(work, "work")
	if err := os.Chmod(inner, 0o700); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.RemoveAll(work)
}
