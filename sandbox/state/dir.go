package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// Dir is where the caller's sandboxes are kept: below XDG_RUNTIME_DIR, which is his
// alone and gone when the machine has been off, as the sandboxes are. Where there is
// none, as after su or in a job of cron, it is the one that logind makes, and at last a
// directory in /tmp that has to be his.
func Dir(getenv func(string) string, uid int) string { return Dirs(getenv, uid)[0] }

// Dirs are all the directories where they may be kept, and the first is where the next
// one will be: who had another environment may have begun some in the others. Who has
// chosen a directory of his own does not meet what is in /tmp.
func Dirs(getenv func(string) string, uid int) []string {
	return dirs(getenv("XDG_RUNTIME_DIR"), "/run/user/"+strconv.Itoa(uid), "/tmp/sbx-"+strconv.Itoa(uid), uid)
}

func dirs(runtime, usual, last string, uid int) (dirs []string) {
	if filepath.IsAbs(runtime) && owned(runtime, uid) == nil {
		dirs = append(dirs, filepath.Join(runtime, "sbx"))
	}
	if dir := filepath.Join(usual, "sbx"); private(usual, uid) && !slices.Contains(dirs, dir) {
		dirs = append(dirs, dir)
	}
	if len(dirs) == 0 || dirs[0] == filepath.Join(usual, "sbx") {
		dirs = append(dirs, last)
	}
	return dirs
}

// private tells whether a directory is the user's and nobody else may look into it.
func private(dir string, uid int) bool {
	var st unix.Stat_t
	return unix.Lstat(dir, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR && int(st.Uid) == uid && st.Mode&0o077 == 0
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

// OpenAll opens the sandboxes in the first directory, and those that are in the others.
func OpenAll(dirs []string, uid int) (*Sandboxes, error) {
	s, err := Open(dirs[0], uid)
	if err != nil {
		return nil, err
	}
	for _, dir := range dirs[1:] {
		there := true
		for _, d := range []string{dir, filepath.Join(dir, "names"), filepath.Join(dir, "boxes")} {
			there = there && owned(d, uid) == nil
		}
		if there {
			s.others = append(s.others, &Sandboxes{dir: dir})
		}
	}
	return s, nil
}

// Sandboxes are those of one user.
type Sandboxes struct {
	dir    string
	others []*Sandboxes // in other directories
}

// of is the directory that has a sandbox.
func (s *Sandboxes) of(id string) *Sandboxes {
	for _, o := range s.others {
		if _, err := os.Lstat(o.box(id)); err == nil {
			return o
		}
	}
	return s
}

// Path is the directory.
func (s *Sandboxes) Path() string { return s.dir }

func (s *Sandboxes) box(id string) string     { return filepath.Join(s.dir, "boxes", id) }
func (s *Sandboxes) named(name string) string { return filepath.Join(s.dir, "names", name) }

// A namesLock lets one process at a time change which name is whose.
type namesLock []*os.File

// lockNames locks the names of all directories, in one order for all processes.
func (s *Sandboxes) lockNames() (namesLock, error) {
	dirs := []string{s.dir}
	for _, o := range s.others {
		dirs = append(dirs, o.dir)
	}
	slices.Sort(dirs)
	var lock namesLock
	for _, dir := range dirs {
		f, err := os.Open(filepath.Join(dir, "names"))
		if err == nil {
			lock = append(lock, f)
			err = flock(f, unix.LOCK_EX)
		}
		if err != nil {
			lock.Close()
			return nil, err
		}
	}
	return lock, nil
}

// Close lets the next one.
func (l namesLock) Close() {
	for _, f := range l {
		f.Close()
	}
}

func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if err != unix.EINTR {
			return os.NewSyscallError("flock", err)
		}
	}
}
