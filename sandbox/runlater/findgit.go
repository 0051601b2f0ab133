package runlater

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	gitWhy    = "git obeys it"
	hooksWhy  = "git runs the hooks in it"
	targetWhy = "a git hook leads to it"
)

// git looks at the project's .git, which is a directory, a file that names one,
// or a link.
func (f *finder) git(name string, own GitConfig) error {
	t := f.project
	f.tops = append(f.tops, t.path)
	var st unix.Statx_t
	if err := t.stat(name, &st); err != nil {
		return err
	}
	var err error
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		f.keepIndex(t, name, t.path)
		err = f.gitDir(t, name, 0)
	case unix.S_IFLNK:
		err = f.gitLink(name)
	case unix.S_IFREG:
		err = f.gitFile(name, identify(&st))
	default:
		err = f.protect(t, name, anything, gitWhy)
	}
	if err != nil {
		return err
	}
	return f.ownConfig(own)
}

// gitLink is for .git as a link. One that leads out of the project is not
// followed: nothing there says that it belongs to this project.
func (f *finder) gitLink(name string) error {
	t := f.project
	p, err := t.resolve(name)
	if err != nil || p.path == "" || p.path == "." || p.missing || p.st.Mode&unix.S_IFMT != unix.S_IFDIR {
		f.note(t, name, gitLinkNote(t, name))
		f.remember(t, name, anything, gitWhy, nil)
		return nil
	}
	for _, link := range p.links {
		f.remember(t, link, anything, gitWhy, nil)
	}
	f.keepIndex(t, p.path, t.path)
	return f.gitDir(t, p.path, 0)
}

// gitLinkNote says why a link is not followed, and how what it leads to is shown.
func gitLinkNote(t tree, name string) string {
	note := "a link to no git directory in the project: it is not shown"
	if to, err := t.readlink(name); err == nil {
		note += "; --rw " + from(t.path, to) + " shows it"
	}
	return note
}

// gitFile is for a worktree or a submodule, whose git directory is elsewhere.
func (f *finder) gitFile(name string, file identity) error {
	t := f.project
	if err := f.protect(t, name, anything, gitWhy); err != nil {
		return err
	}
	text, err := readAt(t.fd, name, unix.PathMax+16)
	if err != nil {
		return err
	}
	path, err := parseGitFile(text)
	if err != nil {
		f.note(t, name, err.Error())
		return nil
	}
	gitdir, err := openNamed(t.fd, path, unix.O_DIRECTORY)
	if err != nil {
		f.note(t, name, "it names "+path+": "+err.Error())
		return nil
	}
	defer unix.Close(gitdir)
	real, err := realPath(gitdir)
	if err != nil {
		return err
	}
	if rel, ok := t.within(real); ok && rel != "" {
		return f.inner(rel)
	}
	c := claim{f.g.roots[0].id, file, self()}
	shown, err := c.prove(gitdir)
	if err != nil {
		f.note(t, name, "it names "+path+", which is not shown: "+err.Error())
		return nil
	}
	if _, ok := (tree{path: shown}).within(t.path); ok {
		f.note(t, name, "it names "+path+", which is not shown: the project is in it")
		return nil
	}
	return f.shown(shown, gitdir, real)
}

// inner is for a .git file that names a git directory in the project: a worktree
// made of a repository in it, or a repository with its git directory beside.
func (f *finder) inner(rel string) error {
	f.keepIndex(f.project, rel, f.project.path)
	if common, ok := strings.CutSuffix(up(rel), "/worktrees"); ok {
		return f.gitDir(f.project, common, 0)
	}
	return f.gitDir(f.project, rel, 0)
}

func up(path string) string {
	dir, _ := parent(path)
	return dir
}

