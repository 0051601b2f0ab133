package outfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A File is a name in a directory that is open. The directory is opened before an
// untrusted command runs: afterwards its path may lead elsewhere.
type File struct {
	path, name string
	dir        int
}

// Open opens the directory of a path, through no link out of an untrusted directory.
// What has the name already must be a regular file, or a link, which is replaced.
func Open(path string, untrusted ...string) (*File, error) {
	f, err := open(path, untrusted...)
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	err = unix.Fstatat(f.dir, f.name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if kind := st.Mode & unix.S_IFMT; err == nil && kind != unix.S_IFREG && kind != unix.S_IFLNK {
		f.Close()
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	return f, nil
}

func open(path string, untrusted ...string) (*File, error) {
	dir, name := filepath.Split(path)
	if name == "" || name == "." || name == ".." {
		return nil, &os.PathError{Op: "open", Path: path, Err: unix.EISDIR}
	}
	if dir == "" {
		dir = "."
	}
	f := &File{path: path, name: name, dir: -1}
	root, rest, err := Locate(dir, true, untrusted...)
	if err != nil {
		return nil, err
	}
	if root != nil {
		defer root.Close()
		f.dir, err = beneath(root, rest)
	} else {
		f.dir, err = unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return f, nil
}

// errLeads is about a link that could be the untrusted command's.
var errLeads = errors.New("a link on the way leads out of a directory that a sandbox can write")

func beneath(root *os.File, rest string) (int, error) {
	how := unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS,
	}
	for range 1000 { // EAGAIN: something was renamed on the way
		fd, err := unix.Openat2(int(root.Fd()), rest, &how)
		switch err {
		case unix.EINTR, unix.EAGAIN:
			continue
		case unix.EXDEV:
			return -1, errLeads
		}
		return fd, err
	}
	return -1, unix.EAGAIN
}

// Close gives the directory back.
func (f *File) Close() { unix.Close(f.dir) }

// Create makes a new file that takes the name at once.
func (f *File) Create() (*os.File, error) {
	file, aside, err := f.aside()
	if err != nil {
		return nil, err
	}
	if err := f.place(aside); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// Write makes a file that is whole or not there. write gets the new file.
func (f *File) Write(write func(*os.File) error) error {
	file, aside, err := f.aside()
	if err != nil {
		return err
	}
	if err := errors.Join(write(file), file.Close()); err != nil {
		_ = unix.Unlinkat(f.dir, aside, 0) // what made it fail is told
		return err
	}
	return f.place(aside)
}

func (f *File) aside() (*os.File, string, error) {
	for {
		name := ".sbx-new-" + strconv.Itoa(os.Getpid()) + "-" + strconv.FormatInt(time.Now().UnixNano(), 36)
		fd, err := unix.Openat(f.dir, name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		if err == unix.EEXIST || err == unix.EINTR {
			continue
		}
		if err == unix.ENOENT {
			return nil, "", fmt.Errorf("%s: its directory was removed", f.path)
		}
		if err != nil {
			return nil, "", &os.PathError{Op: "create", Path: f.path, Err: err}
		}
		return os.NewFile(uintptr(fd), strings.TrimSuffix(f.path, f.name)+name), name, nil
	}
}

// place renames, which replaces a link and follows none.
func (f *File) place(aside string) error {
	err := unix.Renameat(f.dir, aside, f.dir, f.name)
	if err != nil {
		_ = unix.Unlinkat(f.dir, aside, 0) // as above
		return &os.PathError{Op: "write", Path: f.path, Err: err}
	}
	return nil
}
