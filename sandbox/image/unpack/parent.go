package unpack

import (
	"golang.org/x/sys/unix"
)

// imply makes a parent that the tar has not named, as the layers below have it.
// Where they have a link it is followed: the union would show a new directory in
// its place, and hide all that the link leads to (/bin, where it is /usr/bin).
func (u *unpacker) imply(name string) (link string, err error) {
	d := u.walk.here()
	seen, err := u.below(&u.walk, name)
	if err != nil {
		return "", err
	}
	defer seen.close()
	_, err = statAt(d.fd, name)
	over := err == nil // a whiteout
	if seen.link != "" && !over {
		return seen.link, nil
	}
	if err := u.count(); err != nil {
		return "", err
	}
	fd, err := u.makeDir(name, over)
	if err != nil {
		return "", err
	}
	made := dir{name: name, fd: fd, bare: d.bare || over || u.Lowers != nil && !seen.there}
	if err := u.walk.push(made); err != nil {
		return "", err
	}
	if seen.dir < 0 || over {
		d := u.walk.here()
		d.mtime, d.touched = u.latest, true // the same each time that it is unpacked
		return "", u.rootOwned(fd)
	}
	return "", u.likeBelow(u.walk.here(), seen.dir)
}

// rootOwned is for a directory of which nothing is known. It may have got the
// group and the setgid bit of its parent.
func (u *unpacker) rootOwned(fd int) error {
	if !u.Squash {
		if err := unix.Fchown(fd, 0, 0); err != nil {
			return err
		}
	}
	return unix.Fchmod(fd, 0o755)
}

// likeBelow gives a directory what the one that it will cover has.
func (u *unpacker) likeBelow(d *dir, below int) error {
	var st unix.Stat_t
	if err := unix.Fstat(below, &st); err != nil {
		return err
	}
	if !u.Squash {
		if err := unix.Fchown(d.fd, int(st.Uid), int(st.Gid)); err != nil {
			return err
		}
	}
	if err := copyAttributes(below, d.fd); err != nil {
		return err
	}
	d.mtime, d.touched = st.Mtim, true
	return unix.Fchmod(d.fd, st.Mode&0o7777)
}

// elsewhere is for the way to what a hard link names: nothing is made there, but
// links of the layers below lead where they led before.
func (u *unpacker) elsewhere(name string) (link string, err error) {
	seen, err := u.below(&u.links, name)
	if err != nil {
		return "", err
	}
	defer seen.close()
	if seen.link == "" {
		return "", unix.ENOENT
	}
	return seen.link, nil
}

// makeDir makes a directory. Where something else was it is opaque: that has
// hidden what the layers below have by the name, and it must not come back.
func (u *unpacker) makeDir(name string, over bool) (fd int, err error) {
	d := u.walk.here()
	if err := d.touch(); err != nil {
		return -1, err
	}
	if over {
		if err := unix.Unlinkat(d.fd, name, 0); err != nil {
			return -1, err
		}
	}
	if err := unix.Mkdirat(d.fd, name, 0o700); err != nil {
		return -1, err
	}
	if fd, err = openDir(d.fd, name); err != nil || !over {
		return fd, err
	}
	if err := setOpaque(fd); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}
