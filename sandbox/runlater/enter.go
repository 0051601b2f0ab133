package runlater

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

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
	topMark
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
	case 3, 4, 5, 6, 7, 9:
		if name[0] == '.' && !repositoryName(fold(room[:0], name)) {
			return 0
		}
		switch string(fold(room[:0], name)) {
		case ".git", ".hg", ".sl", ".jj":
			return topMark
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
func (w *walker) enter(fd int, e entered) {
	if e.kind == moduleKind && w.repositoryAt(fd) {
		e.kind = gitdirKind
	}
	k := e.kind
	w.frames = append(w.frames, frame{fd: fd, path: len(w.path), todo: len(w.todo), kind: k, fresh: e.fresh, moved: e.moved, group: w.groupAt()})
	f := &w.frames[len(w.frames)-1]
	w.reader.at, w.reader.n = 0, 0
	var seen marks
	newTop := false
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
			if typ == unix.DT_REG && w.st.Mode&(unix.S_ISUID|unix.S_ISGID) != 0 && w.touched(fd, name, &w.st) {
				w.clear(fd, name)
			}
			if typ == unix.DT_REG && w.st.Nlink > 1 {
				w.several(name)
			}
		}
		m := mark(name)
		seen |= m
		next := w.entry(f, name, typ, known)
		if m == topMark && k != topKind {
			newTop = newTop || next.fresh || next.kind == quietKind || w.look(fd, name) && w.born(fd, name, &w.st)
		}
		switch {
		case typ == unix.DT_DIR:
			w.push(name, next)
		case typ == unix.DT_LNK:
			found := len(w.r.Findings)
			if len(w.g.Private) > 0 {
				w.link(fd, name)
			}
			if next.kind != quietKind && (k == plain || k == topKind) && len(w.r.Findings) == found {
				w.linkPlace(f, name)
			}
		}
	}
	if seen&topMark != 0 && k != topKind && k.open() {
		w.top(f, newTop)
	}
	if (seen&topMark != 0 || seen.repository()) && k.open() && len(w.tops) < reportLimit {
		w.tops = append(w.tops, lead{root: w.index, path: string(w.path)})
	}
	switch {
	case k == gitdirKind || k == worktreeKind:
		w.gitDir(f)
		w.gitTop(f)
	case k == quietKind || k == oldKind || k == moduleKind:
	case seen.repository(), seen.begun() && !k.refs() && w.exists(fd, "HEAD"):
		f.fresh = w.bareFresh(f)
		f.kind = gitdirKind
		w.gitDir(f)
		if seen.repository() {
			w.gitTop(f)
		}
	}
}

