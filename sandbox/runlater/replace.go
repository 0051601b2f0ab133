package runlater

import (
	"bytes"

	"golang.org/x/sys/unix"
)

// By refs/replace/ID git takes another object for the one with that id, wherever it reads
// it (git-replace(1)). No id, no file and no index changes by it, and the next checkout
// brings the other content. A graft (gitrepository-layout(5)) does so for a commit's parents.
//
// The object ids of a shallow file, of alternates and of a sparse checkout are no findings:
// what is left out is no content, and who writes objects by way of alternates could write
// the same to objects. Attributes name filters and drivers that only a configuration has.
const (
	replaceWhy = "git takes another object for the one that it names"
	graftsWhy  = "git takes the parents of commits from it"
	packedWhy  = "git takes other objects for those that refs/replace in it names"
)

var replacePrefix = []byte("refs/replace/")

// replaced judges what has git take one object for another, except the files in
// refs/replace, which the walk comes to.
func (w *walker) replaced(f *frame) {
	for _, way := range [...]struct {
		dir, name string
		kind      kind
		why       string
	}{{"refs", "replace", replaceKind, replaceWhy}, {"info", "grafts", plain, graftsWhy}} {
		at := join(way.dir, way.name)
		if w.exists(f.fd, way.dir) && w.isLink() || w.exists(f.fd, at) && w.isLink() {
			w.lead(w.at([]byte(at)), way.kind, way.why)
		}
	}
	isNew := w.changed(f, "info/grafts") // a new link is judged as one
	if isNew && !w.isLink() || !isNew && w.exists(f.fd, "info/grafts") && w.movedWith(f, "info") {
		w.exists(f.fd, "info/grafts")
		w.add(w.at([]byte("info/grafts")), w.what(f.fd, []byte("info/grafts")), graftsWhy)
	}
	// These hold all branches: moved aside, the repository would have none.
	if w.changed(f, "packed-refs") {
		switch {
		case mentions(f.fd, "packed-refs", replacePrefix):
			w.add(w.at([]byte("packed-refs")), Doubtful, packedWhy)
		case mentions(f.fd, "packed-refs", []byte(" "+autostash)):
			w.add(w.at([]byte("packed-refs")), Doubtful, autostashWhy)
		}
	}
	w.reftables(f)
}

// refs tells the directories of refs, and of their logs.
func (k kind) refs() bool { return k == refsKind || k == refsTop || k == replaceKind }

// replaceDir is for a directory in refs, which is refs/replace or holds branches.
func (w *walker) replaceDir(f *frame, name []byte, typ byte) entered {
	var room [nameMax]byte
	if typ != unix.DT_DIR || string(fold(room[:0], name)) != "replace" || !w.look(f.fd, name) {
		return entered{kind: unset}
	}
	next := w.repositoryIn(f, nil, name, replaceKind)
	next.fresh = next.fresh || f.fresh
	return next
}

func (w *walker) isLink() bool { return w.st.Mode&unix.S_IFMT == unix.S_IFLNK }

// movedWith tells whether a directory in the one at hand was moved there.
func (w *walker) movedWith(f *frame, name string) bool {
	if !w.exists(f.fd, name) {
		return false
	}
	st := w.st
	fresh, _ := w.movedIn(f, []byte(name), &st)
	return fresh
}

// reftables looks into the tables that refs are kept in (extensions.refStorage).
func (w *walker) reftables(f *frame) {
	dir, err := openDir(f.fd, "reftable")
	if err != nil {
		return
	}
	defer unix.Close(dir)
	names, err := list(dir, unix.DT_REG)
	if err != nil {
		w.unseen(w.at([]byte("reftable")), err)
	}
	w.autostashTable(f, dir)
	for _, name := range names {
		if path := join("reftable", name); hasSuffix([]byte(name), ".ref") && w.changed(f, path) && tableReplaces(dir, name) {
			w.add(w.at([]byte(path)), Doubtful, packedWhy)
		}
	}
}

// mentions tells whether a file, of any size, has a text in it. What cannot be read may.
func mentions(dir int, name string, text []byte) bool {
	fd, err := openAt(dir, name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return true
	}
	defer unix.Close(fd)
	buf := make([]byte, 128<<10)
	for kept := 0; ; {
		n, err := unix.Read(fd, buf[kept:])
		switch {
		case err == unix.EINTR:
			continue
		case err != nil || bytes.Contains(buf[:kept+max(n, 0)], text):
			return true
		case n == 0:
			return false
		}
		n += kept
		kept = copy(buf, buf[max(0, n-len(text)):n])
	}
}
