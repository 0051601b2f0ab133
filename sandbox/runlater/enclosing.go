package runlater

import (
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// A project may be a part of a repository, as a package of a monorepo is. Git in it, or
// anywhere else in that repository, obeys the repository's configuration, which the command
// cannot write. But it may lead to what the command can: core.hooksPath, a file that is
// included, a filter's program, a hook that is a link.

// An enclosure is a repository that a directory is a part of.
type enclosure struct {
	top     string
	gitdirs []string // its git directory and, for a worktree, the common one
}

// enclosing finds the repositories above a directory, up to the home and to the end of its
// file system, as git does (GIT_DISCOVERY_ACROSS_FILESYSTEM). One of another user is passed
// over, as by git (safe.directory).
func enclosing(dir string) (found []enclosure) {
	var here, above, st unix.Statx_t
	if unix.Statx(unix.AT_FDCWD, dir, 0, statMask, &here) != nil {
		return nil
	}
	for home := os.Getenv("HOME"); dir != "/" && dir != home; {
		dir = path.Dir(dir)
		if unix.Statx(unix.AT_FDCWD, join(dir, ".git"), 0, statMask, &st) != nil || st.Uid != self() && st.Uid != 0 {
			continue
		}
		if unix.Statx(unix.AT_FDCWD, dir, 0, statMask, &above) != nil || above.Dev_major != here.Dev_major || above.Dev_minor != here.Dev_minor {
			return found
		}
		found = append(found, enclosure{dir, gitDirs(dir, &st)})
	}
	return found
}

// gitDirs follows a .git that is a file, and a commondir.
func gitDirs(top string, st *unix.Statx_t) []string {
	gitdir := join(top, ".git")
	if st.Mode&unix.S_IFMT == unix.S_IFREG {
		text, _ := os.ReadFile(gitdir)
		to, err := parseGitFile(text)
		if err != nil {
			return nil
		}
		gitdir = from(top, to)
	}
	dirs := []string{gitdir}
	if text, err := os.ReadFile(join(gitdir, "commondir")); err == nil {
		if to, err := parsePath(string(text)); err == nil {
			dirs = append(dirs, from(gitdir, to))
		}
	}
	return dirs
}

// from is where a path leads that is relative to a directory.
func from(dir, to string) string {
	if strings.HasPrefix(to, "/") {
		return path.Clean(to)
	}
	return path.Join(dir, to)
}

// enclosed protects what the repositories above the project lead to in it.
func (f *finder) enclosed(own GitConfig) error {
	for _, e := range enclosing(f.project.path) {
		f.tops = append(f.tops, e.top)
		for _, dir := range e.gitdirs {
			for _, name := range [...]string{"config", "config.worktree"} {
				if err := f.outerConfig(join(dir, name)); err != nil {
					return err
				}
			}
			if err := f.outerHooks(join(dir, "hooks")); err != nil {
				return err
			}
		}
	}
	if len(f.tops) == 0 {
		return nil
	}
	return f.ownConfig(own)
}

// outerHooks is for a directory of hooks outside the project, which is a link or has some.
func (f *finder) outerHooks(dir string) error {
	if rel, ok := f.leadsIn(dir); ok {
		return f.hooks(f.project, rel)
	}
	for _, l := range namesIn(dir, unix.DT_LNK) {
		if rel, ok := f.leadsIn(join(dir, l)); ok {
			if err := f.protect(f.project, rel, anything, targetWhy); err != nil {
				return err
			}
		}
	}
	return nil
}

// leadsIn tells where in the project an absolute path leads.
func (f *finder) leadsIn(to string) (rel string, ok bool) {
	end, _, err := land(to)
	if err != nil {
		return "", false
	}
	return f.project.within(end)
}

// enclosures collects where the repositories lead of which the roots are a part. The project
// may have a repository of its own as well, as a submodule has.
func (w *walker) enclosures() {
	seen := map[string]bool{}
	for _, r := range w.roots {
		if r.mount {
			continue
		}
		for _, e := range enclosing(r.path) {
			if seen[e.top] {
				continue
			}
			seen[e.top] = true
			w.tops = append(w.tops, lead{root: -1, path: e.top})
			for _, dir := range e.gitdirs {
				w.enclosure(dir, setBy{top: e.top})
			}
		}
	}
}

func (w *walker) enclosure(dir string, by setBy) {
	for _, name := range [...]string{"config", "config.worktree"} {
		w.leadTo(join(dir, name), configKind, gitWhy, by)
	}
	w.leadTo(join(dir, "hooks"), hooksKind, hooksWhy, by)
}

// hookLinks collects the links in a directory of hooks that the command cannot write.
func (w *walker) hookLinks(dir string, by setBy) {
	for _, l := range namesIn(dir, unix.DT_LNK) {
		w.leadTo(join(dir, l), plain, targetWhy, by)
	}
}
