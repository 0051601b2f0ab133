package runlater

import "golang.org/x/sys/unix"

// A directory of another owner may be closed to the caller: a database's, or what an image's
// user left. Nothing in it runs outside as long as nobody can enter it, so that it is no fault
// of the run.
//
// A later command that has its owner's id can open it. What is in it is older than that run and
// would count for nothing, so the directories that one of the command's ids owns are remembered,
// and named when they are open.

// shutLimit bounds how many directories are remembered. A command that makes more has left
// something that cannot be looked at.
const shutLimit = 256

// A Shut is a directory of another owner that could not be looked into.
type Shut struct {
	Root, Path string
	Inode      uint64
	UID        uint32
	Command    bool // its owner is one of the command's ids
}

// shutAt tells whether a name in the directory at hand is one that is shut, and notes it.
func (w *walker) shutAt(dir int, name, path string) bool {
	var st unix.Statx_t
	if statAt(dir, name, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return false
	}
	// With the effective ids, as a lookup does (faccessat2(2)).
	closed := unix.Faccessat(dir, name, unix.X_OK, unix.AT_EACCESS|unix.AT_SYMLINK_NOFOLLOW) == unix.EACCES
	return w.shut(path, &st, closed)
}

// shut notes a directory that could not be looked into. Where the caller can enter it, there may be
// files with known names in it, which one of the command's ids has made.
func (w *walker) shut(path string, st *unix.Statx_t, closed bool) bool {
	if st.Uid == w.uid {
		return false
	}
	commands := w.g.Commands == nil || w.g.Commands(st.Uid)
	if commands && (!closed || len(w.r.Shut) >= shutLimit) {
		return false
	}
	if !w.isShut(path) {
		w.r.Shut = append(w.r.Shut, Shut{w.roots[w.index].path, path, st.Ino, st.Uid, commands})
	}
	return true
}

// isShut tells whether a path of the root at hand is, or is in, a directory that is noted.
func (w *walker) isShut(path string) bool {
	for _, s := range w.r.Shut {
		if s.Root != w.roots[w.index].path {
			continue
		}
		if _, in := (tree{path: "/" + s.Path}).within("/" + path); in {
			return true
		}
	}
	return false
}

// opened names a directory at hand that was shut after an earlier run. All in it is older than
// this one, and was never looked at.
func (w *walker) opened(fd int) {
	var st unix.Statx_t
	if w.g.WereShut == nil || statFD(fd, &st) != nil || !w.g.WereShut[st.Ino] {
		return
	}
	if unix.Faccessat(fd, ".", unix.F_OK, unix.AT_EACCESS) != unix.EACCES { // it may be listed and not searched
		w.add(string(w.path), Doubtful, shutWhy)
	}
}

const shutWhy = "it was closed to you when an earlier command ended, and may hold what runs later"
