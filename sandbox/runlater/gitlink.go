package runlater

import (
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// Git, Mercurial and their like write through symbolic links in their own directories: the
// message of a commit to COMMIT_EDITMSG, which may lead to a startup file of the shell, a
// branch's name to logs/HEAD, an object to objects. They make no such links, except
// those that symref and harmlessLink know.
const linkInWhy = "git or its like writes to where it leads"

// linkless tells the directories in which linkIn judges links. The others have rules of
// their own, or gitTop has them.
func (k kind) linkless(name []byte) bool {
	switch k {
	case innerKind, worktrees, refsKind, refsTop:
		return true
	case hgKind:
		return !hgFile(string(name))
	}
	return false
}

// linkIn judges a symbolic link in the directory of a repository.
func (w *walker) linkIn(f *frame, name []byte) {
	if !w.look(f.fd, name) {
		return
	}
	at := w.at(name)
	e := w.g.watch(w.index, at)
	isNew := w.touched(f.fd, name, &w.st) || f.fresh
	if e != nil && w.same(e, f.fd, name, &w.st) {
		return
	}
	to, err := tree{fd: f.fd}.readlink(string(name))
	switch {
	case err == nil && harmlessLink(f.kind, string(name), to):
	case isNew:
		w.add(at, w.what(f.fd, name), linkInWhy)
	case path.Base(to) == string(name): // git-new-workdir makes those
	case f.moved:
		w.add(string(w.path), Doubtful, linkInWhy)
	default:
		w.doubtCame(f, linkInWhy)
	}
}

// harmlessLink tells the links that are made there, through which nothing is written.
func harmlessLink(k kind, name, to string) bool {
	switch k {
	case gitdirKind, refsKind:
		return name == "HEAD" && symref(to)
	case worktreeKind: // git-annex(1) has one
		return name == "HEAD" && symref(to) || name == "annex" && to == "../../annex"
	case hgKind, innerKind: // locks of Mercurial and Sapling are only read as links
		return name == "lock" || name == "wlock"
	}
	return false
}

// symref tells a symbolic ref as core.preferSymlinkRefs has git write it.
func symref(to string) bool { return strings.HasPrefix(to, "refs/") && path.Clean(to) == to }

// gitTop judges the names in a git directory one by one: links, and those that no list has.
// Whether a directory is one shows when all its names are read, so it is read again.
func (w *walker) gitTop(f *frame) {
	if _, err := unix.Seek(f.fd, 0, unix.SEEK_SET); err != nil {
		w.unseen(string(w.path), err)
		return
	}
	quiet := f.fresh || w.made(f.fd, ".")
	w.reader.at, w.reader.n = 0, 0
	for {
		name, typ, err := w.next(f.fd)
		if err != nil {
			w.unseen(string(w.path), err)
		}
		if err != nil || len(name) == 0 {
			return
		}
		if typ == unix.DT_UNKNOWN {
			typ = typeOf(f.fd, name)
		}
		switch {
		case typ == unix.DT_LNK && !judgedLink(string(name)):
			w.linkIn(f, name)
		case typ != unix.DT_LNK && !quiet && !knownInGit(string(name)) && guarded[f.group].find(name) == nil:
			w.strangeIn(f, name)
		}
	}
}

// judgedLink tells the names of which a link is judged as what it stands for.
func judgedLink(name string) bool {
	return among(name, "config", "config.worktree", "commondir", "hooks", "modules", "rebase-merge", "rebase-apply", "sequencer")
}
