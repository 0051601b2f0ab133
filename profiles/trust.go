package profiles

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// A Store remembers which project's file the user has trusted. There is a file
// for each project, named by the hash of the project's physical path, with the
// hash of the text that was trusted. A text with another byte is another text,
// and a project that was moved is another project.
//
// It is state and not configuration: it means nothing on another machine.
type Store struct{ dir string }

// Store is the user's.
func (p Places) Store() Store { return Store{path.Join(p.StateHome, "sbx/trust")} }

// record is what the store's file of a project holds. The path is in it for the
// one who looks.
func record(project string, text []byte) []byte {
	return []byte("1 " + digest(text) + " " + strconv.Quote(project) + "\n")
}

// Trusted tells whether the user has trusted this text in this project.
func (s Store) Trusted(project string, text []byte) (bool, error) {
	dir, err := s.open()
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer unix.Close(dir)
	name := digest([]byte(project))
	got, err := readAt(dir, name, path.Join(s.dir, name), unix.O_NOFOLLOW)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && bytes.Equal(got, record(project, text)), err
}

// Trust records that the user trusts this text in this project. It must be the
// text whose list of Widens he was shown.
func (s Store) Trust(project string, text []byte) error {
	if !path.IsAbs(project) {
		return fmt.Errorf("project %s: want its absolute path", quote(project))
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	dir, err := s.open()
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	name := digest([]byte(project))
	// A crash leaves the old record or the new one, and never half of one.
	aside := ".new-" + strconv.Itoa(os.Getpid()) + "-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	if err := writeAt(dir, aside, record(project, text)); err != nil {
		unix.Unlinkat(dir, aside, 0)
		return &fs.PathError{Op: "write", Path: path.Join(s.dir, aside), Err: err}
	}
	if err := unix.Renameat(dir, aside, dir, name); err != nil {
		unix.Unlinkat(dir, aside, 0)
		return &fs.PathError{Op: "rename", Path: path.Join(s.dir, name), Err: err}
	}
	return unix.Fsync(dir)
}

// Untrust forgets a project. It tells whether there was something to forget.
func (s Store) Untrust(project string) (bool, error) {
	dir, err := s.open()
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer unix.Close(dir)
	name := digest([]byte(project))
	switch err := unix.Unlinkat(dir, name, 0); err {
	case nil:
		return true, unix.Fsync(dir)
	case unix.ENOENT:
		return false, nil
	default:
		return false, &fs.PathError{Op: "remove", Path: path.Join(s.dir, name), Err: err}
	}
}

// open opens the store. One that others can write to is worth nothing.
func (s Store) open() (int, error) {
	fd, err := openAt(unix.AT_FDCWD, s.dir, unix.O_DIRECTORY|unix.O_NOFOLLOW)
	if err != nil {
		return -1, &fs.PathError{Op: "open", Path: s.dir, Err: err}
	}
	var st unix.Stat_t
	err = unix.Fstat(fd, &st)
	if err == nil && (st.Uid != uint32(os.Geteuid()) || st.Mode&0o022 != 0) {
		err = errors.New("others can write to it: want mode 0700 and yourself as the owner")
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("%s: %w", s.dir, err)
	}
	return fd, nil
}

// writeAt writes a new file to the disk.
func writeAt(dir int, name string, text []byte) error {
	fd, err := unix.Openat(dir, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), name)
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
