package transfer

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// A Reader reads a tree.
type Reader struct {
	Root Root
	// Follow has the source be where a link at the end of its path leads.
	Follow bool
	// Warn is called for what could not be read. The rest is read all the same.
	Warn func(error)

	to    Sink
	first map[[2]uint64][]byte // of each file with several names
	buf   []byte
}

// Read gives what is at a path to a sink.
func (r *Reader) Read(name string, to Sink) error {
	r.to, r.first, r.buf = to, map[[2]uint64][]byte{}, make([]byte, partSize)
	if name == "" {
		return errors.New("an empty path")
	}
	flags := unix.O_NOFOLLOW
	if r.Follow {
		flags = 0
	}
	fd, err := r.Root.open(name, flags)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if err := checkKind(fd, &st, 0); err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	last, contents := base(name)
	isDir := st.Mode&unix.S_IFMT == unix.S_IFDIR
	if err := to.Begin(Head{Base: []byte(last), Contents: contents, Directory: isDir}); err != nil {
		return err
	}
	if err := r.entry(fd, nil, &st, 0); err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	return to.End()
}

// A sinkError is not the source's.
type sinkError struct{ error }

func (e sinkError) Unwrap() error { return e.error }

func sink(err error) error {
	if err != nil {
		return sinkError{err}
	}
	return nil
}

// maxDepth bounds the descriptors that are open at a time.
const maxDepth = 1000

// entry gives what a descriptor stands for.
func (r *Reader) entry(fd int, path []byte, st *unix.Stat_t, depth int) error {
	e := entryOf(path, st)
	switch e.Type {
	case unix.S_IFDIR:
		return r.directory(fd, e, st, depth)
	case unix.S_IFREG:
		return r.regular(fd, e, st)
	case unix.S_IFLNK:
		link, err := readLink(fd)
		if err != nil {
			return err
		}
		e.Link = link
	}
	return sink(r.to.Entry(e))
}

func readLink(fd int) ([]byte, error) {
	b := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", b)
	return b[:max(n, 0)], err
}

// directory gives one, and what is in it. What of that cannot be read is left out.
func (r *Reader) directory(fd int, e Entry, st *unix.Stat_t, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("deeper than %d directories", maxDepth)
	}
	dir, err := openDir(fd, ".")
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(dir), "directory")
	defer f.Close()
	if err := r.to.Entry(e); err != nil {
		return sinkError{err}
	}
	for {
		names, err := f.Readdirnames(1000)
		for _, name := range names {
			err := r.child(dir, name, e.Path, st.Dev, depth)
			if given := (sinkError{}); errors.As(err, &given) {
				return err
			} else if err != nil {
				r.Warn(fmt.Errorf("%q: %w", below(e.Path, name), err))
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func below(dir []byte, name string) []byte {
	if len(dir) == 0 {
		return []byte(name)
	}
	return append(append(dir[:len(dir):len(dir)], '/'), name...)
}

func (r *Reader) child(dir int, name string, path []byte, dev uint64, depth int) error {
	fd, err := unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if err := checkKind(fd, &st, dev); err != nil {
		return err
	}
	return r.entry(fd, below(path, name), &st, depth+1)
}

// regular gives a file as long as it is now: one that grows meanwhile has no end.
func (r *Reader) regular(fd int, e Entry, st *unix.Stat_t) error {
	key := [2]uint64{st.Dev, st.Ino}
	if e.Several {
		if first, ok := r.first[key]; ok {
			e.Same = first
			return sink(r.to.Entry(e))
		}
	}
	f, err := reopen(fd, unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer f.Close()
	var now unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &now); err != nil {
		return err
	}
	if e.Several {
		r.first[key] = e.Path
	}
	e.Size = now.Size
	if err := r.to.Entry(e); err != nil {
		return sinkError{err}
	}
	end, err := r.content(f, e)
	if err != nil {
		return err
	}
	return sink(r.to.EndFile(end))
}

// content gives what is in a file, but not its holes, and where it ended.
func (r *Reader) content(f *os.File, e Entry) (end int64, err error) {
	fd, size := int(f.Fd()), e.Size
	for at := int64(0); at < size; {
		from, err := unix.Seek(fd, at, unix.SEEK_DATA)
		if err == unix.ENXIO {
			return min(size, sizeOf(fd)), nil // a hole to the end, or it was cut
		}
		if err != nil || from < at {
			from = at // the file system does not tell
		}
		to := size
		if hole, err := unix.Seek(fd, from, unix.SEEK_HOLE); err == nil && hole > from {
			to = min(size, hole)
		}
		for at = from; at < to; {
			n, err := unix.Pread(fd, r.buf[:min(partSize, to-at)], at)
			if err == unix.EINTR {
				continue
			}
			if err != nil || n == 0 {
				if err != nil { // its end has to come all the same
					r.Warn(fmt.Errorf("%q, from byte %d on: %w", e.Path, at, err))
				}
				return at, nil
			}
			if err := r.to.Part(at, r.buf[:n]); err != nil {
				return at, sinkError{err}
			}
			at += int64(n)
		}
	}
	return size, nil
}

func sizeOf(fd int) int64 {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return 0
	}
	return st.Size
}

func openDir(dir int, name string) (int, error) {
	return unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
}

var (
	errKernel = errors.New("it is the kernel's and has no content to copy")
	errDevice = errors.New("devices are not copied")
	errSocket = errors.New("sockets are not copied")
)

// checkKind refuses what has no content of its own. What is on the same file system as
// the directory that it is in needs no second look.
func checkKind(fd int, st *unix.Stat_t, parent uint64) error {
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFBLK, unix.S_IFCHR:
		return errDevice
	case unix.S_IFSOCK:
		return errSocket
	}
	if st.Dev == parent {
		return nil
	}
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err != nil {
		return err
	}
	for _, kernels := range kernelFiles {
		if int64(fs.Type) == kernels {
			return errKernel
		}
	}
	return nil
}

// kernelFiles are file systems that the kernel makes up: one reads from them without end,
// or waits, or mounts something.
var kernelFiles = []int64{
	unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.CGROUP_SUPER_MAGIC, unix.CGROUP2_SUPER_MAGIC, unix.DEVPTS_SUPER_MAGIC, unix.DEBUGFS_MAGIC,
	unix.TRACEFS_MAGIC, unix.SECURITYFS_MAGIC, unix.SELINUX_MAGIC, unix.BPF_FS_MAGIC, unix.PSTOREFS_MAGIC, unix.EFIVARFS_MAGIC,
	unix.BINFMTFS_MAGIC, unix.NSFS_MAGIC, unix.AUTOFS_SUPER_MAGIC, 0x19800202 /* mqueue */, 0x62656570, /* configfs */
}

// Said keeps what was to be warned of within bounds: a sandbox can have a million files
// that cannot be read.
type Said struct {
	Say func(string)
	n   int
}

const maxSaid = 20

// Warn says one.
func (s *Said) Warn(err error) {
	if s.n++; s.n <= maxSaid {
		s.Say(strings.ToValidUTF8(err.Error(), "?"))
	}
}

// End tells whether there was any, and says how many more.
func (s *Said) End() bool {
	if s.n > maxSaid {
		s.Say(fmt.Sprintf("and %d more", s.n-maxSaid))
	}
	return s.n > 0
}
