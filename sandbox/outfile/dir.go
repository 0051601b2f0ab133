package outfile

import (
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// A Dir is an open directory.
type Dir struct{ fd int }

// OpenDir opens a directory as Open does that of a file, and makes it where it is not
// there. A link in its place is not followed.
func OpenDir(path string, untrusted ...string) (*Dir, error) {
	f, err := open(filepath.Clean(path), untrusted...)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := unix.Mkdirat(f.dir, f.name, 0o755); err != nil && err != unix.EEXIST {
		return nil, &os.PathError{Op: "mkdir", Path: path, Err: err}
	}
	fd, err := unix.Openat(f.dir, f.name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return &Dir{fd}, nil
}

// Path is a path of the directory that leads nowhere else while it is open.
func (d *Dir) Path() string { return "/proc/self/fd/" + strconv.Itoa(d.fd) }

// Close gives the directory back.
func (d *Dir) Close() { unix.Close(d.fd) }
