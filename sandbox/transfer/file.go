package transfer

import (
	"errors"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// A writtenFile is a regular file that is being written.
type writtenFile struct {
	f       *os.File
	path    int // O_PATH of one that was there before, or -1
	dir     int
	name    string // of one that was made, in dir
	entry   Entry
	options Options
}

func procName(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// create makes a file to write, or has one that is there be written anew, as cp(1) does:
// it keeps its other names, and may be one that cannot be replaced since something is
// mounted on it. What is no regular file is replaced, and never opened.
func create(dir int, name string) (*writtenFile, error) {
	w := &writtenFile{path: -1, dir: dir, name: name}
	err := replace(dir, name, func() error {
		fd, err := unix.Openat(dir, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		if err == nil {
			w.f = os.NewFile(uintptr(fd), name)
		}
		if err != unix.EEXIST {
			return err
		}
		return w.open()
	})
	return w, err
}

// open opens what is there, and says EEXIST of what is no regular file.
func (w *writtenFile) open() error {
	fd, err := unix.Openat(w.dir, w.name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err == unix.ENOENT {
		return unix.EEXIST // it was there a moment ago: once more
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return unix.EEXIST
	}
	if w.f, err = reopen(fd, unix.O_WRONLY|unix.O_TRUNC); err == nil {
		w.name = ""
	}
	return err
}

// overwrite has the file at the path itself be written anew.
func (w *writtenFile) overwrite(o Options, e Entry) (err error) {
	if e.Type != unix.S_IFREG || e.Same != nil {
		return errors.New("there is a file already")
	}
	w.f, err = reopen(w.path, unix.O_WRONLY|unix.O_TRUNC)
	w.entry, w.options = e, o
	return err
}

func (w *writtenFile) inode() (uint64, error) {
	var st unix.Stat_t
	err := unix.Fstat(int(w.f.Fd()), &st)
	return st.Ino, err
}

func (w *writtenFile) write(at int64, b []byte) error {
	_, err := w.f.WriteAt(b, at)
	return cause(err)
}

// cause is an error without the name that the file was opened by.
func cause(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// end gives the file its size, a hole at its end too, and then all else.
func (w *writtenFile) end(size int64) error {
	err := cause(w.f.Truncate(size))
	if err == nil {
		err = w.options.dress(int(w.f.Fd()), w.entry)
	}
	if err != nil {
		w.abandon()
		return err
	}
	w.closePath()
	return w.f.Close()
}

// abandon leaves nothing of a file that was made and is not whole.
func (w *writtenFile) abandon() {
	if w.f != nil {
		w.f.Close()
		if w.name != "" {
			_ = unix.Unlinkat(w.dir, w.name, 0) // what made it fail is told
		}
	}
	w.closePath()
}

func (w *writtenFile) closePath() {
	if w.path >= 0 {
		unix.Close(w.path)
		w.path = -1
	}
}

// dress gives an open file its owner, mode and times, in this order: a change of owner
// takes the setuid bits off.
func (o Options) dress(fd int, e Entry) error {
	if o.Owner != nil {
		if uid, gid := o.Owner(e.UID, e.GID); uid >= 0 || gid >= 0 {
			if err := unix.Fchown(fd, uid, gid); err != nil {
				return os.NewSyscallError("chown", err)
			}
		}
	}
	mode := e.Mode &^ o.Mask
	if !o.Setuid {
		mode &^= unix.S_ISUID | unix.S_ISGID
	}
	if err := unix.Fchmod(fd, mode); err != nil {
		return os.NewSyscallError("chmod", err)
	}
	if o.Times {
		return os.NewSyscallError("utimensat", unix.UtimesNanoAt(fd, "", e.times(), unix.AT_EMPTY_PATH))
	}
	return nil
}

func (e Entry) times() []unix.Timespec {
	t := unix.NsecToTimespec(e.Modified.UnixNano())
	return []unix.Timespec{t, t}
}
