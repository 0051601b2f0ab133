package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrInUse says that a sandbox runs in the image.
var ErrInUse = errors.New("a sandbox is running in it")

// ErrKept says that what was written to the image is kept, and needs it.
var ErrKept = errors.New("what was written to it is kept")

// Forget takes a name away. The image goes when it was the last, and it may be
// forgotten by the beginning of its digest, with all its names. What no image needs
// any more is for Collect.
func (s Store) Forget(name string) error {
	i, err := s.Lookup(name)
	if err != nil {
		return err
	}
	names, err := s.Names()
	if err != nil {
		return err
	}
	full := ""
	for _, n := range names {
		if n.Name == name {
			full = n.Full
		}
	}
	left := 0
	var gone []string
	for _, n := range names {
		switch {
		case n.Manifest != i.Manifest:
		case full == "" || n.Full == full:
			gone = append(gone, n.Name)
		default:
			left++
		}
	}
	if left == 0 {
		if err := s.drop(i); err != nil {
			return err
		}
	}
	for _, n := range gone {
		if err := os.Remove(s.namePath(n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return s.index()
}

// drop removes an image's file, unless it is in use.
func (s Store) drop(i Image) error {
	path, err := s.digested("manifests", i.Manifest)
	if err != nil {
		return err
	}
	if name, err := s.keptOf(i); err != nil {
		return err
	} else if name != "" {
		return fmt.Errorf("image %s: %w as %s", i.Manifest, ErrKept, name)
	}
	idle, err := s.idle(i)
	if err != nil {
		return fmt.Errorf("image %s: %w", i.Manifest, err)
	}
	defer idle.Close()
	return os.Remove(path)
}

// Collect removes what no image needs: manifests without a name, then layers and
// blobs of no manifest. It gives the number of bytes of blobs that went. The caller
// holds Removing; layers are given to remove.
func (s Store) Collect(remove func(dir string) error) (freed int64, err error) {
	names, err := s.Names()
	if err != nil {
		return 0, err
	}
	images, err := s.Images()
	if err != nil {
		return 0, err
	}
	named, needed := map[string]bool{}, map[string]bool{}
	for _, n := range names {
		named[n.Manifest] = true
	}
	for _, i := range images {
		if !named[i.Manifest] && s.drop(i) == nil {
			continue
		}
		needed[i.Manifest], needed[i.ID] = true, true
		for _, l := range i.Layers {
			needed[l.Digest], needed["layer "+l.Chain] = true, true
		}
	}
	err = s.each("layers", func(path, digest string) error {
		if needed["layer "+digest] {
			return nil
		}
		return remove(path)
	})
	return freed, errors.Join(err, s.each("blobs/sha256", func(path, digest string) error {
		if needed[digest] {
			return nil
		}
		if fi, err := os.Lstat(path); err == nil {
			freed += fi.Size()
		}
		return os.Remove(path)
	}))
}

// each visits what digests name in one of the store's directories.
func (s Store) each(dir string, visit func(path, digest string) error) (err error) {
	entries, err := os.ReadDir(filepath.Join(s.dir, dir))
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			err = errors.Join(err, visit(filepath.Join(s.dir, dir, e.Name()), "sha256:"+e.Name()))
		}
	}
	return err
}
