package runlater

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// A budget bounds what is copied: sizes and depths are the attacker's.
type budget struct {
	bytes   int64
	entries int
}

var copyBudget = budget{256 << 20, 10000}

const copyDepth = 64

var errBudget = errors.New("too much to copy")

// carry moves between file systems. First the name is taken from it, in its own
// directory: from then on nothing obeys it, whatever becomes of the copy. If it
// cannot be copied it stays there under the other name.
func (q *quarantine) carry(from int, name string, to int) error {
	defer writable(from)()
	aside := ".sbx-moved-" + random()
	if err := rename(from, name, from, aside); err != nil {
		return err
	}
	err := q.left.copy(from, aside, to, name+suffix, copyDepth)
	if err != nil {
		_ = remove(to, name+suffix, copyDepth+1)
		q.disarm(from, aside)
		return fmt.Errorf("left beside as %s: %w", aside, err)
	}
	q.armed = !q.disarm(to, name+suffix) || q.armed
	if err := remove(from, aside, copyDepth+1); err != nil {
		q.disarm(from, aside)
		return fmt.Errorf("copied, and left beside as %s: %w", aside, err)
	}
	return nil
}

// copy copies a file, a link as a link, or a directory with those. Owner, setuid
// and setgid, attributes and times are not kept.
func (b *budget) copy(from int, name string, to int, as string, depth int) error {
	if b.entries--; b.entries < 0 || depth < 0 {
		return errBudget
	}
	var st unix.Statx_t
	if err := statAt(from, name, &st); err != nil {
		return err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return b.copyFile(from, name, to, as)
	case unix.S_IFDIR:
		return b.copyDir(from, name, to, as, depth)
	case unix.S_IFLNK:
		target, err := tree{fd: from}.readlink(name)
		if err != nil {
			return err
		}
		return unix.Symlinkat(target, to, as)
	}
	return errSpecial
}

func (b *budget) copyDir(from int, name string, to int, as string, depth int) error {
	source, err := openDir(from, name)
	if err != nil {
		return err
	}
	defer unix.Close(source)
	if err := unix.Mkdirat(to, as, 0o700); err != nil {
		return err
	}
	target, err := openDir(to, as)
	if err != nil {
		return err
	}
	defer unix.Close(target)
	names, err := list(source, unix.DT_UNKNOWN)
	for _, n := range names {
		if err == nil {
			err = b.copy(source, n, target, n, depth-1)
		}
	}
	return err
}

func (b *budget) copyFile(from int, name string, to int, as string) error {
	fd, err := openAt(from, name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return err
	}
	source := os.NewFile(uintptr(fd), name)
	defer source.Close()
	st, err := source.Stat()
	if err != nil {
		return err
	}
	if !st.Mode().IsRegular() {
		return errSpecial
	}
	fd, err = unix.Openat(to, as, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, uint32(st.Mode().Perm()))
	if err != nil {
		return err
	}
	target := os.NewFile(uintptr(fd), as)
	n, err := io.Copy(target, io.LimitReader(source, b.bytes+1))
	if b.bytes -= n; err == nil && b.bytes < 0 {
		err = errBudget
	}
	return errors.Join(err, target.Close())
}

// remove removes a name and what is below it.
func remove(at int, name string, depth int) error {
	err := unix.Unlinkat(at, name, 0)
	if err != unix.EISDIR || depth < 0 {
		return err
	}
	fd, err := openDir(at, name)
	if err != nil {
		return err
	}
	writable(fd)
	names, err := list(fd, unix.DT_UNKNOWN)
	for _, n := range names {
		if err == nil {
			err = remove(fd, n, depth-1)
		}
	}
	unix.Close(fd)
	if err != nil {
		return err
	}
	return unix.Unlinkat(at, name, unix.AT_REMOVEDIR)
}
