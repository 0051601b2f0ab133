package store

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const partialPrefix = "partial-"

// ErrBusy says that another process is at it.
var ErrBusy = errors.New("another process is at it")

// Partial opens what is there of a blob, which may be nothing, to go on with it: what
// is written comes behind. It stays under work/ whatever becomes of the process, and
// nobody else has it while the file is open. Its bytes are checked by nobody: a crash
// of the machine may have spoiled them.
func (s Store) Partial(digest string) (*os.File, error) {
	path, err := s.partial(digest)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		_, err = f.Seek(0, io.SeekEnd)
	} else if err == unix.EWOULDBLOCK {
		err = ErrBusy
	}
	if err == nil {
		err = sameFile(f, path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// sameFile looks that a file is still where it was opened: who had it before may have
// put it among the blobs, where it must not be written.
func sameFile(f *os.File, path string) error {
	opened, err := f.Stat()
	if err != nil {
		return err
	}
	if now, err := os.Lstat(path); err != nil || !os.SameFile(opened, now) {
		return ErrBusy
	}
	return nil
}

func (s Store) partial(digest string) (string, error) {
	path, err := s.digested("work", digest)
	return filepath.Join(filepath.Dir(path), partialPrefix+filepath.Base(path)), err
}

// DropPartials removes all partial blobs that nobody has open, and gives the number of
// bytes that went.
func (s Store) DropPartials() (freed int64, err error) {
	left, err := s.left(partialPrefix)
	for _, path := range left {
		f, e := s.Partial("sha256:" + strings.TrimPrefix(filepath.Base(path), partialPrefix))
		if errors.Is(e, ErrBusy) {
			continue
		}
		if e == nil {
			var is os.FileInfo
			if is, e = f.Stat(); e == nil {
				freed += is.Size()
			}
			e = errors.Join(e, os.Remove(path), f.Close())
		}
		err = errors.Join(err, e)
	}
	return freed, err
}
