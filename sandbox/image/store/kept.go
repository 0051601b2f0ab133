package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// A Kept is what was written to an image under a name: an upper directory, which goes
// on with the image that it is of.
type Kept struct {
	Name     string
	Manifest string
	// Image is what the image was called then.
	Image string
	// Points are where something was mounted, for which the upper has a file or
	// directory that the command did not make.
	Points []string `json:",omitempty"`
	// Upper is the directory.
	Upper string `json:"-"`
}

// ErrNotKept says that nothing is kept under a name.
var ErrNotKept = errors.New("nothing is kept under that name")

func (s Store) kept(name string) (string, error) {
	if name == "" || name[0] == '.' || filepath.Base(name) != name {
		return "", fmt.Errorf("name %q: want one that a file can have, without a dot in front", name)
	}
	return filepath.Join(s.dir, "kept", name), nil
}

// LookupKept finds what is kept under a name.
func (s Store) LookupKept(name string) (k Kept, err error) {
	dir, err := s.kept(name)
	if err != nil {
		return k, err
	}
	if err = read(filepath.Join(dir, "image"), &k); errors.Is(err, fs.ErrNotExist) {
		err = ErrNotKept
	}
	k.Upper = filepath.Join(dir, "upper")
	return k, err
}

// Keep has something be kept of an image. What is kept under the name already must be
// of that image too.
func (s Store) Keep(name string, i Image, typed string) (Kept, error) {
	k, err := s.LookupKept(name)
	if errors.Is(err, ErrNotKept) {
		if err = s.beginKept(Kept{Name: name, Manifest: i.Manifest, Image: typed}); err == nil {
			k, err = s.LookupKept(name)
		}
	}
	if err == nil && k.Manifest != i.Manifest {
		err = fmt.Errorf("what is kept as %s is of another image, %s (%s)", name, k.Image, k.Manifest)
	}
	return k, err
}

// NotePoints adds where a sandbox will mount something.
func (s Store) NotePoints(k Kept, points []string) error {
	all := slices.Compact(slices.Sorted(slices.Values(append(points, k.Points...))))
	if slices.Equal(all, k.Points) {
		return nil
	}
	k.Points = all
	return s.writeJSON(filepath.Join(filepath.Dir(k.Upper), "image"), k)
}

// beginKept makes the directory, unless another does so first.
func (s Store) beginKept(k Kept) error {
	dir, err := s.kept(k.Name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return err
	}
	w, err := s.Begin("kept-"+k.Name, os.RemoveAll)
	if err != nil {
		return err
	}
	defer w.End(os.RemoveAll) // what is left of it, the next sweep removes
	if there(dir) {
		return nil
	}
	made := filepath.Join(w.Dir, "kept")
	upper := filepath.Join(made, "upper")
	// It is the root of the sandbox, which users other than root must enter whatever the umask.
	if err := errors.Join(os.Mkdir(made, 0o700), os.Mkdir(upper, 0o700), os.Chmod(upper, 0o755)); err != nil {
		return err
	}
	if err := s.writeJSON(filepath.Join(made, "image"), k); err != nil {
		return err
	}
	return Place(made, dir)
}

// AllKept is what is kept, by name.
func (s Store) AllKept() (all []Kept, err error) {
	entries, err := os.ReadDir(filepath.Join(s.dir, "kept"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		k, err := s.LookupKept(e.Name())
		if errors.Is(err, ErrNotKept) {
			continue // it is being removed
		}
		if err != nil {
			return nil, err
		}
		all = append(all, k)
	}
	return all, err
}

// Idle is nil for what a sandbox is writing to. Otherwise none can while the file is
// open: a sandbox holds that lock (see package layer).
func (k Kept) Idle() (*os.File, error) {
	dir, err := os.Open(k.Upper)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		dir.Close()
		return nil, ErrInUse
	}
	return dir, nil
}

// Discard removes what is kept under a name. The upper directory is given to remove.
func (s Store) Discard(name string, remove func(dir string) error) error {
	k, err := s.LookupKept(name)
	if err != nil {
		return err
	}
	idle, err := k.Idle()
	if err != nil {
		return err
	}
	defer idle.Close()
	w, err := s.Begin("kept-"+name, remove)
	if err != nil {
		return err
	}
	// In work/ what a crash leaves of it is removed by the next.
	err = Place(filepath.Dir(k.Upper), filepath.Join(w.Dir, "kept"))
	return errors.Join(err, w.End(remove))
}

// keptOf is a name under which something of an image is kept, or empty.
func (s Store) keptOf(i Image) (string, error) {
	all, err := s.AllKept()
	for _, k := range all {
		if k.Manifest == i.Manifest {
			return k.Name, nil
		}
	}
	return "", err
}
