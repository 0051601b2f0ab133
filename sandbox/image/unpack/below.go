package unpack

import (
	"golang.org/x/sys/unix"
)

// A sight is what the layers below show at a name, as overlayfs would.
type sight struct {
	there bool
	dir   int    // a directory, or -1
	link  string // a link, or empty
}

func (s sight) close() {
	if s.dir >= 0 {
		unix.Close(s.dir)
	}
}

// below looks for a name where a walk is.
func (u *unpacker) below(w *walk, name string) (sight, error) {
	dirs, err := u.beneath(w)
	if err != nil {
		return sight{dir: -1}, wrap("layers below", err)
	}
	for _, dir := range dirs {
		s, gone, err := look(dir, name)
		if err != nil || s.there || gone {
			return s, err
		}
	}
	return sight{dir: -1}, nil
}

// beneath gives the directories that are merged with the one where a walk is, the
// nearest first. They are kept until the walk goes on: removed files often were
// beside each other.
func (u *unpacker) beneath(w *walk) (dirs []int, err error) {
	if w.known || len(u.Lowers) == 0 {
		return w.beneath, nil
	}
	hidden, err := w.hidden()
	if err != nil {
		return nil, err
	}
	for _, lower := range u.Lowers {
		if hidden {
			break
		}
		dir, last, err := descend(lower, w.dirs[1:])
		if err != nil {
			return nil, err
		}
		if dir >= 0 {
			w.beneath = append(w.beneath, dir)
		}
		hidden = last
	}
	w.known = true
	return w.beneath, nil
}

// hidden tells whether nothing from below is seen where a walk is.
func (w *walk) hidden() (bool, error) {
	for i := range w.dirs {
		d := &w.dirs[i]
		if d.bare {
			return true, nil
		}
		if is, err := isOpaque(d.fd); err != nil || is {
			return is, err
		}
	}
	return false, nil
}

// forget closes what beneath has found.
func (w *walk) forget() {
	for _, fd := range w.beneath {
		unix.Close(fd)
	}
	w.beneath, w.known = w.beneath[:0], false
}

// descend goes into one layer. Last says that no layer below it counts.
func descend(lower int, way []dir) (at int, last bool, err error) {
	at, err = openDir(lower, ".")
	for err == nil {
		var is bool
		if is, err = isOpaque(at); err != nil {
			break
		}
		if last = last || is; len(way) == 0 {
			return at, last, nil
		}
		var next int
		next, err = openDir(at, way[0].name)
		unix.Close(at)
		at, way = next, way[1:]
	}
	switch {
	case err == unix.ENOENT:
		return -1, last, nil
	case notDir(err): // a whiteout, or what hides the directories below
		return -1, true, nil
	}
	if at >= 0 {
		unix.Close(at)
	}
	return -1, last, err
}

// look looks at a name in a directory. Gone is a whiteout.
func look(at int, name string) (s sight, gone bool, err error) {
	s.dir = -1
	st, err := statAt(at, name)
	switch {
	case err == unix.ENOENT:
		return s, false, nil
	case err != nil || isWhiteout(st):
		return s, true, err
	case kind(st) == unix.S_IFDIR:
		s.dir, err = openDir(at, name)
	case kind(st) == unix.S_IFLNK:
		s.link, err = readLink(at, name)
	}
	s.there = err == nil
	return s, false, err
}