// look fills in w.st. What went away is passed over.
func (w *walker) look(fd int, name []byte) bool {
	err := statEntry(fd, name, &w.st)
	if err == unix.EACCES && w.unlock(fd, string(w.path)) {
		err = statEntry(fd, name, &w.st)
	}
	if err == unix.EACCES {
		var st unix.Statx_t
		if statFD(fd, &st) == nil && w.shut(string(w.path), &st, true) {
			return false
		}
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
func (w *walker) entry(f *frame, name []byte, typ byte, known bool) entered {
	if f.kind.open() && (f.kind != hooksKind || typ == unix.DT_DIR) {
		if n := w.lookup(f, name, typ); n != nil && w.counts(f, n, name, typ) {
			return w.named(n, f, name, typ, known)
		}
	}
	if typ == unix.DT_LNK && f.kind.linkless(name) {
		w.linkIn(f, name)
		return entered{kind: unset}
	}
	why := ""
	switch f.kind {
	case plain, topKind:
		if typ == unix.DT_DIR && len(w.g.watched) > 0 {
			// What core.hooksPath names, or a link such as .vscode leads to.
			if e := w.g.watch(w.index, w.at(name)); e != nil && e.content == anything && e.id != (identity{}) {
				return entered{kind: oldKind}
			}
		}
		if f.kind == topKind {
			w.strange(f, name, known)
		}
		return entered{kind: unset}
	case oldKind:
		why = "it is in a directory of what runs later"
	case hooksKind:
		if typ == unix.DT_DIR || hasSuffix(name, ".sample") {
			return entered{kind: unset}
		}
		why = "git runs it"
	case gitdirKind, worktreeKind:
		if typ != unix.DT_DIR {
			return entered{kind: unset}
		}
		switch f.kind.child(string(name)) {
		case modulesKind:
			return w.module(f, name, typ, known)
		case hooksKind:
			return w.hooksDir(f, name)
		}
		return entered{kind: unset}
	case modulesKind, moduleKind:
		return w.module(f, name, typ, known)
	case refsTop:
		return w.replaceDir(f, name, typ)
	case replaceKind:
		if typ == unix.DT_DIR {
			return entered{kind: unset}
		}
		why = replaceWhy
	case profilesKind:
		if !isProfile(name) {
			return entered{kind: unset}
		}
		why = profileWhy
	case hgKind:
		if !hgFile(string(name)) {
			return entered{kind: unset}
		}
		why = hgWhy
	default:
		return entered{kind: unset}
	}
	if !known && !w.look(f.fd, name) {
		return entered{kind: unset}
	}
	path := w.at(name)
	if w.st.Mode&unix.S_IFMT == unix.S_IFLNK {
		w.lead(path, plain, why)
	}
	if e := w.g.watch(w.index, path); e != nil && w.same(e, f.fd, name, &w.st) {
		return entered{kind: unset}
	}
	switch {
	case w.touched(f.fd, name, &w.st) || f.fresh:
		w.add(path, w.what(f.fd, name), why)
		return entered{kind: quietKind}
	case f.moved && f.kind == hooksKind && !(w.shared && len(w.frames) == 1): // which a lead has led to
		w.add(up(string(w.path)), Doubtful, hooksWhy)
	case f.moved:
		w.add(string(w.path), Doubtful, why)
	default:
		w.doubtCame(f, why)
	}
	return entered{kind: unset}
}

// counts tells whether a name of the table counts in the directory at hand. Git
// names branches and submodules as the developer likes.
func (w *walker) counts(f *frame, n *name, name []byte, typ byte) bool {
	switch f.kind {
	case modulesKind, moduleKind: // whatever is not a directory is a finding there
		return typ == unix.DT_DIR && repositoryName([]byte(n.name))
	case refsKind, refsTop, replaceKind:
		return name[0] == '.' || typ != unix.DT_DIR && !harmlessRef(f.fd, string(name))
	}
	return true
}

// repositoryName tells the directories that make the one they are in the top of a
// repository, by a name as fold has it.
func repositoryName(name []byte) bool {
	switch string(name) {
	case ".git", ".hg", ".sl", ".jj":
		return true
	}
	return false
}

// top judges the names that count only at the top of a repository, in a directory
// that turned out to be one. It is read again for them: to keep them until then
// would cost every directory. Where the run made the repository, names that were
// there count from now on.
func (w *walker) top(f *frame, made bool) {
	if _, err := unix.Seek(f.fd, 0, unix.SEEK_SET); err != nil {
		w.unseen(string(w.path), err)
		return
	}
	w.reader.at, w.reader.n = 0, 0
	for {
		name, _, err := w.next(f.fd)
		if err != nil {
			w.unseen(string(w.path), err)
		}
		if err != nil || len(name) == 0 {
			return
		}
		n := lookup(name, true)
		if n == nil {
			w.strange(f, name, false)
		}
		if n == nil || lookup(name, false) != nil || !w.look(f.fd, name) {
			continue
		}
		typ := byte(w.st.Mode & unix.S_IFMT >> 12)
		if !w.counts(f, n, name, typ) {
			continue
		}
		next := w.named(n, f, name, typ, true)
		if made && next.kind == oldKind {
			w.add(w.at(name), Doubtful, n.why)
		}
		if typ == unix.DT_DIR {
			w.repack(f, name, next)
		}
	}
}

// what tells a new file from an old one, as far as the file system knows. It is
// for w.st.
func (w *walker) what(dir int, name []byte) What {
	switch {
	case w.born(dir, name, &w.st):
		return Created
	case w.relinked(w.at(name), &w.st):
		return Doubtful
	}
	return Changed
}

// relinked tells whether a file that was read-only has another change time because a hard link
// to it was made, which nobody can do through a read-only mount: a backup, or cp -al. By that
// link the command may have written to it and set the time back.
func (w *walker) relinked(path string, st *unix.Statx_t) bool {
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Nlink < 2 || w.base() != nil || !(stamp{st.Mtime.Sec, st.Mtime.Nsec}).before(w.since) {
		return false
	}
	at := join(w.roots[w.index].path, path)
	return slices.ContainsFunc(w.g.Binds, func(b Bind) bool { return b.ReadOnly && (at == b.Path || strings.HasPrefix(at, b.Path+"/")) })
}

// named judges a name of the table.
func (w *walker) named(n *name, f *frame, name []byte, typ byte, known bool) entered {
	if !known && !w.look(f.fd, name) {
		return entered{kind: unset}
	}
	path := w.at(name)
	e := w.g.watch(w.index, path)
	if typ == unix.DT_DIR {
		switch n.name {
		case ".git":
			return w.repositoryIn(f, e, name, gitdirKind)
		case ".hg":
			return w.repositoryIn(f, e, name, hgKind)
		}
	}
	old := e != nil && w.same(e, f.fd, name, &w.st)
	if e == nil && !w.touched(f.fd, name, &w.st) {
		fresh, moved := w.arrived(f)
		switch old = !fresh; {
		case !old:
		case moved:
			w.add(path, Doubtful, n.why)
		default:
			w.doubtCame(f, n.why)
		}
	}
	switch {
	case old:
		if typ == unix.DT_LNK {
			w.lead(path, oldKind, n.why)
		}
		return entered{kind: oldKind}
	case n.rule == judged && (typ == unix.DT_DIR || typ == unix.DT_REG && harmlessVersion(f.fd, string(name))):
		return entered{kind: unset}
	case n.name == ".git" && typ == unix.DT_REG && w.goodGitFile(f, path):
		return entered{kind: unset}
	}
	w.add(path, w.what(f.fd, name), n.why)
	return entered{kind: quietKind}
}

func hasSuffix(b []byte, suffix string) bool {
	return len(b) >= len(suffix) && string(b[len(b)-len(suffix):]) == suffix
}
