package tree

import (
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// maxDepth bounds the descriptors that are open at a time.
const maxDepth = 1100

// Entries are the files below a directory, that itself first. The first error is the
// last that comes.
func Entries(root int) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		w := walker{yield: yield}
		if err := w.directory(root, ".", ".", 0); err != nil && !errors.Is(err, errStopped) {
			yield(Entry{}, err)
		}
	}
}

// errStopped says that no more entries are wanted.
var errStopped = errors.New("stopped")

type walker struct{ yield func(Entry, error) bool }

// directory visits one, and then what is in it.
func (w walker) directory(parent int, name, path string, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("deeper than %d directories", maxDepth)
	}
	fd, err := unix.Openat(parent, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%q: %w", path, err)
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	e := Entry{Path: path, dir: parent, name: name}
	if err = unix.Fstat(fd, &e.Stat); err == nil {
		e.Attributes, err = attributes(fd)
	}
	var names []string
	if err == nil {
		names, err = f.Readdirnames(-1)
	}
	if err != nil {
		return fmt.Errorf("%q: %w", path, err)
	}
	if !w.yield(e, nil) {
		return errStopped
	}
	slices.Sort(names)
	for _, name := range names {
		if err := w.visit(fd, name, below(path, name), depth); err != nil {
			return err
		}
	}
	return nil
}

func (w walker) visit(dir int, name, path string, depth int) error {
	e := Entry{Path: path, dir: dir, name: name}
	if err := e.describe(); err != nil {
		return fmt.Errorf("%q: %w", path, err)
	}
	if e.Type() == unix.S_IFDIR {
		return w.directory(dir, name, path, depth+1)
	}
	if !w.yield(e, nil) {
		return errStopped
	}
	return nil
}

func below(dir, name string) string {
	if dir == "." {
		return name
	}
	return dir + "/" + name
}

// Compare orders paths as Entries does.
func Compare(a, b string) int {
	if a == "." || b == "." {
		return strings.Compare(strings.TrimPrefix(a, "."), strings.TrimPrefix(b, "."))
	}
	return slices.Compare(strings.Split(a, "/"), strings.Split(b, "/"))
}
