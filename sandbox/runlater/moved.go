package runlater

import (
	"bytes"
	"strings"

	"golang.org/x/sys/unix"
)

// What is moved keeps its times. Only the name that was moved has a new change
// time, and the two directories. Git and Mercurial change their own directories
// all the time, so that these are not findings as a whole, as .vscode is.

// repositoryIn is for the directory .git or .hg, which w.st is of. One that was
// made during the run is all new. One that was perhaps moved in is judged as new
// or, where git itself may have written to it, only doubted.
func (w *walker) repositoryIn(f *frame, e *watched, name []byte, k kind) entered {
	if e != nil {
		return entered{kind: k, fresh: !w.sameObject(e, &w.st)}
	}
	st := w.st
	if w.born(f.fd, name, &st) {
		return entered{kind: k, fresh: true}
	}
	fresh, moved := w.movedIn(f, name, &st)
	if _, came := w.came(f); came && !fresh {
		moved = true
	}
	return entered{kind: k, fresh: fresh, moved: moved}
}

// movedIn tells whether an old directory was moved to its name during the run:
// fresh for sure, moved perhaps. A rename sets the change time of what is renamed
// and of the directory, and leaves the modification time (rename(2)), which writing
// to it sets as well.
func (w *walker) movedIn(f *frame, name []byte, st *unix.Statx_t) (fresh, moved bool) {
	var dir unix.Statx_t
	if w.base() != nil || !w.touched(f.fd, name, st) {
		return false, false // a record knows each file in it by its path
	}
	if statFD(f.fd, &dir) == nil && !w.touchedByClock(&dir) {
		return false, false
	}
	written := !(stamp{st.Mtime.Sec, st.Mtime.Nsec}).before(w.since)
	return !written, written
}

// hooksDir is for the hooks of a repository that Find has not listed. Where a name
// was made in it or removed, all hooks count as new: a directory that was moved
// there looks no different.
func (w *walker) hooksDir(f *frame, name []byte) entered {
	next := entered{kind: hooksKind, fresh: f.fresh, moved: f.moved}
	if w.g.watch(w.index, w.at(name)) != nil || !w.look(f.fd, name) {
		return next
	}
	next.fresh = next.fresh || w.touched(f.fd, name, &w.st)
	return next
}

// arrived tells whether a name of a group came there during the run though its own
// change time is older, as in movedIn: with the directory that it is in, or with one
// above that belongs to the name. At the project's top Find has a record of all that
// were there.
func (w *walker) arrived(f *frame) (fresh, moved bool) {
	if f.group == 0 {
		return false, false
	}
	dir := guarded[f.group].dir
	if w.index == 0 && w.g.project && dir == strings.ToLower(string(w.path)) {
		return true, false
	}
	if w.base() != nil {
		return false, false // a record knows each file by its path
	}
	var above, st unix.Statx_t
	levels := min(1+strings.Count(dir, "/"), parts(w.path))
	for at := "."; levels > 0; levels-- {
		up := at + "/.."
		if statAt(f.fd, at, &st) == nil && statAt(f.fd, up, &above) == nil && w.touchedByClock(&st) && w.touchedByClock(&above) {
			written := !(stamp{st.Mtime.Sec, st.Mtime.Nsec}).before(w.since)
			fresh, moved = fresh || !written, moved || written
		}
		at = up
	}
	return fresh, moved
}

// parts counts the names in the path of a directory below a root.
func parts(path []byte) int {
	if len(path) == 0 {
		return 0
	}
	return 1 + bytes.Count(path, []byte{'/'})
}
