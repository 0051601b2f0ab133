package unpack

import (
	"archive/tar"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// entry makes what a header says.
func (u *unpacker) entry(h *tar.Header) error {
	if err := u.count(); err != nil {
		return err
	}
	// Other programs take no notice of a global header, so images mean nothing by
	// one.
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	n, err := parse(h.Name, u.MaxPath)
	if err != nil || n.mark == aufs {
		return err
	}
	if n.mark == plain && (h.Typeflag == tar.TypeChar || h.Typeflag == tar.TypeBlock) {
		// A device 0:0 could be made, and would be a whiteout.
		return u.skip(n)
	}
	if err := refuse(h); err != nil {
		return err
	}
	if err := u.walk.to(n.dir); err != nil {
		return err
	}
	switch {
	case n.mark == whiteout:
		return u.whiteOut(n.base)
	case n.mark == opaque:
		return u.hideBelow(u.walk.here().fd)
	case n.base == "" && h.Typeflag != tar.TypeDir:
		return errors.New("the root of a layer is a directory")
	}
	if h.Typeflag == tar.TypeDir {
		return u.directory(n.base, h)
	}
	if err := u.walk.here().touch(); err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeCont, tar.TypeGNUSparse:
		return u.regular(n.base, h)
	case tar.TypeLink:
		return u.hardLink(n.base, h)
	case tar.TypeSymlink:
		return u.symlink(n.base, h)
	case tar.TypeFifo:
		return u.fifo(n.base, h)
	}
	return fmt.Errorf("an entry of unknown type %q", h.Typeflag)
}

// skip leaves a device out, and what had its name.
func (u *unpacker) skip(n name) error {
	u.report.Skipped++
	if u.skipped == nil {
		u.skipped = map[string]bool{}
	}
	u.skipped[n.path()] = true
	// Nothing is made on the way to a device, as for a hard link.
	var st unix.Stat_t
	err := u.links.to(n.dir)
	if err == nil && n.base != "" {
		st, err = statAt(u.links.here().fd, n.base)
	}
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || err == nil && (n.base == "" || isWhiteout(st)) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := u.walk.to(n.dir); err != nil {
		return err
	}
	if err := u.walk.here().touch(); err != nil {
		return err
	}
	if err := u.remove(n.base); err != nil {
		return err
	}
	if u.Lowers == nil {
		return nil
	}
	return u.whiteOut(n.base) // what was below must not come back
}

// directory makes a directory, or changes the one that is there. It does not
// follow a link: that would be for the parents of other entries.
func (u *unpacker) directory(name string, h *tar.Header) error {
	d := u.walk.here()
	if name == "" {
		d.mtime, d.touched = timeOf(h), true
		return u.dress(d.fd, h)
	}
	made := dir{name: name, mtime: timeOf(h), touched: true, bare: d.bare}
	fd, err := u.makeDir(name, false)
	if err == unix.EEXIST {
		if fd, err = openDir(d.fd, name); err == nil {
			err = u.redress(fd, h)
		} else if notDir(err) {
			made.bare = true
			if fd, err = u.makeDir(name, true); err == nil {
				err = u.dress(fd, h)
			}
		}
	} else if err == nil {
		err = u.dress(fd, h)
	}
	if made.fd = fd; err != nil {
		if fd >= 0 {
			unix.Close(fd)
		}
		return err
	}
	// What follows is most likely in it.
	return u.walk.push(made)
}

func (u *unpacker) redress(fd int, h *tar.Header) error {
	if err := undress(fd); err != nil {
		return err
	}
	return u.dress(fd, h)
}

func (u *unpacker) regular(name string, h *tar.Header) (err error) {
	if h.Size > u.MaxBytes-u.report.Bytes {
		return fmt.Errorf("%d bytes, after %d; at most %d are allowed", h.Size, u.report.Bytes, u.MaxBytes)
	}
	u.report.Bytes += h.Size
	const flags = unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL
	mode := uint64(h.Mode & 0o777) // dress does the rest
	fd, err := openAt(u.walk.here().fd, name, flags, mode)
	if err == unix.EEXIST {
		// Another name of the old file keeps its content, so it is not written over.
		if err = u.remove(name); err == nil {
			fd, err = openAt(u.walk.here().fd, name, flags, mode)
		}
	}
	if err != nil {
		return err
	}
	defer func() {
		if e := unix.Close(fd); err == nil {
			err = e
		}
	}()
	if err := u.copy(fd, h.Size); err != nil {
		return err
	}
	if err := u.dress(fd, h); err != nil {
		return err
	}
	return setTime(fd, timeOf(h))
}

func (u *unpacker) symlink(name string, h *tar.Header) error {
	dir := u.walk.here().fd
	err := u.place(name, func() error { return unix.Symlinkat(h.Linkname, dir, name) })
	if err != nil {
		return err
	}
	squashed := u.Squash
	if !squashed {
		err := unix.Fchownat(dir, name, h.Uid, h.Gid, unix.AT_SYMLINK_NOFOLLOW)
		if squashed = err == unix.EINVAL; err != nil && !squashed { // it has no id here, and a link no attributes
			return wrap("owner", err)
		}
	}
	u.report.Squashed = u.report.Squashed || squashed && (h.Uid != 0 || h.Gid != 0)
	t := timeOf(h)
	return wrap("time", unix.UtimesNanoAt(dir, name, []unix.Timespec{t, t}, unix.AT_SYMLINK_NOFOLLOW))
}

func (u *unpacker) fifo(name string, h *tar.Header) error {
	dir := u.walk.here().fd
	if err := u.place(name, func() error { return unix.Mknodat(dir, name, unix.S_IFIFO|0o600, 0) }); err != nil {
		return err
	}
	// Opening to read does not wait for a writer then.
	fd, err := openAt(dir, name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := u.dress(fd, h); err != nil {
		return err
	}
	return setTime(fd, timeOf(h))
}

// place makes something by a name, once more when what had the name is removed.
func (u *unpacker) place(name string, try func() error) error {
	err := try()
	if err != unix.EEXIST {
		return err
	}
	if err := u.remove(name); err != nil {
		return err
	}
	return try()
}
