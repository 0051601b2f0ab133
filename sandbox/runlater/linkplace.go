package runlater

import (
	"bytes"
	"errors"

	"golang.org/x/sys/unix"
)

// A new link in the place of a directory does what a rename does: mv app old;
// ln -s templates/ws app puts another app/mise.toml where the tool trusts the path. The link
// may lead to what was there before, which has no new time.

const linkedPlaceWhy = "a link is there now, and leads to a directory with names that run later"

// placeLimit bounds the names that are looked at behind a link.
const placeLimit = 4096

// linkPlace judges a link by where it leads: one where a directory was before the run, and
// one that the run made or brought. What pnpm and npm link in node_modules was no directory
// that anybody opens.
func (w *walker) linkPlace(f *frame, name []byte) {
	path := w.at(name)
	_, was := w.g.inodes.find(w.inodePath(path))
	if was = was && w.base() == nil; !was && !w.broughtLink(f, name) {
		return
	}
	fd, err := openSearched(join(w.roots[w.index].path, path))
	if err != nil {
		gone := errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR)
		if was && (!gone || w.byProcess(f, name)) {
			w.add(path, Doubtful, linkedPlaceWhy)
		}
		return
	}
	defer unix.Close(fd)
	real, err := realPath(fd)
	if err != nil || !was && w.holdsRoot(real) {
		return
	}
	p := placeSearch{w: walker{g: &Guard{}, r: &Report{}, roots: []root{{path: real}}}, all: was, left: placeLimit}
	if p.obeyed(fd, "") {
		w.add(path, Doubtful, linkedPlaceWhy)
	}
}

// broughtLink tells whether the run made a link, or moved a directory that it is in.
func (w *walker) broughtLink(f *frame, name []byte) bool {
	if bytes.Contains(w.path, []byte("node_modules")) || !w.look(f.fd, name) {
		return false
	}
	if w.touched(f.fd, name, &w.st) {
		return true
	}
	_, came := w.came(f)
	return came
}

// byProcess tells a link that leads each process elsewhere.
func (w *walker) byProcess(f *frame, name []byte) bool {
	to, err := tree{fd: f.fd}.readlink(string(name))
	if err != nil {
		return false
	}
	_, unsure := w.private(join(w.roots[w.index].path, string(w.path)), to)
	return unsure
}

// holdsRoot tells the directories that are walked by themselves, and those above them.
func (w *walker) holdsRoot(real string) bool {
	for _, r := range w.roots {
		if _, ok := (tree{path: real}).within(r.path); ok {
			return true
		}
	}
	return false
}

// A placeSearch looks for names of the table behind a link.
type placeSearch struct {
	w    walker // for names that count in a group's directory
	all  bool   // at any depth
	left int
}

// obeyed tells whether a directory, or one below, has a name that tools obey.
func (p *placeSearch) obeyed(fd int, path string) bool {
	r := reader{buf: make([]byte, 8<<10)}
	p.w.path = []byte(path)
	f := frame{fd: fd, group: p.w.groupAt()}
	var seen marks
	var dirs []string
	for {
		n, typ, err := r.next(fd)
		if err != nil || len(n) == 0 {
			break
		}
		if p.left--; p.left < 0 {
			return p.all
		}
		if typ == unix.DT_UNKNOWN {
			typ = typeOf(fd, n)
		}
		seen |= mark(n)
		e := p.w.lookup(&f, n, typ)
		switch {
		case e == nil || e.rule == told || e.rule == quietly:
		case e.rule == judged && (typ == unix.DT_DIR || harmlessVersion(fd, string(n))):
		default:
			return true
		}
		if typ == unix.DT_DIR && (p.all || f.group != 0 || groupLeading(n[0])) {
			dirs = append(dirs, string(n))
		}
	}
	return seen.repository() || p.below(fd, path, dirs)
}

// below looks into directories: with all, into each, and otherwise into those that names
// of the table are in.
func (p *placeSearch) below(fd int, path string, dirs []string) bool {
	for _, n := range dirs {
		at := join(path, n)
		if !p.all && !grouped(at) {
			continue
		}
		next, err := openDir(fd, n)
		if err != nil {
			continue
		}
		found := p.obeyed(next, at)
		unix.Close(next)
		if found {
			return true
		}
	}
	return false
}

// grouped tells whether a path may lead to the directory of a group.
func grouped(path string) bool {
	var room [nameMax]byte
	if len(path) > nameMax {
		return false
	}
	key := string(fold(room[:0], []byte(path)))
	for i := 1; i < len(guarded); i++ {
		if dir := guarded[i].dir; dir == key || len(dir) > len(key) && dir[:len(key)+1] == key+"/" {
			return true
		}
	}
	return false
}
