package runlater

import "golang.org/x/sys/unix"

// marks are the names by which git takes a directory for a repository, whatever
// the directory's own name is, and obeys its configuration when one changes into
// it ("embedded bare repositories", safe.bareRepository).
type marks uint8

const (
	headMark marks = 1 << iota
	objectsMark
	refsMark
	commonMark
	partMark
)

func (m marks) repository() bool {
	return m&headMark != 0 && (m&(objectsMark|refsMark) == objectsMark|refsMark || m&commonMark != 0)
}

// begun tells what becomes a repository by two more directories, which a later
// run may make: what is in it would be old by then.
func (m marks) begun() bool { return m&headMark != 0 && m&partMark != 0 }

func mark(name []byte) marks {
	var room [12]byte
	switch len(name) {
	case 4, 5, 6, 7, 9:
		switch string(fold(room[:0], name)) {
		case "head":
			return headMark
		case "refs":
			return refsMark
		case "objects":
			return objectsMark
		case "commondir":
			return commonMark
		case "config", "hooks":
			return partMark
		}
	}
	return 0
}

// enter reads a directory to its end, looks at what is in it, and has its
// directories wait. It takes over the descriptor.
func (w *walker) enter(fd int, k kind, fresh bool) {
	if k == moduleKind && w.repositoryAt(fd) {
		k = gitdirKind
	}
	w.frames = append(w.frames, frame{fd: fd, path: len(w.path), todo: len(w.todo), kind: k, fresh: fresh})
	f := &w.frames[len(w.frames)-1]
	w.reader.at, w.reader.n = 0, 0
	var seen marks
	for {
		name, typ, err := w.next(fd)
		if err != nil {
			w.unseen(string(w.path), err)
			break
		}
		if len(name) == 0 {
			break
		}
		known := false
		if typ == unix.DT_REG || typ == unix.DT_UNKNOWN {
			if known = w.look(fd, name); !known {
				continue
			}
			typ = byte(w.st.Mode & unix.S_IFMT >> 12)
			if typ == unix.DT_REG && w.st.Mode&(unix.S_ISUID|unix.S_ISGID) != 0 && touched(&w.st, w.since) {
				w.clear(fd, name)
			}
		}
		seen |= mark(name)
		next, fresh := w.entry(f, name, typ, known)
		if typ == unix.DT_DIR {
			w.push(name, next, fresh)
		}
	}
	switch {
	case k == gitdirKind || k == worktreeKind:
		w.gitDir(f)
	case k != plain && k != topKind && k != innerKind && k != refsKind:
	case seen.repository(), seen.begun() && k != refsKind && w.exists(fd, "HEAD"):
		f.fresh = w.bareFresh(f)
		f.kind = gitdirKind
		w.gitDir(f)
	}
}

// look fills in w.st. What went away is passed over.
func (w *walker) look(fd int, name []byte) bool {
	err := statEntry(fd, name, &w.st)
	if err == unix.EACCES && w.unlock(fd) {
		err = statEntry(fd, name, &w.st)
	}
	if err != nil && err != unix.ENOENT {
		w.unseen(w.at(name), err)
	}
	return err == nil
}

// at is the path of a name in the directory at hand.
func (w *walker) at(name []byte) string {
	if len(w.path) == 0 {
		return string(name)
	}
	b := make([]byte, 0, len(w.path)+1+len(name))
	return string(append(append(append(b, w.path...), '/'), name...))
}

// entry judges one name, and tells what it is as a directory. known says that
// w.st is this file's.
func (w *walker) entry(f *frame, name []byte, typ byte, known bool) (kind, bool) {
	why := ""
	switch f.kind {
	case plain, topKind:
		if n := lookup(name, f.kind == topKind); n != nil {
			return w.named(n, f, name, typ, known)
		}
		if typ == unix.DT_DIR && len(w.g.watched) > 0 {
			// What core.hooksPath names, or a link such as .vscode leads to.
			if e := w.g.watch(w.index, w.at(name)); e != nil && e.content == anything && e.id != (identity{}) {
				return oldKind, false
			}
		}
		return unset, false
	case oldKind:
		why = "it is in a directory of what runs later"
	case hooksKind:
		if typ == unix.DT_DIR || hasSuffix(name, ".sample") {
			return unset, false
		}
		why = "git runs it"
	case gitdirKind, worktreeKind:
		if typ != unix.DT_DIR || f.kind.child(string(name)) != modulesKind {
			return unset, false
		}
		return w.module(f, name, typ, known)
	case modulesKind, moduleKind:
		return w.module(f, name, typ, known)
	case profilesKind:
		if !isProfile(name) {
			return unset, false
		}
		why = profileWhy
	case hgKind:
		if !hgFile(string(name)) {
			return unset, false
		}
		why = hgWhy
	default:
		return unset, false
	}
	if !known && !w.look(f.fd, name) {
		return unset, false
	}
	if f.fresh || touched(&w.st, w.since) {
		path := w.at(name)
		if e := w.g.watch(w.index, path); e != nil && e.id == identify(&w.st) {
			return unset, false
		}
		w.add(path, w.what(), why)
		return quietKind, false
	}
	return unset, false
}

// what tells a new file from an old one, as far as the file system knows.
func (w *walker) what() What {
	if born(&w.st, w.since) {
		return Created
	}
	return Changed
}

// named judges a name of the table.
func (w *walker) named(n *name, f *frame, name []byte, typ byte, known bool) (kind, bool) {
	if !known && !w.look(f.fd, name) {
		return unset, false
	}
	path := w.at(name)
	e := w.g.watch(w.index, path)
	same := e != nil && e.id.object() == identify(&w.st).object()
	if typ == unix.DT_DIR {
		switch n.name {
		case ".git":
			return gitdirKind, e != nil && !same || e == nil && born(&w.st, w.since)
		case ".hg":
			return hgKind, e != nil && !same
		}
	}
	switch {
	case e != nil && e.id == identify(&w.st), e == nil && !touched(&w.st, w.since):
		return oldKind, false
	case n.name == ".git" && typ == unix.DT_REG && w.goodGitFile(f, path):
		return unset, false
	}
	w.add(path, w.what(), n.why)
	return quietKind, false
}

func hasSuffix(b []byte, suffix string) bool {
	return len(b) >= len(suffix) && string(b[len(b)-len(suffix):]) == suffix
}
