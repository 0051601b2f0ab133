package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// Dir is where the caller's sandboxes are kept: below XDG_RUNTIME_DIR, which is his
// alone and gone when the machine has been off, as the sandboxes are. Where there is
// none, it is a directory in /tmp that has to be his.
func Dir(getenv func(string) string, uid int) string {
	if runtime := getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(runtime) && owned(runtime, uid) == nil {
		return filepath.Join(runtime, "sbx")
	}
	return "/tmp/sbx-" + strconv.Itoa(uid)
}

// owned refuses a directory that others may change, or that is not there. Its last
// element is not followed: who may make links in /tmp could have it lead anywhere.
func owned(dir string, uid int) error {
	var st unix.Stat_t
	if err := unix.Lstat(dir, &st); err != nil {
		return &fs.PathError{Op: "lstat", Path: dir, Err: err}
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		return fmt.Errorf("%s is no directory", dir)
	case int(st.Uid) != uid:
		return fmt.Errorf("%s belongs to user %d", dir, st.Uid)
	case st.Mode&0o022 != 0:
		return fmt.Errorf("%s may be changed by others (mode %04o)", dir, st.Mode&0o7777)
	}
	return nil
}

// A DirError says that sandboxes cannot be kept there.
type DirError struct{ Err error }

func (e *DirError) Error() string { return fmt.Sprintf("the directory of sandboxes: %v", e.Err) }
func (e *DirError) Unwrap() error { return e.Err }

// Hint names what mends it.
func (e *DirError) Hint() string {
	return "set XDG_RUNTIME_DIR to a directory that is yours alone (chmod 700)"
}

// Open opens the sandboxes in a directory, which is made where it is not there.
func Open(dir string, uid int) (*Sandboxes, error) {
	for _, d := range []string{dir, filepath.Join(dir, "names"), filepath.Join(dir, "boxes")} {
		if err := os.Mkdir(d, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, &DirError{err}
		}
		if err := owned(d, uid); err != nil {
			return nil, &DirError{err}
		}
	}
	return &Sandboxes{dir: dir}, nil
}

// Sandboxes are those of one user.
type Sandboxes struct{ dir string }

// Path is the directory.
func (s *Sandboxes) Path() string { return s.dir }

func (s *Sandboxes) box(id string) string     { return filepath.Join(s.dir, "boxes", id) }
func (s *Sandboxes) named(name string) string { return filepath.Join(s.dir, "names", name) }

// lockNames lets one process at a time change which name is whose.
func (s *Sandboxes) lockNames() (*os.File, error) {
	f, err := os.Open(filepath.Join(s.dir, "names"))
	if err != nil {
		return nil, err
	}
	if err := flock(f, unix.LOCK_EX); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if err != unix.EINTR {
			return os.NewSyscallError("flock", err)
		}
	}
}
