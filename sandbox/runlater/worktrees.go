package runlater

import (
	"path"

	"golang.org/x/sys/unix"
)

// worktreeLimit bounds how many indexes are opened before the run, besides the project's
// own. All others are compared with the files of their worktrees.
const worktreeLimit = 16

func (g *Guard) keepsIndex(root int, at string) bool {
	for _, x := range g.indexes {
		if x.root == root && x.path == at {
			return true
		}
	}
	return false
}

// mainTop is the top of a repository's main worktree, by the path of its git directory. A
// bare one has none, and one that was made with --separate-git-dir does not say where.
func mainTop(gitdir string) string {
	if path.Base(gitdir) != ".git" {
		return ""
	}
	return path.Dir(gitdir)
}

// linkedTop is the top of a linked worktree (gitrepository-layout(5), "worktrees/<id>/gitdir"),
// by its directory in the repository: open, below that, and as an absolute path.
func linkedTop(fd int, at, gitdir string) string {
	text, err := readAt(fd, join(at, "gitdir"), unix.PathMax)
	if err != nil {
		return ""
	}
	to, err := parsePath(string(text))
	if err != nil {
		return ""
	}
	return path.Dir(from(gitdir, to))
}

// topOf is where core.worktree says that the worktree of an index is, or what is known of it.
func (w *walker) topOf(x *gitIndex) string {
	if x.late {
		return x.top
	}
	top := x.top
	for _, name := range [...]string{"config", "config.worktree"} {
		if e := w.g.watch(x.root, join(up(x.path), name)); e != nil {
			top = setTop(e.allowed, path.Dir(join(w.roots[x.root].path, x.path)), top)
		}
	}
	return top
}

func setTop(settings []setting, gitdir, top string) string {
	for _, s := range settings {
		if s.section == "core" && s.sub == "" && s.key == "worktree" && s.value != "" {
			top = from(gitdir, s.value)
		}
	}
	return top
}

// lateIndex notes the index of a git directory that the run changed, where it was not opened
// before: of a repository below the project's top or in another writable directory, of a
// submodule, of a new worktree or of one of many. It is compared with the files.
func (w *walker) lateIndex(f *frame) {
	at := w.at([]byte("index"))
	if w.g.keepsIndex(w.index, at) || !w.changed(f, "index") {
		return
	}
	top, any := w.lateTop(f, path.Dir(join(w.roots[w.index].path, at)))
	switch {
	case !any:
	case len(w.indexes) >= reportLimit:
		w.overflow = true
	default:
		w.indexes = append(w.indexes, &gitIndex{root: w.index, path: at, top: top, fd: -1, late: true})
	}
}

// lateTop finds the worktree of one, or tells that there is none.
func (w *walker) lateTop(f *frame, gitdir string) (top string, any bool) {
	if f.kind != worktreeKind {
		text, _ := readAt(f.fd, "config", configLimit)
		settings, _ := parseConfig(text) // git stops at what it cannot read
		return setTop(settings, gitdir, mainTop(gitdir)), true
	}
	top = linkedTop(f.fd, ".", gitdir)
	if top == "" || !w.changed(f, "gitdir") {
		return top, true
	}
	// One that the run made has a worktree of the run's. Otherwise gitdir could name a
	// directory that has the files, while the worktree of the developer's does not.
	common := up(up(string(w.path)))
	if known := w.isGitDir(common) && w.g.watch(w.index, w.at([]byte("gitdir"))) == nil; !known && !f.fresh {
		return "", true
	}
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, join(top, ".git"), unix.AT_SYMLINK_NOFOLLOW, statMask, &st)
	return top, err == nil
}
