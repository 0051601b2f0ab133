package unpack

import (
	"golang.org/x/sys/unix"
)

// whiteOut hides what the layers below have by a name. What this layer has by it
// stays, whichever came first: a whiteout is for the layers below alone.
func (u *unpacker) whiteOut(name string) error {
	d := u.walk.here()
	st, err := statAt(d.fd, name)
	switch {
	case err == unix.ENOENT:
	case err != nil:
		return err
	case kind(st) == unix.S_IFDIR:
		fd, err := openDir(d.fd, name)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return u.hideBelow(fd)
	default:
		return nil
	}
	// Overlayfs lists a whiteout in a directory that has nothing below it, as a
	// name that cannot be looked at.
	if hidden, err := u.walk.hidden(); err != nil || hidden {
		return err
	}
	if u.Lowers != nil {
		seen, err := u.below(&u.walk, name)
		seen.close()
		if err != nil || !seen.there {
			return err
		}
	}
	if err := d.touch(); err != nil {
		return err
	}
	return wrap("whiteout", unix.Mknodat(d.fd, name, unix.S_IFCHR, 0))
}

// hideBelow makes a directory opaque.
func (u *unpacker) hideBelow(fd int) error {
	if is, err := isOpaque(fd); err != nil || is {
		return err
	}
	u.walk.forget()
	u.links.forget()
	if len(u.walk.dirs) == 1 && fd == u.walk.dirs[0].fd {
		u.report.Opaque = true
	}
	if err := setOpaque(fd); err != nil {
		return err
	}
	return sweep(fd)
}

// sweep removes the whiteouts from a directory that hides all by itself.
func sweep(fd int) error {
	names, err := list(fd)
	if err != nil {
		return err
	}
	var before unix.Stat_t
	if err := unix.Fstat(fd, &before); err != nil {
		return err
	}
	swept := false
	for _, name := range names {
		st, err := statAt(fd, name)
		switch {
		case err != nil:
			return err
		case isWhiteout(st):
			if err := unix.Unlinkat(fd, name, 0); err != nil {
				return err
			}
			swept = true
		case kind(st) == unix.S_IFDIR:
			if err := sweepBelow(fd, name); err != nil {
				return err
			}
		}
	}
	if swept {
		return setTime(fd, before.Mtim)
	}
	return nil
}

func sweepBelow(dir int, name string) error {
	fd, err := openDir(dir, name)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return sweep(fd)
}
