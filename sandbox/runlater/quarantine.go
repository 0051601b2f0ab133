package runlater

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// suffix takes the name from what is moved, so that looking at it does not run
// it: vim reads an .exrc in the directory that it is started in.
const suffix = ".moved"

// Move moves the findings, except the doubtful, into a new directory below state, each
// under its whole path with ".moved" behind, as the names that run later in a directory
// have then. Where that could not be done for all, the new directory cannot be entered
// before its mode is changed. Move returns that directory, or nothing if
// there was nothing to move, and of each finding why it was not moved, or nil. What was
// not is still there, or where the error says. A git configuration is copied back without
// the settings that were found.
func (r Report) Move(state string) (dir string, failed []error) {
	q := quarantine{root: -1}
	defer q.close()
	failed = make([]error, len(r.Findings))
	var none error // why there is no directory
	for i, f := range r.Findings {
		if f.What.Stays() {
			continue
		}
		if dir == "" && none == nil {
			dir, none = q.open(state)
		}
		if failed[i] = none; none == nil {
			failed[i] = q.move(&r.Findings[i])
		}
	}
	return dir, failed
}

type quarantine struct {
	opened bool
	fd     int
	root   int // of the finding at hand, or -1
	path   string
	left   budget
	names  int  // that may still be looked at by disarm
	armed  bool // something in it runs later
}

// open makes the directory. It is nobody else's to look into.
func (q *quarantine) open(state string) (string, error) {
	if err := os.MkdirAll(state, 0o700); err != nil {
		return "", err
	}
	at, err := openRoot(state)
	if err != nil {
		return "", err
	}
	defer unix.Close(at)
	name := time.Now().UTC().Format("20060102T150405Z-") + random()
	if err := unix.Mkdirat(at, name, 0o700); err != nil {
		return "", fmt.Errorf("%s: %w", join(state, name), err)
	}
	if q.fd, err = openDir(at, name); err != nil {
		return "", err
	}
	q.opened, q.left, q.names = true, copyBudget, disarmNames
	return join(state, name), nil
}

func random() string {
	var b [6]byte
	_, _ = unix.Getrandom(b[:], 0) // names are taken with O_EXCL's like
	return hex.EncodeToString(b[:])
}

func (q *quarantine) close() {
	if q.opened {
		if q.armed {
			_ = chmod(q.fd, 0o600) // the caller's own directory
		}
		unix.Close(q.fd)
	}
	if q.root >= 0 {
		unix.Close(q.root)
	}
}

// move renames one finding. A rename takes the name as it is, link or not, so
// whatever is swapped in meanwhile is moved from here to there and not followed.
func (q *quarantine) move(f *Finding) error {
	if q.root < 0 || q.path != f.Root {
		root, err := openRoot(f.Root)
		if err != nil {
			return err
		}
		if q.root >= 0 {
			unix.Close(q.root)
		}
		q.root, q.path = root, f.Root
	}
	dir, name := parent(f.Path)
	from, err := openDeep(q.root, dir)
	if err == unix.ENOENT {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(from)
	to, err := makeDeep(q.fd, join(strings.Trim(f.Root, "/"), dir))
	if err != nil {
		return err
	}
	defer unix.Close(to)
	as := name + suffix
	err = rename(from, name, to, as)
	if err == unix.ENAMETOOLONG {
		as = random() + suffix
		err = rename(from, name, to, as)
	}
	f.As = join(join(strings.Trim(f.Root, "/"), dir), as)
	switch err {
	case nil:
		q.armed = !q.disarm(to, as) || q.armed
		f.clean(from, name, to, as)
		return nil
	case unix.ENOENT:
		return nil
	case unix.EXDEV:
		return q.carry(from, name, to)
	}
	return err
}

// rename does not replace anything. If permission is lacking that the owner took
// from himself, it is given back: to the directory for as long, and to what is
// moved for good, since a directory's ".." is changed by moving it.
func rename(from int, name string, to int, as string) error {
	err := unix.Renameat2(from, name, to, as, unix.RENAME_NOREPLACE)
	if err == unix.EINVAL || err == unix.ENOSYS { // the file system has no such flag, and nobody else writes there
		err = unix.Renameat(from, name, to, as)
	}
	if err != unix.EACCES {
		return err
	}
	defer writable(from)()
	if fd, err := openAt(from, name, unix.O_PATH|unix.O_DIRECTORY); err == nil {
		writable(fd)
		unix.Close(fd)
	}
	return unix.Renameat2(from, name, to, as, unix.RENAME_NOREPLACE)
}

// makeDeep makes a directory and those above it, and opens it.
func makeDeep(at int, path string) (int, error) {
	fd, err := openDir(at, ".")
	for part := range strings.SplitSeq(path, "/") {
		if err != nil {
			return -1, err
		}
		if part == "" || part == "." {
			continue
		}
		if err = unix.Mkdirat(fd, part, 0o700); err == unix.EEXIST {
			err = nil
		}
		next := -1
		if err == nil {
			next, err = openDir(fd, part)
		}
		unix.Close(fd)
		fd = next
	}
	return fd, err
}
