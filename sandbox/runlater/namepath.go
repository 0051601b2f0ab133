package runlater

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Some names count only in certain directories: "mise" in ".config". A directory
// is matched by the end of its path, once, when it is entered.

// groupAt is the index of the group that the directory at hand is, or 0.
func (w *walker) groupAt() uint8 {
	path := w.path
	if len(path) == 0 {
		path = []byte(w.roots[w.index].path)
	}
	above, last := split(path)
	if len(last) == 0 || !groupLeading(last[0]) {
		return 0
	}
	var room [nameMax]byte
	key := fold(room[:0], last)
	for i := 1; i < len(guarded); i++ {
		g := &guarded[i]
		if g.last != string(key) {
			continue
		}
		if g.above == "" || endsWith(above, g.above) || len(w.path) > 0 && w.startsAbove(above, g.above) {
			return uint8(i)
		}
	}
	return 0
}

// groupLeading tells whether a directory of a group may begin with a byte.
func groupLeading(c byte) bool {
	if c >= 0x80 {
		return true
	}
	for i := 1; i < len(guarded); i++ {
		if first := guarded[i].last[0]; c == first || 'a' <= first && first <= 'z' && c == first-0x20 {
			return true
		}
	}
	return false
}

// startsAbove matches a path of which a part is the root's own.
func (w *walker) startsAbove(path []byte, end string) bool {
	root := w.roots[w.index].path
	full := make([]byte, 0, len(root)+1+len(path))
	full = append(append(append(full, root...), '/'), path...)
	return endsWith([]byte(strings.TrimRight(string(full), "/")), end)
}

// endsWith compares whole parts, folded.
func endsWith(path []byte, end string) bool {
	for end != "" {
		var part []byte
		var want string
		path, part = split(path)
		if i := strings.LastIndexByte(end, '/'); i >= 0 {
			end, want = end[:i], end[i+1:]
		} else {
			end, want = "", end
		}
		var room [nameMax]byte
		if string(fold(room[:0], part)) != want {
			return false
		}
	}
	return true
}

// split parts a path at its last slash.
func split(path []byte) (above, last []byte) {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == '/' {
			return path[:i], path[i+1:]
		}
	}
	return nil, path
}

// lookup finds the entry of a name in the directory of a frame, or nil.
func (w *walker) lookup(f *frame, n []byte, typ byte) *name {
	if e := lookup(n, f.kind == topKind); e != nil {
		return e
	}
	if f.group == 0 && typ != unix.DT_LNK {
		return nil
	}
	var room [nameMax]byte
	e := guarded[f.group].find(fold(room[:0], n))
	switch {
	case e == nil:
		return nil
	case e.rule == leads:
		// Where a link is, the directory that it leads to is not known by its name. A regular
		// .config is a kernel's.
		if typ == unix.DT_LNK || f.group != 0 && typ != unix.DT_DIR {
			return e
		}
		return nil
	case f.group == 0 || e.where == anywhere || w.belowTop(f, e):
		return e
	}
	return nil
}

// belowTop tells whether what is above the group's directory is a top, or the home.
func (w *walker) belowTop(f *frame, e *name) bool {
	depth := 1 + strings.Count(guarded[f.group].dir, "/")
	up := strings.Repeat("../", depth)
	if e.where == atHome {
		var here, home unix.Statx_t
		return statAt(f.fd, up, &here) == nil && unix.Statx(unix.AT_FDCWD, os.Getenv("HOME"), 0, statMask, &home) == nil &&
			identify(&here).object() == identify(&home).object()
	}
	if depth == 1+strings.Count(string(w.path), "/") && len(w.path) > 0 {
		return true // the root itself
	}
	var st unix.Statx_t
	for _, mark := range [...]string{".git", ".hg", ".jj", ".sl"} {
		if statAt(f.fd, up+mark, &st) == nil {
			return true
		}
	}
	return false
}

// groups looks at the names that count in a directory of the project's top.
func (f *finder) groups(top []byte) error {
	var room [nameMax]byte
	first := string(fold(room[:0], top))
	for i := 1; i < len(guarded); i++ {
		g := &guarded[i]
		if g.home || g.dir != first && !strings.HasPrefix(g.dir, first+"/") {
			continue
		}
		if err := f.group(g, string(top)+g.dir[len(first):]); err != nil {
			return err
		}
	}
	return nil
}

// group protects what is there of a group. A link on the way is looked at as a whole.
func (f *finder) group(g *group, dir string) error {
	p, err := f.project.resolve(dir)
	switch {
	case err != nil || len(p.links) > 0:
		return f.protect(f.project, dir, anything, "it leads to what tools run")
	case p.missing || p.st.Mode&unix.S_IFMT != unix.S_IFDIR:
		return nil
	}
	fd, err := openDir(f.project.fd, p.path)
	if err != nil {
		return nil // Check says that it cannot be seen
	}
	defer unix.Close(fd)
	names, err := list(fd, unix.DT_UNKNOWN)
	if err != nil {
		return err
	}
	for _, n := range names {
		var room [nameMax]byte
		if e := g.find(fold(room[:0], []byte(n))); e != nil && e.rule == moved && e.where != atHome {
			if err := f.protect(f.project, join(p.path, n), anything, e.why); err != nil {
				return err
			}
		}
	}
	return nil
}
