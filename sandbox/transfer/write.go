package transfer

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// Options say what of a file is kept beside its content.
type Options struct {
	// Setuid lets those bits through, and the sticky one's kin on directories.
	Setuid bool
	// Mask is taken off the modes.
	Mask uint32
	// Times has the times kept.
	Times bool
	// Owner gives who is to own a file, or -1 for who copies. Nil is -1 for all.
	Owner func(uid, gid uint32) (int, int)
}

// A Tree is a Sink that writes files below a path, as cp(1) and docker cp do: in a
// directory that is there, or by the name.
type Tree struct {
	Root Root
	Path string
	Options

	top   chain // the directory in which the source goes, and those below it
	name  string
	head  Head
	file  *writtenFile
	inode map[string]uint64 // of each file that has several names
}

// Begin finds where the source goes.
func (t *Tree) Begin(h Head) (err error) {
	t.head, t.inode = h, map[string]uint64{}
	if t.Path == "" {
		return errors.New("an empty path")
	}
	fd, err := t.Root.open(t.Path, 0)
	if errors.Is(err, unix.ENOENT) && !h.Implied {
		return t.beginNew(err)
	}
	if err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return err
	}
	switch {
	case st.Mode&unix.S_IFMT == unix.S_IFDIR:
		t.top.begin(fd)
		if !h.Contents {
			t.name = string(h.Base)
			return checkPath(h.Base)
		}
		return nil
	case h.Directory:
		err = fmt.Errorf("%q is no directory", t.Path)
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		err = fmt.Errorf("%q is no regular file", t.Path)
	default:
		t.file = &writtenFile{path: fd}
		return nil
	}
	unix.Close(fd)
	return err
}

// beginNew is for a path at which there is nothing: the directory above is there.
func (t *Tree) beginNew(absent error) error {
	name := t.Path
	if t.head.Directory {
		name = strings.TrimRight(name, "/")
	}
	dir, last := name[:strings.LastIndexByte(name, '/')+1], name[strings.LastIndexByte(name, '/')+1:]
	if checkPath([]byte(last)) != nil {
		return absent
	}
	if dir == "" {
		dir = "."
	}
	fd, err := t.Root.open(dir, unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	t.top.begin(fd)
	t.name = last
	var st unix.Stat_t
	if unix.Fstatat(fd, last, &st, unix.AT_SYMLINK_NOFOLLOW) == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK {
		return fmt.Errorf("%q is a link that leads nowhere", t.Path)
	}
	return nil
}

// Entry writes a file of any type.
func (t *Tree) Entry(e Entry) error {
	if len(e.Path) > 0 {
		if err := checkPath(e.Path); err != nil {
			return err
		}
	}
	if err := t.entry(e); err != nil {
		return fmt.Errorf("%q: %w", t.shown(e.Path), err)
	}
	return nil
}

// shown is what an error calls a file.
func (t *Tree) shown(path []byte) string {
	if placed := t.placed(path); len(placed) > 0 {
		return string(placed)
	}
	return t.Path
}

// placed is a path below the directory in which the source goes.
func (t *Tree) placed(path []byte) []byte {
	switch {
	case t.name == "":
		return path
	case len(path) == 0:
		return []byte(t.name)
	}
	return []byte(t.name + "/" + string(path))
}

func (t *Tree) entry(e Entry) error {
	if t.file != nil && len(e.Path) == 0 && t.top.dirs == nil { // the path is that of a file
		return t.file.overwrite(t.Options, e)
	}
	path := t.placed(e.Path)
	if len(path) == 0 {
		if e.Type != unix.S_IFDIR {
			return errors.New("it is no directory")
		}
		return nil // which is there, and stays as it is
	}
	parent, name := split(path)
	if err := t.top.to(parent, t.head.Implied, t.Options); err != nil {
		return err
	}
	dir := t.top.here()
	switch {
	case e.Type == unix.S_IFDIR:
		return t.top.enter(name, e)
	case e.Same != nil:
		return t.link(dir, name, e)
	case e.Type == unix.S_IFREG:
		f, err := create(dir, name)
		if err == nil {
			t.file, f.entry, f.options = f, e, t.Options
		}
		if err == nil && e.Several {
			t.inode[string(path)], err = f.inode()
		}
		return err
	case e.Type == unix.S_IFLNK:
		err := replace(dir, name, func() error { return unix.Symlinkat(string(e.Link), dir, name) })
		return errors.Join(err, t.dressLink(dir, name, e))
	case e.Type == unix.S_IFIFO:
		err := replace(dir, name, func() error { return unix.Mkfifoat(dir, name, e.Mode&0o777&^t.Mask) })
		return errors.Join(err, t.dressLink(dir, name, e))
	}
	return fmt.Errorf("a file of type %o", e.Type)
}

func split(path []byte) (parent []byte, name string) {
	i := bytes.LastIndexByte(path, '/')
	return path[:max(i, 0)], string(path[i+1:])
}

// replace makes something, in the place of what is no directory.
func replace(dir int, name string, make func() error) error {
	for range maxRetries {
		if err := make(); err != unix.EEXIST {
			return err
		}
		if err := unix.Unlinkat(dir, name, 0); err != nil && err != unix.ENOENT {
			return err // EISDIR: a directory is not replaced
		}
	}
	return unix.EEXIST
}

// dressLink gives the owner and the times that are asked for to what is not opened.
func (t *Tree) dressLink(dir int, name string, e Entry) error {
	if t.Owner != nil {
		uid, gid := t.Owner(e.UID, e.GID)
		if err := unix.Fchownat(dir, name, uid, gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
	}
	if t.Times {
		return unix.UtimesNanoAt(dir, name, e.times(), unix.AT_SYMLINK_NOFOLLOW)
	}
	return nil
}

// link gives another name to a file that was written before, and looks that it is that
// one: who may write the directory could have put another in its place.
func (t *Tree) link(dir int, name string, e Entry) error {
	if err := checkPath(e.Same); err != nil {
		return err
	}
	same := t.placed(e.Same)
	fd, err := unix.Openat2(t.top.dirs[0].fd, string(same), &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS,
	})
	if err != nil {
		return fmt.Errorf("another name of %q: %w", e.Same, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if known, ok := t.inode[string(same)]; !ok && !t.head.Implied || ok && known != st.Ino || st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return fmt.Errorf("%q was replaced meanwhile", e.Same)
	}
	return replace(dir, name, func() error { return unix.Linkat(unix.AT_FDCWD, procName(fd), dir, name, unix.AT_SYMLINK_FOLLOW) })
}

// Part writes a part of the latest file.
func (t *Tree) Part(at int64, b []byte) error {
	if t.file == nil || t.file.f == nil {
		return errors.New("a part of no file")
	}
	if err := t.file.write(at, b); err != nil {
		return fmt.Errorf("%q: %w", t.shown(t.file.entry.Path), err)
	}
	return nil
}

// EndFile ends it.
func (t *Tree) EndFile(size int64) error {
	if t.file == nil || t.file.f == nil {
		return errors.New("the end of no file")
	}
	f := t.file
	t.file = nil
	if err := f.end(size); err != nil {
		return fmt.Errorf("%q: %w", t.shown(f.entry.Path), err)
	}
	return nil
}

// End gives the directories their modes and times, which they had not while they were
// written to.
func (t *Tree) End() error { return t.top.end(t.Options) }

// Close closes what is open, and removes a file that is not whole.
func (t *Tree) Close() {
	if t.file != nil {
		t.file.abandon()
	}
	t.top.close()
}
