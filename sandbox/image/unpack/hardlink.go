package unpack

import (
	"archive/tar"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// hardLink gives another name to a file of this layer. Its attributes are those
// that the file has already.
func (u *unpacker) hardLink(name string, h *tar.Header) error {
	to, err := parse(h.Linkname, u.MaxPath)
	if err != nil {
		return fmt.Errorf("hard link to %s: %w", quote(h.Linkname), err)
	}
	if u.skipped[to.path()] {
		if _, _, err := u.linked(to); errors.Is(err, errAbsent) {
			own, err := parse(h.Name, u.MaxPath)
			if err != nil {
				return err
			}
			return u.skip(own)
		}
	}
	dir := u.walk.here().fd
	err = u.place(name, func() error {
		from, st, err := u.linked(to)
		if err != nil {
			return fmt.Errorf("hard link to %s: %w", quote(h.Linkname), err)
		}
		if own, err := statAt(dir, name); err == nil && own.Dev == st.Dev && own.Ino == st.Ino {
			return nil
		}
		return unix.Linkat(from, to.base, dir, name, 0)
	})
	return err
}

// linked finds what a hard link names. The last part of the name may be a symbolic
// link, which then has two names. A whiteout is nothing that could be named.
func (u *unpacker) linked(to name) (dir int, st unix.Stat_t, err error) {
	if to.base == "" || to.mark != plain {
		return -1, st, errors.New("it cannot have another name")
	}
	if err := u.links.to(to.dir); err != nil {
		return -1, st, missing(err)
	}
	dir = u.links.here().fd
	if st, err = statAt(dir, to.base); err != nil {
		return -1, st, missing(err)
	}
	switch kind(st) {
	case unix.S_IFREG, unix.S_IFLNK, unix.S_IFIFO:
		return dir, st, nil
	case unix.S_IFCHR:
		return -1, st, missing(unix.ENOENT)
	}
	return -1, st, errors.New("it cannot have another name")
}

var errAbsent = errors.New("it is not in this layer")

func missing(err error) error {
	if errors.Is(err, unix.ENOENT) {
		return errAbsent
	}
	return err
}
