package tree

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"time"

	"golang.org/x/sys/unix"
)

// Differences tells how a tree differs from another, one line for a file that does,
// and no more lines than most.
func Differences(is, want int, most int) (lines []string, err error) {
	a, b := newCursor(is), newCursor(want)
	defer a.stop()
	defer b.stop()
	c := comparison{is: map[uint64]string{}, want: map[uint64]string{}}
	for a.more || b.more {
		if err := errors.Join(a.err, b.err); err != nil || len(lines) == most {
			return lines, err
		}
		line := ""
		switch order := a.compare(b); {
		case order < 0:
			line = fmt.Sprintf("%q is there and should not be", a.Path)
			a.next()
		case order > 0:
			line = fmt.Sprintf("%q is missing", b.Path)
			b.next()
		default:
			what, err := c.differ(a.Entry, b.Entry)
			if err != nil {
				return lines, err
			}
			if what != "" {
				line = fmt.Sprintf("%q: %s", a.Path, what)
			}
			a.next()
			b.next()
		}
		if line != "" {
			lines = append(lines, line)
		}
	}
	return lines, nil
}

// A cursor stands at an entry of a tree.
type cursor struct {
	Entry
	err  error
	more bool
	pull func() (Entry, error, bool)
	stop func()
}

func newCursor(root int) *cursor {
	c := &cursor{}
	c.pull, c.stop = iter.Pull2(Entries(root))
	c.next()
	return c
}

func (c *cursor) next() { c.Entry, c.err, c.more = c.pull() }

// compare orders two of which one stands at an entry.
func (c *cursor) compare(d *cursor) int {
	switch {
	case !c.more:
		return 1
	case !d.more:
		return -1
	}
	return Compare(c.Path, d.Path)
}

// comparison knows the first name of each file that has more than one.
type comparison struct{ is, want map[uint64]string }

// differ says what two files of one name differ in, or nothing. A directory's size is
// the file system's own business.
func (c comparison) differ(a, b Entry) (string, error) {
	x, y := a.Stat, b.Stat
	switch {
	case x.Mode != y.Mode:
		return fmt.Sprintf("mode is %o, not %o", x.Mode, y.Mode), nil
	case x.Uid != y.Uid || x.Gid != y.Gid:
		return fmt.Sprintf("owner is %d:%d, not %d:%d", x.Uid, x.Gid, y.Uid, y.Gid), nil
	case a.Type() != unix.S_IFDIR && x.Size != y.Size:
		return fmt.Sprintf("size is %d, not %d", x.Size, y.Size), nil
	case x.Mtim != y.Mtim && !isWhiteout(a): // nobody sees when that was made
		return fmt.Sprintf("time is %s, not %s", when(x.Mtim), when(y.Mtim)), nil
	case x.Rdev != y.Rdev && (a.Type() == unix.S_IFCHR || a.Type() == unix.S_IFBLK):
		return fmt.Sprintf("device is %d, not %d", x.Rdev, y.Rdev), nil
	case a.Link != b.Link:
		return fmt.Sprintf("leads to %q, not %q", a.Link, b.Link), nil
	case !maps.Equal(a.Attributes, b.Attributes):
		return "extended attributes differ", nil
	case a.Type() == unix.S_IFDIR:
		return "", nil
	}
	if first, also := firstName(c.is, a), firstName(c.want, b); first != also {
		return fmt.Sprintf("is the same file as %q, not %q", first, also), nil
	}
	if a.Type() != unix.S_IFREG {
		return "", nil
	}
	same, err := sameContent(a, b)
	if err == nil && !same {
		return "content differs", nil
	}
	return "", err
}

// isWhiteout tells overlayfs's mark that a name is gone.
func isWhiteout(e Entry) bool { return e.Type() == unix.S_IFCHR && e.Stat.Rdev == 0 }

// firstName is the name by which a file with several came first.
func firstName(known map[uint64]string, e Entry) string {
	if e.Stat.Nlink < 2 {
		return e.Path
	}
	if first, ok := known[e.Stat.Ino]; ok {
		return first
	}
	known[e.Stat.Ino] = e.Path
	return e.Path
}

func when(t unix.Timespec) string { return time.Unix(t.Sec, t.Nsec).UTC().Format(time.RFC3339Nano) }

func sameContent(a, b Entry) (bool, error) {
	f, err := a.Open()
	if err != nil {
		return false, err
	}
	defer f.Close()
	g, err := b.Open()
	if err != nil {
		return false, err
	}
	defer g.Close()
	var x, y [64 << 10]byte
	for {
		n, err := io.ReadFull(f, x[:])
		m, err2 := io.ReadFull(g, y[:])
		switch {
		case !bytes.Equal(x[:n], y[:m]):
			return false, nil
		case ended(err) && ended(err2):
			return true, nil
		case err != nil || err2 != nil:
			return false, errors.Join(err, err2)
		}
	}
}

func ended(err error) bool { return err == io.EOF || err == io.ErrUnexpectedEOF }
