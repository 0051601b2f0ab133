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
	none := sight{dir: -1}
	if len(u.Lowers) == 0 {
		return none, nil
	}
	if hidden, err := w.hidden(); err != nil || hidden {
		return none, err
	}
	for _, lower := range u.Lowers {
		s, last, err := sightIn(lower, w.dirs[1:], name)
		if err != nil || s.there || last {
			return s, err
		}
	}
	return none, nil
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

// sightIn looks into one layer. Last says that no layer below it counts.
func sightIn(lower int, way []dir, name string) (s sight, last bool, err error) {
	s.dir = -1
	if last, err = isOpaque(lower); err != nil {
		return s, last, err
	}
	at := lower
	defer func() {
		if at != lower {
			unix.Close(at)
		}
	}()
	for _, d := range way {
		next, err := openDir(at, d.name)
		switch {
		case err == unix.ENOENT:
			return s, last, nil
		case notDir(err):
			return s, true, nil
		case err != nil:
			return s, last, err
		}
		if at != lower {
			unix.Close(at)
		}
		at = next
		is, err := isOpaque(at)
		if err != nil {
			return s, last, err
		}
		last = last || is
	}
	s, gone, err := look(at, name)
	return s, last || gone, err
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
