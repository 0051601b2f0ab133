package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// A Lock is held on a file of the store.
type Lock struct{ f *os.File }

// lock opens a file, which is made if it is not there, and waits for its lock.
// A file that was removed meanwhile keeps nobody out, and is opened anew.
func (s Store) lock(name string, how int) (Lock, error) {
	path := filepath.Join(s.dir, name)
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return Lock{}, err
		}
		for {
			if err = unix.Flock(int(f.Fd()), how); err != unix.EINTR {
				break
			}
		}
		if err != nil {
			f.Close()
			return Lock{}, err
		}
		if stillAt(f, path) {
			return Lock{f}, nil
		}
		f.Close()
	}
}

// stillAt tells whether an open file still has that path.
func stillAt(f *os.File, path string) bool {
	held, err := f.Stat()
	there, e := os.Lstat(path)
	return err == nil && e == nil && os.SameFile(held, there)
}

// DropLocks removes the files of locks that nobody holds.
func (s Store) DropLocks() error {
	entries, err := os.ReadDir(filepath.Join(s.dir, "work"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		name := filepath.Join("work", e.Name())
		if thing, ok := strings.CutSuffix(e.Name(), ".lock"); !ok || !e.Type().IsRegular() || there(filepath.Join(s.dir, "work", thing)) {
			continue
		}
		lock, busy := s.lock(name, unix.LOCK_EX|unix.LOCK_NB)
		if busy != nil {
			continue
		}
		err = errors.Join(err, os.Remove(filepath.Join(s.dir, name)))
		lock.Unlock()
	}
	return err
}

// Unlock gives the lock up.
func (l Lock) Unlock() { l.f.Close() }

// Adding keeps what is not part of an image yet from being removed as garbage.
func (s Store) Adding() (Lock, error) { return s.lock("lock", unix.LOCK_SH) }

// Removing waits until nobody adds, and keeps them from it.
func (s Store) Removing() (Lock, error) { return s.lock("lock", unix.LOCK_EX) }

// A Work is a directory for one thing that is being made.
type Work struct {
	Dir  string
	lock Lock
}

// Begin makes the directory for a thing that others may want to make too, a layer,
// by its name. It waits for who is at it; that the thing is there then is for the
// caller to look. What a crash left of it is given to remove first.
func (s Store) Begin(thing string, remove func(dir string) error) (*Work, error) {
	lock, err := s.lock(filepath.Join("work", thing+".lock"), unix.LOCK_EX)
	if err != nil {
		return nil, err
	}
	w := &Work{filepath.Join(s.dir, "work", thing), lock}
	if there(w.Dir) {
		err = remove(w.Dir)
	}
	if err == nil {
		err = os.Mkdir(w.Dir, 0o700)
	}
	if err != nil {
		lock.Unlock()
		return nil, fmt.Errorf("image store: %w", err)
	}
	return w, nil
}

// End removes the directory, which is empty when all went well, and lets others at
// the thing. The lock's file stays until DropLocks.
func (w *Work) End(remove func(dir string) error) error {
	defer w.lock.Unlock()
	if !there(w.Dir) {
		return nil
	}
	return remove(w.Dir)
}

const (
	filePrefix = "file-"           // what is written before it is put in its place
	filesLock  = "work/files.lock" // whoever writes one shares it
)

// Sweep removes what crashes left: directories whose lock nobody holds, and files
// that were not put in their place, when nobody writes one. Partial blobs stay.
func (s Store) Sweep(remove func(dir string) error) error {
	entries, err := os.ReadDir(filepath.Join(s.dir, "work"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		lock, busy := s.lock(filepath.Join("work", e.Name()+".lock"), unix.LOCK_EX|unix.LOCK_NB)
		if busy != nil {
			continue
		}
		err = errors.Join(err, remove(filepath.Join(s.dir, "work", e.Name())))
		lock.Unlock()
	}
	return errors.Join(err, s.sweepFiles())
}

func (s Store) sweepFiles() error {
	lock, busy := s.lock(filesLock, unix.LOCK_EX|unix.LOCK_NB)
	if busy != nil {
		return nil
	}
	defer lock.Unlock()
	left, err := s.left(filePrefix)
	for _, path := range left {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// left are the files under work/ that begin so: none in a store that is not there, or
// that another process is making.
func (s Store) left(prefix string) (paths []string, err error) {
	entries, err := os.ReadDir(filepath.Join(s.dir, "work"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) && e.Type().IsRegular() {
			paths = append(paths, filepath.Join(s.dir, "work", e.Name()))
		}
	}
	return paths, err
}
