package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A Name is what a manifest is called. A name that a user types is one, and so is
// the full one that it stands for, so that to look it up takes no knowledge of
// registries.
type Name struct {
	Name     string
	Manifest string
	// Full is the whole name, with registry and tag.
	Full string
}

func (s Store) namePath(name string) string {
	sum := sha256.Sum256([]byte(name))
	return filepath.Join(s.dir, "names", hex.EncodeToString(sum[:]))
}

// Lookup finds an image by a name, or by its manifest's digest or the beginning of
// that or of its id, as docker does.
func (s Store) Lookup(name string) (Image, error) {
	var n Name
	err := read(s.namePath(name), &n)
	if err == nil {
		return s.image(n.Manifest)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return Image{}, err
	}
	return s.byDigest(name)
}

func (s Store) byDigest(prefix string) (Image, error) {
	prefix = strings.TrimPrefix(prefix, "sha256:")
	if len(prefix) < 6 || strings.Trim(prefix, "0123456789abcdef") != "" {
		return Image{}, ErrNotFound
	}
	images, err := s.Images()
	if err != nil {
		return Image{}, err
	}
	var found []Image
	for _, i := range images {
		if strings.HasPrefix(i.Manifest, "sha256:"+prefix) || strings.HasPrefix(i.ID, "sha256:"+prefix) {
			found = append(found, i)
		}
	}
	switch len(found) {
	case 0:
		return Image{}, ErrNotFound
	case 1:
		return found[0], nil
	}
	return Image{}, fmt.Errorf("%d images begin with %s", len(found), prefix)
}

func (s Store) image(manifest string) (i Image, err error) {
	path, err := s.digested("manifests", manifest)
	if err != nil {
		return i, err
	}
	if err = read(path, &i); errors.Is(err, fs.ErrNotExist) {
		return i, ErrNotFound
	}
	return i, err
}

// Images are all there are.
func (s Store) Images() (images []Image, err error) {
	return all[Image](filepath.Join(s.dir, "manifests"))
}

// Names are all there are, in order.
func (s Store) Names() ([]Name, error) {
	names, err := all[Name](filepath.Join(s.dir, "names"))
	slices.SortFunc(names, func(a, b Name) int { return strings.Compare(a.Name, b.Name) })
	return names, err
}

// all reads the files of a directory. One that goes away meanwhile is none.
func all[T any](dir string) (list []T, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		var t T
		switch err := read(filepath.Join(dir, e.Name()), &t); {
		case err == nil:
			list = append(list, t)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	return list, err
}

// Add makes an image known, whose layers and blobs are all there, by a full name and
// by those that users type for it.
func (s Store) Add(i Image, full string, typed ...string) error {
	for _, l := range i.Layers {
		dir, err := s.Layer(l.Chain)
		if err != nil {
			return err
		}
		if !there(dir) {
			return fmt.Errorf("BUG(sbx): layer %s is not there", l.Chain)
		}
	}
	path, err := s.digested("manifests", i.Manifest)
	if err != nil {
		return err
	}
	if err := s.writeJSON(path, i); err != nil {
		return err
	}
	for _, name := range append([]string{full}, typed...) {
		if err := s.writeJSON(s.namePath(name), Name{name, i.Manifest, full}); err != nil {
			return err
		}
	}
	return s.index()
}

// Use has an image stay while the file is open.
func (s Store) Use(i Image) (*os.File, error) {
	path, err := s.digested("manifests", i.Manifest)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, ErrNotFound
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("image %s is being removed", i.Manifest)
	}
	if _, err := s.image(i.Manifest); err != nil { // removed before the lock was there
		f.Close()
		return nil, err
	}
	return f, nil
}
