package runlater

import (
	"strings"

	"golang.org/x/sys/unix"
)

// A submodule's repository is modules/NAME in the git directory that it belongs
// to. Where git finds one there it does not clone, and obeys what it finds.
const moduleWhy = "git takes it for a submodule's repository"

// module judges a directory that is modules or below it, and whatever else is
// below it. New ones are findings, whole and whatever they say: an honest look
// would not help one who later fetches from the address in it. In a repository
// that is the run's own they are as the rest of it, and judged by what they say.
func (w *walker) module(f *frame, name []byte, typ byte, known bool) entered {
	if !known && !w.look(f.fd, name) {
		return entered{kind: unset}
	}
	path := w.at(name)
	e := w.g.watch(w.index, path)
	switch {
	case typ != unix.DT_DIR:
		if (w.touched(f.fd, name, &w.st) || f.fresh) && (e == nil || !w.same(e, f.fd, name, &w.st)) {
			w.strayFile(f, name, path)
		}
		return entered{kind: quietKind}
	case f.fresh:
		return entered{kind: f.kind.child(string(name)), fresh: true}
	case e != nil && w.sameObject(e, &w.st):
		if w.isGitDir(path) {
			return entered{kind: gitdirKind}
		}
		return entered{kind: f.kind.child(string(name))}
	case e != nil, w.newModule(f, name):
		w.add(path, w.what(f.fd, name), moduleWhy)
		return entered{kind: quietKind}
	}
	return entered{kind: f.kind.child(string(name)), moved: f.moved}
}

// strayFile is for a file where git makes directories only. It is part of what
// could become a repository.
func (w *walker) strayFile(f *frame, name []byte, path string) {
	what := w.what(f.fd, name)
	if f.fresh && f.kind == moduleKind {
		path, f.kind = string(w.path), quietKind
	}
	w.add(path, what, moduleWhy)
}

// newModule tells whether w.st, of a directory without a record, is new: Find has
// listed the directory that it is in, or the file system knows. One that was moved
// to a repository that Find has not seen looks as one that was there.
func (w *walker) newModule(f *frame, name []byte) bool {
	if w.born(f.fd, name, &w.st) {
		return true
	}
	if f.kind == gitdirKind || f.kind == worktreeKind { // deep down Find does not look for modules
		return w.isGitDir(string(w.path)) && w.touched(f.fd, name, &w.st)
	}
	return w.g.watch(w.index, string(w.path)) != nil
}

// isGitDir tells whether Find took a directory for a git directory.
func (w *walker) isGitDir(path string) bool {
	return w.g.watch(w.index, join(path, "config")) != nil
}

// repositoryAt tells a repository by asking for its marks. Below modules it has to
// be known before the directory is read.
func (w *walker) repositoryAt(dir int) bool {
	return w.exists(dir, "HEAD") && (w.exists(dir, "objects") && w.exists(dir, "refs") || w.exists(dir, "commondir"))
}

// A pointer is a .git file of the run's that was found good.
type pointer struct {
	root     int
	file, to string // below the root; absolute
	what     What
}

func (w *walker) point(file, to string, what What) bool {
	if len(w.pointers) >= reportLimit {
		return false
	}
	w.pointers = append(w.pointers, pointer{w.index, file, to, what})
	return true
}

// dangling adds the .git files whose git directory became a finding: they go
// together, in whatever order they were looked at.
func (w *walker) dangling() {
	for _, p := range w.pointers {
		for _, r := range w.roots {
			rel, ok := tree{path: r.path}.within(p.to)
			if ok && w.r.Moves(r.path, rel) && !w.r.Moves(w.roots[p.root].path, p.file) {
				w.index = p.root
				w.add(p.file, p.what, "it leads git to "+strings.TrimPrefix(p.to, r.path+"/"))
			}
		}
	}
}
