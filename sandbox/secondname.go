package sandbox

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A hidden file may have a second name, a hard link, which shows it, and a read-only one a
// second name by which it is written. That there is one its link count tells. Only then what
// is shown is searched, by device and inode.

// nameLimit bounds the search, in names that are looked at.
const nameLimit = 1_000_000

// An object is a file, whatever its names.
type object struct{ dev, ino uint64 }

// A place is one name of a file: a directory may be seen by several paths.
type place struct {
	dir  object
	name string
}

// A linked file is hidden and has several names.
type linked struct {
	path  string // the one by which it is hidden or read-only
	names uint64
	found map[place]bool
	// frozen says that it is read-only, not hidden.
	frozen bool
}

// A nameSearch looks for the names of files below directories.
type nameSearch struct {
	files   map[object]*linked
	roots   []string
	limit   int  // names that may still be looked at
	closed  bool // a directory could not be looked into
	stopped bool // at the limit
	paths   []string
	// directories says that some of the files are directories.
	directories bool
}

// probeSecondNames has the other names of hidden files hidden and those of read-only ones
// made read-only, and notes those that are not found: they may be outside of what is shown.
func (h *Host) probeSecondNames(s Spec, hidden, frozen []string) error {
	n := nameSearch{files: map[object]*linked{}, limit: nameLimit}
	own := s.ownMounts(*h)
	for _, m := range own {
		if dir := h.real(m.Source); isBind(m) && h.isDir(m.Source) && !slices.ContainsFunc(n.roots, func(r string) bool { return below(dir, r) }) {
			n.roots = append(n.roots, dir)
		}
	}
	for _, p := range hidden {
		if slices.ContainsFunc(n.roots, func(r string) bool { return below(p, r) }) && !s.exposed(*h, p) {
			n.seek(p, false)
		}
	}
	for _, p := range frozen {
		n.seek(p, true)
	}
	for _, root := range n.roots {
		n.search(root)
	}
	slices.Sort(n.paths)
	for _, p := range slices.Compact(n.paths) {
		switch l := n.files[objectAt(p)]; {
		case l == nil: // it went away
		case l.frozen:
			if err := h.freezeName(p, own); err != nil {
				return err
			}
		case !slices.Contains(h.Secrets, p):
			h.stat(p)
			h.Secrets = append(h.Secrets, p)
		}
	}
	h.Unhidden = append(h.Unhidden, n.notes()...)
	return nil
}

// severalNames tells whether a file has more than one. A directory has one.
func severalNames(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && !info.IsDir() && st.Nlink > 1
}

func (n *nameSearch) seek(p string, frozen bool) {
	var st unix.Stat_t
	err := unix.Stat(p, &st)
	of := object{uint64(st.Dev), st.Ino}
	if err == nil && n.files[of] == nil {
		n.files[of] = &linked{path: p, names: uint64(st.Nlink), found: map[place]bool{}, frozen: frozen}
	}
}

// done tells whether there is nothing left to look for.
func (n *nameSearch) done() bool {
	for _, l := range n.files {
		if uint64(len(l.found)) < l.names {
			return n.stopped
		}
	}
	return true
}

// search goes through a tree, what is near the top first. What is in it may be
// swapped meanwhile: each directory is opened from the root's descriptor, through
// no link. Other mounts are not entered; they are noted if they are of the same
// device, since no other has the file.
func (n *nameSearch) search(root string) {
	if n.done() {
		return
	}
	top, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		n.closed = true
		return
	}
	defer unix.Close(top)
	for todo := []string{"."}; len(todo) > 0 && !n.done(); todo = todo[1:] {
		how := unix.OpenHow{
			Flags:   unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC,
			Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV,
		}
		fd, err := unix.Openat2(top, todo[0], &how)
		switch {
		case err == nil:
			todo = append(todo, n.read(fd, root, todo[0])...)
			unix.Close(fd)
		case err == unix.ENOENT || err == unix.ENOTDIR || err == unix.ELOOP: // it went away
		case err == unix.EXDEV && !n.deviceAt(top, todo[0]):
		default:
			n.closed = true
		}
	}
}

// deviceAt tells whether a mount point's device is one of a file's.
func (n *nameSearch) deviceAt(top int, dir string) bool {
	var st unix.Stat_t
	if unix.Fstatat(top, dir, &st, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT) != nil {
		return true
	}
	return n.device(uint64(st.Dev))
}

func (n *nameSearch) device(dev uint64) bool {
	for of := range n.files {
		if of.dev == dev {
			return true
		}
	}
	return false
}

// read looks at the names in a directory, and gives the directories among them.
func (n *nameSearch) read(fd int, root, dir string) (dirs []string) {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || !n.device(uint64(st.Dev)) {
		return nil
	}
	here, trusted := object{uint64(st.Dev), st.Ino}, tellsInodes(fd)
	for _, e := range listed(fd) {
		if n.limit--; n.limit < 0 {
			n.stopped = true
			return nil
		}
		switch e.kind {
		case unix.DT_DIR:
			dirs = append(dirs, path.Join(dir, e.name))
			if !n.directories || trusted && n.files[object{here.dev, e.ino}] == nil {
				continue
			}
		case unix.DT_LNK, unix.DT_CHR, unix.DT_BLK:
			continue
		}
		if trusted && e.kind != unix.DT_UNKNOWN && n.files[object{here.dev, e.ino}] == nil {
			continue
		}
		if unix.Fstatat(fd, e.name, &st, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT) != nil {
			continue // it went away
		}
		if st.Mode&unix.S_IFMT == unix.S_IFDIR && e.kind != unix.DT_DIR {
			dirs = append(dirs, path.Join(dir, e.name))
		}
		if l := n.files[object{uint64(st.Dev), st.Ino}]; l != nil {
			l.found[place{here, e.name}] = true
			n.paths = append(n.paths, path.Join(root, dir, e.name))
		}
	}
	return dirs
}

// tellsInodes tells whether directories of a file system have the inodes that
// stat(2) gives, which spares a call for each name. Those of an overlay or of FUSE
// may have others.
func tellsInodes(fd int) bool {
	var st unix.Statfs_t
	if unix.Fstatfs(fd, &st) != nil {
		return false
	}
	switch st.Type {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.F2FS_SUPER_MAGIC:
		return true
	}
	return false
}

// notes say which files may be seen by a name that was not found.
func (n *nameSearch) notes() (notes []string) {
	why := ""
	switch {
	case n.stopped:
		why = fmt.Sprintf("; only %d names were looked at", nameLimit)
	case n.closed:
		why = "; not every directory could be looked into"
	}
	for _, l := range n.files {
		if uint64(len(l.found)) >= l.names {
			continue
		}
		be, does := "hidden", "reads"
		if l.frozen {
			be, does = "read-only", "writes"
		}
		notes = append(notes, fmt.Sprintf("of the %d names of %s only %d could be %s: where the command sees another it %s the file%s",
			l.names, l.path, len(l.found), be, does, why))
	}
	slices.SortFunc(notes, strings.Compare)
	return notes
}
