package tree

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// An Entry is one file of a tree, of any type.
type Entry struct {
	// Path is below the root, which itself is ".".
	Path string
	Stat unix.Stat_t
	// Link is where a symbolic link leads.
	Link string
	// Attributes are the extended ones of a directory or regular file, those alone
	// that a user may set and security.capability.
	Attributes map[string]string
	dir        int
	name       string
}

// Type is that of stat(2): unix.S_IFREG and so on.
func (e Entry) Type() uint32 { return e.Stat.Mode & unix.S_IFMT }

// Open opens a regular file for reading. It may be called while the entry is the
// latest alone.
func (e Entry) Open() (*os.File, error) {
	// Nothing waits at a pipe that took the file's place.
	fd, err := unix.Openat(e.dir, e.name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", e.Path, err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Ino != e.Stat.Ino || st.Dev != e.Stat.Dev {
		unix.Close(fd)
		return nil, fmt.Errorf("%q: replaced meanwhile", e.Path)
	}
	return os.NewFile(uintptr(fd), e.Path), nil
}

// describe fills in all but the path.
func (e *Entry) describe() (err error) {
	if err := unix.Fstatat(e.dir, e.name, &e.Stat, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	switch e.Type() {
	case unix.S_IFLNK:
		buf := make([]byte, unix.PathMax)
		n, err := unix.Readlinkat(e.dir, e.name, buf)
		e.Link = string(buf[:n])
		return err
	case unix.S_IFREG:
		f, err := e.Open()
		if err != nil {
			return err
		}
		defer f.Close()
		e.Attributes, err = attributes(int(f.Fd()))
		return err
	}
	return nil
}

func attributes(fd int) (map[string]string, error) {
	buf := make([]byte, 64<<10) // XATTR_LIST_MAX, and XATTR_SIZE_MAX
	n, err := unix.Flistxattr(fd, buf)
	if err == unix.ENOTSUP || n == 0 && err == nil {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var found map[string]string
	for _, name := range bytes.Split(bytes.Clone(buf[:n]), []byte{0}) {
		if attr := string(name); strings.HasPrefix(attr, "user.") || attr == "security.capability" {
			n, err := unix.Fgetxattr(fd, attr, buf)
			if err != nil {
				return nil, fmt.Errorf("attribute %q: %w", attr, err)
			}
			if found == nil {
				found = map[string]string{}
			}
			found[attr] = string(buf[:n])
		}
	}
	return found, nil
}
