package profiles

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// User is the directory of the user's own profiles. Opening it is the one system
// call that it costs who has none.
//
// Links in it are followed: the directory is the user's word, and many keep such
// files elsewhere and link them.
type User struct {
	path string
	fd   int
}

// OpenUser opens the directory, which need not be there.
func OpenUser(path string) (*User, error) {
	fd, err := openAt(unix.AT_FDCWD, path, unix.O_DIRECTORY)
	switch {
	case err == unix.ENOENT, err == unix.ENOTDIR: // $HOME is /dev/null for some
		fd = -1
	case err != nil:
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return &User{path, fd}, nil
}

// NoUser is a user without profiles.
func NoUser() *User { return &User{fd: -1} }

// Close gives the descriptor back.
func (u *User) Close() {
	if u.fd >= 0 {
		unix.Close(u.fd)
		u.fd = -1
	}
}

// Names are the profiles that are there, in order.
func (u *User) Names() ([]string, error) {
	if u.fd < 0 {
		return nil, nil
	}
	// A description of one's own, so that reading starts at the top every time.
	fd, err := openAt(u.fd, ".", unix.O_DIRECTORY)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: u.path, Err: err}
	}
	dir := os.NewFile(uintptr(fd), u.path)
	defer dir.Close()
	files, err := dir.Readdirnames(-1)
	var names []string
	for _, f := range files {
		if name, ok := strings.CutSuffix(f, ".toml"); ok && checkName(name) == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, err
}

// read gives the user's own profile of a name, if there is one.
func (u *User) read(name string) (p Profile, ok bool, err error) {
	if u.fd < 0 {
		return p, false, nil
	}
	path := u.path + "/" + name + ".toml"
	text, err := readAt(u.fd, name+".toml", path, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return p, false, nil
	}
	if err == nil {
		p, err = Parse(path, text)
	}
	return p, err == nil, err
}

// Load gives a profile as it is written, with nothing that it extends: the
// user's own, or the one that is built in.
func (u *User) Load(name string) (Profile, error) {
	if err := checkName(name); err != nil {
		return Profile{}, err
	}
	if p, ok, err := u.read(name); ok || err != nil {
		return p, err
	}
	if p, ok := Embedded(name); ok {
		return p, nil
	}
	known := Names()
	if own, err := u.Names(); err == nil {
		known = append(known, own...)
	}
	return Profile{}, &UnknownError{name, meant(name, known)}
}

// An UnknownError is a profile that there is not.
type UnknownError struct{ name, meant string }

func (e *UnknownError) Error() string { return "profile " + quote(e.name) + " is not known" + e.meant }

// openAt opens for reading, without waiting for the other end of a pipe that
// somebody put there.
func openAt(dir int, path string, flags int) (int, error) {
	for {
		fd, err := unix.Openat(dir, path, flags|unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// readAt reads a regular file of a bounded size.
func readAt(dir int, name, path string, flags int) ([]byte, error) {
	fd, err := openAt(dir, name, flags)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return nil, fmt.Errorf("%s: not a regular file", path)
	case st.Size > maxSize:
		return nil, fmt.Errorf("%s: larger than %d KiB", path, maxSize>>10)
	}
	// The file may grow while it is read, so that the size is no bound.
	text := make([]byte, maxSize+1)
	n, err := io.ReadFull(descriptor(fd), text)
	switch {
	case err == nil:
		return nil, fmt.Errorf("%s: larger than %d KiB", path, maxSize>>10)
	case err != io.EOF && err != io.ErrUnexpectedEOF:
		return nil, &fs.PathError{Op: "read", Path: path, Err: err}
	}
	return text[:n:n], nil
}

// descriptor reads from a descriptor that somebody else closes.
type descriptor int

func (d descriptor) Read(b []byte) (int, error) {
	for {
		n, err := unix.Read(int(d), b)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}
