package store

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// DropBlob removes a damaged blob. Its image stays, which runs without it, and who
// brings the image again brings the blob. The caller holds Removing.
func (s Store) DropBlob(digest string) error {
	path, err := s.Blob(digest)
	if err != nil {
		return err
	}
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// ReplaceLayer puts an unpacked layer in the place of a damaged one, which is where the
// other was then. No sandbox may run in an image that has it.
func (s Store) ReplaceLayer(chain, by string) error {
	images, err := s.Images()
	if err != nil {
		return err
	}
	for _, i := range images {
		if !i.has(chain) {
			continue
		}
		idle, err := s.idle(i)
		if err != nil {
			return err
		}
		defer idle.Close()
	}
	dir, err := s.Layer(chain)
	if err != nil {
		return err
	}
	if !there(dir) {
		return Place(by, dir)
	}
	return unix.Renameat2(unix.AT_FDCWD, by, unix.AT_FDCWD, dir, unix.RENAME_EXCHANGE)
}

func (i Image) has(chain string) bool {
	for _, l := range i.Layers {
		if l.Chain == chain {
			return true
		}
	}
	return false
}

// idle keeps sandboxes from starting in an image while the file is open.
func (s Store) idle(i Image) (*os.File, error) {
	path, err := s.digested("manifests", i.Manifest)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, ErrInUse
	}
	return f, nil
}
