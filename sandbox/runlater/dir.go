package runlater

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// beneath keeps a lookup where it starts: through no link, to no other mount.
const beneath = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV

// openAt opens what is below a directory.
func openAt(dir int, path string, flags uint64) (int, error) {
	how := unix.OpenHow{Flags: flags | unix.O_CLOEXEC | unix.O_NOFOLLOW, Resolve: beneath}
	for range openTries {
		fd, err := unix.Openat2(dir, path, &how)
		if err != unix.EINTR && err != unix.EAGAIN {
			return fd, err
		}
	}
	return -1, unix.EAGAIN
}

// openTries is far more often than renames elsewhere make an open fail (openat2(2)). So does
// a lease that another process has on the file, for 45 seconds (fcntl(2)).
const openTries = 10000

// openDir opens a directory below another for reading.
func openDir(dir int, path string) (int, error) {
	return openAt(dir, path, unix.O_RDONLY|unix.O_DIRECTORY)
}

// openDeep does the same for a path of any length: the kernel takes 4095 bytes
// at a time.
func openDeep(dir int, path string) (int, error) {
	at := dir
	for {
		part, rest := path, ""
		if len(path) > unix.PathMax/2 {
			cut := unix.PathMax/2 + strings.IndexByte(path[unix.PathMax/2:]+"/", '/')
			part, rest = path[:cut], strings.TrimPrefix(path[cut:], "/")
		}
		fd, err := openDir(at, part)
		if at != dir {
			unix.Close(at)
		}
		if err != nil || rest == "" {
			return fd, err
		}
		at, path = fd, rest
	}
}

// openRoot opens a directory that the caller named.
func openRoot(path string) (int, error) {
	for {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		switch {
		case err == nil:
			return fd, nil
		case err != unix.EINTR:
			return -1, &fs.PathError{Op: "open", Path: path, Err: err}
		}
	}
}

// parent splits a path below a root into the directory and the name.
func parent(path string) (dir, name string) {
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		return path[:i], path[i+1:]
	}
	return ".", path
}

func join(dir, name string) string {
	switch {
	case dir == "." || dir == "":
		return name
	case name == ".":
		return dir
	case dir == "/":
		return "/" + name
	}
	return dir + "/" + name
}

// realPath is where an open directory is.
func realPath(fd int) (string, error) { return os.Readlink("/proc/self/fd/" + strconv.Itoa(fd)) }

const statMask = unix.STATX_BASIC_STATS | unix.STATX_BTIME

// statAt looks at a name itself, never at where a link leads.
func statAt(dir int, name string, st *unix.Statx_t) error {
	for {
		err := unix.Statx(dir, name, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT, statMask, st)
		if err != unix.EINTR {
			return err
		}
	}
}

// statEntry is statAt for a name in the buffer of a reader, which has a NUL
// behind it: a walk has one for every file, so there is no copy of it.
func statEntry(dir int, name []byte, st *unix.Statx_t) error {
	for {
		_, _, e := unix.Syscall6(unix.SYS_STATX, uintptr(dir), uintptr(unsafe.Pointer(&name[0])),
			unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT, statMask, uintptr(unsafe.Pointer(st)), 0)
		if e == 0 {
			return nil
		}
		if e != unix.EINTR {
			return e
		}
	}
}

func statFD(fd int, st *unix.Statx_t) error {
	return unix.Statx(fd, "", unix.AT_EMPTY_PATH, statMask, st)
}

var errSpecial = errors.New("not a regular file, or too large")

// readAt reads a small regular file. Opening does not wait for the writer of a
// FIFO.
// readPath reads a regular file by an absolute path. flags may be O_NOFOLLOW.
func readPath(path string, flags, limit int) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC|flags, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	return readFD(fd, limit)
}

func readAt(dir int, path string, limit int) ([]byte, error) {
	fd, err := openAt(dir, path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	return readFD(fd, limit)
}

func readFD(fd, limit int) ([]byte, error) {
	var st unix.Statx_t
	if err := statFD(fd, &st); err != nil {
		return nil, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Size > uint64(limit) {
		return nil, errSpecial
	}
	buf := make([]byte, st.Size+1)
	for n := 0; ; {
		got, err := unix.Read(fd, buf[n:])
		switch {
		case err == unix.EINTR:
		case err != nil:
			return nil, err
		case got == 0:
			return buf[:n], nil
		case n+got == len(buf): // it grew
			return nil, errSpecial
		default:
			n += got
		}
	}
}

// A reader lists directories, one at a time.
type reader struct {
	buf   []byte
	at, n int
	ino   uint64 // of the name that next gave
}

// next gives a name and its type, or an empty name at the end. The name is in
// the reader's buffer, with a NUL behind it, until the next call.
func (r *reader) next(dir int) (name []byte, kind byte, err error) {
	for {
		for r.at >= r.n {
			r.at = 0
			r.n, err = unix.Getdents(dir, r.buf)
			switch {
			case err == unix.EINTR:
				r.n = 0
			case err != nil || r.n == 0:
				r.n = 0
				return nil, 0, err
			}
		}
		// struct linux_dirent64: inode and offset, 8 bytes each, the record's
		// length, 2, the type, 1, the name.
		rec := r.buf[r.at:r.n]
		size := int(*(*uint16)(unsafe.Pointer(&rec[16])))
		r.at += size
		name = rec[19:size]
		for i, c := range name {
			if c == 0 {
				name = name[:i]
				break
			}
		}
		if string(name) != "." && string(name) != ".." {
			r.ino = *(*uint64)(unsafe.Pointer(&rec[0]))
			return name, rec[18], nil
		}
	}
}

// list gives the entries of one kind, or all of them for DT_UNKNOWN.
func list(dir int, kind byte) ([]string, error) {
	r := reader{buf: make([]byte, 8<<10)}
	var found []string
	for {
		name, k, err := r.next(dir)
		if err != nil || len(name) == 0 {
			return found, err
		}
		if k == unix.DT_UNKNOWN {
			k = typeOf(dir, name)
		}
		if k == kind || kind == unix.DT_UNKNOWN {
			found = append(found, string(name))
		}
	}
}

// typeOf is for file systems that do not say it in the directory.
func typeOf(dir int, name []byte) byte {
	var st unix.Statx_t
	if statEntry(dir, name, &st) != nil {
		return unix.DT_UNKNOWN
	}
	return byte(st.Mode & unix.S_IFMT >> 12)
}
