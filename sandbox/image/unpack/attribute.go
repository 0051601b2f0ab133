package unpack

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	paxAttribute    = "SCHILY.xattr."
	ownerAttribute  = "user.sbx.owner"
	opaqueAttribute = "user.overlay.opaque"
	capAttribute    = "security.capability"
)

// forged are attributes by which an image could pretend to be a layer that was
// already unpacked, and have overlayfs show files of other layers (its redirects)
// or someone believe in an owner.
var forged = []string{"user.overlay.", "user.fuseoverlayfs.", "user.sbx.", "user.containers."}

// refuse is asked before an entry is made.
func refuse(h *tar.Header) error {
	for key := range h.PAXRecords {
		attr, ok := strings.CutPrefix(key, paxAttribute)
		for _, prefix := range forged {
			if ok && strings.HasPrefix(attr, prefix) {
				return fmt.Errorf("attribute %s, which an image must not have", quote(attr))
			}
		}
	}
	// -1 would be "do not change" for chown(2).
	if h.Uid < 0 || h.Gid < 0 || int64(h.Uid) >= math.MaxUint32 || int64(h.Gid) >= math.MaxUint32 {
		return fmt.Errorf("owner %d:%d is none", h.Uid, h.Gid)
	}
	return nil
}

// dress gives a file its owner, attributes and mode. A change of owner takes the
// setuid bit and the capabilities off, so that comes first. What a file has already, as
// most of root's have, is not set again: each change is one of the journal's too.
func (u *unpacker) dress(fd int, h *tar.Header) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	foreign := false
	if u.Squash || int(st.Uid) != h.Uid || int(st.Gid) != h.Gid {
		var err error
		if foreign, err = u.own(fd, h); err != nil {
			return err
		}
	}
	if h.Typeflag != tar.TypeFifo { // user.* is for regular files and directories
		if err := setAttributes(fd, h); err != nil {
			return err
		}
	}
	const special = unix.S_ISUID | unix.S_ISGID | unix.S_ISVTX
	mode := uint32(h.Mode & 0o7777)
	if foreign { // it would be set to whom it belongs to now
		mode &^= unix.S_ISUID | unix.S_ISGID
	}
	if st.Mode&0o7777 != mode || mode&special != 0 {
		return wrap("mode", unix.Fchmod(fd, mode))
	}
	return nil
}

// own gives a file its owner. Foreign is one that has no id in this user namespace: it is kept
// in an attribute, as all are where there is one id.
func (u *unpacker) own(fd int, h *tar.Header) (foreign bool, err error) {
	if !u.Squash {
		err := unix.Fchown(fd, h.Uid, h.Gid)
		if foreign = err == unix.EINVAL; !foreign {
			return false, wrap("owner", err)
		}
	}
	if h.Uid == 0 && h.Gid == 0 {
		return false, nil
	}
	u.report.Squashed = true
	if h.Typeflag == tar.TypeFifo {
		return foreign, nil
	}
	value := strconv.AppendInt(nil, int64(h.Uid), 10)
	value = strconv.AppendInt(append(value, ':'), int64(h.Gid), 10)
	return foreign, wrap(ownerAttribute, unix.Fsetxattr(fd, ownerAttribute, value, 0))
}

// setAttributes sets those that mean something in a user namespace.
func setAttributes(fd int, h *tar.Header) error {
	for key, value := range h.PAXRecords {
		attr, ok := strings.CutPrefix(key, paxAttribute)
		if !ok || !strings.HasPrefix(attr, "user.") && (attr != capAttribute || h.Typeflag == tar.TypeDir) {
			continue
		}
		err := unix.Fsetxattr(fd, attr, []byte(value), 0)
		if err == unix.EINVAL && attr == capAttribute && foreignRoot(value) {
			// They count in a namespace whose root has an id that there is none of
			// here, so they count nowhere.
			continue
		}
		if err != nil {
			return fmt.Errorf("attribute %s of %d bytes: %w", quote(attr), len(value), err)
		}
	}
	return nil
}

// foreignRoot tells whether capabilities are those of one user namespace, by its root
// (capabilities(7), "File capability extended attribute versioning").
func foreignRoot(value string) bool {
	const size, revision = 24, 3 // of vfs_ns_cap_data
	return len(value) == size && value[3] == revision
}

// attributes lists the user.* attributes that are not overlayfs's.
func attributes(fd int) (names []string, err error) {
	buf := make([]byte, 64<<10) // XATTR_LIST_MAX
	n, err := unix.Flistxattr(fd, buf)
	if err == unix.ENOTSUP {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, attr := range bytes.Split(buf[:n], []byte{0}) {
		if name := string(attr); strings.HasPrefix(name, "user.") && !strings.HasPrefix(name, "user.overlay.") {
			names = append(names, name)
		}
	}
	return names, nil
}

func copyAttributes(from, to int) error {
	names, err := attributes(from)
	if err != nil || len(names) == 0 {
		return err
	}
	buf := make([]byte, 64<<10) // XATTR_SIZE_MAX
	for _, name := range names {
		n, err := unix.Fgetxattr(from, name, buf)
		if err == nil {
			err = unix.Fsetxattr(to, name, buf[:n], 0)
		}
		if err != nil {
			return fmt.Errorf("attribute %s: %w", quote(name), err)
		}
	}
	return nil
}

// undress takes off what an earlier entry, or the layer below, gave a directory.
func undress(fd int) error {
	names, err := attributes(fd)
	for _, name := range names {
		err = errors.Join(err, unix.Fremovexattr(fd, name))
	}
	return err
}

func setOpaque(fd int) error {
	return wrap(opaqueAttribute, unix.Fsetxattr(fd, opaqueAttribute, []byte("y"), 0))
}

func isOpaque(fd int) (bool, error) {
	var value [1]byte
	n, err := unix.Fgetxattr(fd, opaqueAttribute, value[:])
	switch err {
	case nil:
		return n == 1 && value[0] == 'y', nil
	case unix.ENODATA, unix.ENOTSUP, unix.ERANGE:
		return false, nil
	}
	return false, wrap(opaqueAttribute, err)
}

func timeOf(h *tar.Header) unix.Timespec {
	return unix.Timespec{Sec: h.ModTime.Unix(), Nsec: int64(h.ModTime.Nanosecond())}
}

// setTime sets the times of an open file.
func setTime(fd int, t unix.Timespec) error {
	return wrap("time", unix.UtimesNanoAt(fd, "", []unix.Timespec{t, t}, unix.AT_EMPTY_PATH))
}

// wrap says what could not be done.
func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
