package procs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// A Dir is a sandbox's /proc.
type Dir struct{ f *os.File }

// Open opens that of the sandbox whose first process has that id, as seen from here. It
// must be a child of the caller's that he has not waited for: nobody else can have the
// id then.
func Open(pid int) (*Dir, error) {
	root, err := Root(pid)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return At(root)
}

// At opens that of the sandbox with that root.
func At(root *os.File) (*Dir, error) {
	fd, err := unix.Openat2(int(root.Fd()), "proc", &unix.OpenHow{
		Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS,
	})
	if err != nil {
		return nil, fmt.Errorf("the sandbox's /proc: %w", err)
	}
	var fs unix.Statfs_t
	if err = unix.Fstatfs(fd, &fs); err == nil && fs.Type != unix.PROC_SUPER_MAGIC {
		err = errors.New("the sandbox has no /proc")
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &Dir{os.NewFile(uintptr(fd), "/proc")}, nil
}

// Root opens the root of a process, to find names below it. As for Open, it must be a
// child.
func Root(pid int) (*os.File, error) {
	name := filepath.Join("/proc", strconv.Itoa(pid), "root")
	fd, err := unix.Open(name, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}

// Close closes it.
func (d *Dir) Close() error { return d.f.Close() }

// pids are the ids in there.
func (d *Dir) pids() (pids []int, err error) {
	if _, err := d.f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	names, err := d.f.Readdirnames(-1)
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, err
}

// read reads the beginning of a process's file.
func (d *Dir) read(pid int, name string, most int) ([]byte, error) {
	fd, err := unix.Openat(int(d.f.Fd()), strconv.Itoa(pid)+"/"+name, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, int64(most)))
}