// shown adds a git directory outside the project. It is opened again by its real
// path, and must be what was proven: the parents of a proven directory are not
// the project's.
func (f *finder) shown(path string, gitdir int, real string) error {
	fd, err := openRoot(path)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	t := tree{len(f.g.roots), fd, path}
	rel, ok := t.within(real)
	if !ok {
		return errGitFile
	}
	if rel != "" {
		again, err := openDir(fd, rel)
		if err != nil {
			return err
		}
		defer unix.Close(again)
		if !sameObject(again, gitdir) {
			return errGitFile
		}
	}
	id, err := identityOf(fd)
	if err != nil {
		return err
	}
	f.g.roots = append(f.g.roots, root{path: path, id: id, kind: gitdirKind})
	f.g.Shown = append(f.g.Shown, Bind{Path: path, Why: "the project's .git names it, and it names the project"})
	f.shownTree = []tree{t}
	f.keepIndex(t, join(".", rel), f.project.path)
	err = f.gitDir(t, ".", 0)
	f.shownTree = nil
	return err
}

// gitDir protects what git obeys in a git directory, and the git directories of
// submodules and worktrees in it.
func (f *finder) gitDir(t tree, path string, depth int) error {
	f.pin(t, path)
	if depth == 0 {
		f.keepIndex(t, path, mainTop(join(t.path, path)))
		f.unfinished(t, path)
		for _, tool := range toolFiles() {
			at := join(path, tool.path)
			var st unix.Statx_t
			if statAt(t.fd, at, &st) == unix.ENOENT { // it is mostly so, and one call tells
				continue
			}
			if err := f.ifThere(t, at, tool.why); err != nil {
				return err
			}
		}
	}
	for _, name := range [...]string{"config", "config.worktree"} {
		if err := f.configOf(t, join(path, name), true); err != nil {
			return err
		}
	}
	// With a commondir, configuration and hooks are read from another directory.
	if err := f.ifThere(t, join(path, "commondir"), gitWhy); err != nil {
		return err
	}
	if err := f.hooks(t, join(path, "hooks")); err != nil || depth > 16 {
		return err
	}
	if err := f.below(t, join(path, "worktrees"), depth, true); err != nil {
		return err
	}
	return f.below(t, join(path, "modules"), depth, false)
}

// below protects the git directories in modules or worktrees. That of a
// submodule a/b is modules/a/b.
func (f *finder) below(t tree, path string, depth int, worktrees bool) error {
	fd, err := openDir(t.fd, path)
	if err != nil {
		return nil // not there, or a link, which git does not make
	}
	defer unix.Close(fd)
	dirs, err := list(fd, unix.DT_DIR)
	if err != nil {
		return err
	}
	f.pin(t, path)
	slices.Sort(dirs)
	for _, d := range dirs {
		at := join(path, d)
		var st unix.Statx_t
		switch {
		case worktrees || t.stat(join(at, "HEAD"), &st) == nil:
			if worktrees {
				err = f.ifThere(t, join(at, "gitdir"), gitWhy)
				f.keepIndex(t, at, linkedTop(t.fd, at, join(t.path, at)))
				f.unfinished(t, at)
			}
			if err == nil {
				err = f.gitDir(t, at, depth+1)
			}
		case depth < 16:
			err = f.below(t, at, depth+1, false)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *finder) ifThere(t tree, path, why string) error {
	var st unix.Statx_t
	if t.stat(path, &st) != nil {
		return nil
	}
	return f.protect(t, path, anything, why)
}

// hooks protects a directory of hooks and what the links in it lead to: it is
// the custom to link .git/hooks/pre-commit to a script in the project.
func (f *finder) hooks(t tree, path string) error {
	p, err := f.guard(t, path, anything, hooksWhy, nil)
	if err != nil || p.missing || p.path == "" || p.path == "." || p.st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return err
	}
	fd, err := openDir(t.fd, p.path)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	links, err := list(fd, unix.DT_LNK)
	if err != nil {
		return err
	}
	for _, l := range links {
		if err := f.protect(t, join(p.path, l), anything, targetWhy); err != nil {
			return err
		}
	}
	return nil
}
