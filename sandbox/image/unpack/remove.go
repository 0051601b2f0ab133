package unpack

import (
	"golang.org/x/sys/unix"
)

// remove makes room for an entry that replaces an earlier one.
func (u *unpacker) remove(name string) error {
	dir := u.walk.here().fd
	err := unix.Unlinkat(dir, name, 0)
	if err != unix.EISDIR {
		return err
	}
	// The way to the last hard link may lead through it.
	if err := u.links.keep(1); err != nil {
		return err
	}
	return removeTree(dir, name)
}

// removeTree removes a directory and what is in it, and follows no link.
func removeTree(dir int, name string) error {
	fd, err := openDir(dir, name)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	names, err := list(fd)
	if err != nil {
		return err
	}
	for _, n := range names {
		err := unix.Unlinkat(fd, n, 0)
		if err == unix.EISDIR {
			err = removeTree(fd, n)
		}
		if err != nil {
			return err
		}
	}
	return unix.Unlinkat(dir, name, unix.AT_REMOVEDIR)
}

// list gives the names in a directory, from the first on.
func list(fd int) (names []string, err error) {
	if _, err := unix.Seek(fd, 0, unix.SEEK_SET); err != nil {
		return nil, err
	}
	buf := make([]byte, 32<<10)
	for {
		n, err := unix.ReadDirent(fd, buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			return names, err
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
}
