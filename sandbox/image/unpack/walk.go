package unpack

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	// maxLinks is the kernel's own (path_resolution(7)).
	maxLinks = 40
	// maxDepth bounds the descriptors that are open at a time.
	maxDepth = 1000
)

// A walk is the way from the target to a directory. Entries come in order, so
// most are where the last one was. What is on the way are real directories and
// never links, by their real names; that is why going up needs no look at "..",
// and why none can be replaced by an entry: an entry is made where the walk ends.
type walk struct {
	dirs []dir // the first is the target
	// absent is called for a name that is not there. It pushes a directory, or
	// gives a link to follow.
	absent func(name string) (link string, err error)
	// beneath is what the layers below have where the walk is, when it is known.
	beneath []int
	known   bool
}

// A dir is one directory on the way.
type dir struct {
	name string
	fd   int
	// What is made in a directory changes its time, which is put back on leaving.
	mtime   unix.Timespec
	touched bool
	bare    bool // the layers below have nothing in it
}

func (w *walk) begin(target int) error {
	fd, err := openDir(target, ".")
	if err == nil {
		w.dirs = append(w.dirs, dir{fd: fd})
	}
	return err
}

func (w *walk) end() {
	w.forget()
	for _, d := range w.dirs {
		unix.Close(d.fd)
	}
	w.dirs = nil
}

func (w *walk) here() *dir { return &w.dirs[len(w.dirs)-1] }

func (w *walk) push(d dir) error {
	if len(w.dirs) > maxDepth {
		unix.Close(d.fd)
		return fmt.Errorf("deeper than %d directories", maxDepth)
	}
	w.forget()
	w.dirs = append(w.dirs, d)
	return nil
}

// keep leaves all but the first directories.
func (w *walk) keep(n int) (err error) {
	for len(w.dirs) > n {
		w.forget()
		d := w.here()
		if d.touched {
			err = errors.Join(err, setTime(d.fd, d.mtime))
		}
		unix.Close(d.fd)
		w.dirs = w.dirs[:len(w.dirs)-1]
	}
	return err
}

// touch is called before something is made in a directory.
func (d *dir) touch() error {
	if d.touched {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(d.fd, &st); err != nil {
		return err
	}
	d.mtime, d.touched = st.Mtim, true
	return nil
}

// to goes to a directory. Links are followed as they will be when the target is
// a root.
func (w *walk) to(path string) error {
	rest, err := w.common(path)
	for links := 0; rest != "" && err == nil; {
		var part, link string
		part, rest, _ = strings.Cut(rest, "/")
		switch part {
		case "", ".":
			continue
		case "..":
			err = w.keep(max(len(w.dirs)-1, 1))
			continue
		}
		if link, err = w.down(part); err != nil {
			return fmt.Errorf("directory %s: %w", quote(part), err)
		}
		if link == "" {
			continue
		}
		if links++; links > maxLinks {
			return fmt.Errorf("directory %s: more than %d links on the way", quote(part), maxLinks)
		}
		if link[0] == '/' {
			err = w.keep(1)
		}
		rest = link + "/" + rest
	}
	return err
}

// common leaves what is not on the way to path, and gives what is still to go.
func (w *walk) common(path string) (rest string, err error) {
	n := 1
	for ; n < len(w.dirs); n++ {
		after, ok := strings.CutPrefix(path, w.dirs[n].name)
		if !ok || after != "" && after[0] != '/' {
			break
		}
		path = strings.TrimPrefix(after, "/")
	}
	return path, w.keep(n)
}

// down goes into a directory, or reads the link that is there.
func (w *walk) down(name string) (link string, err error) {
	d := w.here()
	fd, err := openDir(d.fd, name)
	switch {
	case err == nil:
		return "", w.push(dir{name: name, fd: fd, bare: d.bare})
	case err == unix.ENOENT:
		return w.absent(name)
	case !notDir(err):
		return "", err
	}
	if link, err = readLink(d.fd, name); err != unix.EINVAL {
		return link, err
	}
	if st, err := statAt(d.fd, name); err != nil || isWhiteout(st) {
		return w.absent(name)
	}
	return "", unix.ENOTDIR
}
