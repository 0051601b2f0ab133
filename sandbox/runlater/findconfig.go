package runlater

import (
	"errors"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// includeLimit is far beyond any honest configuration's. Git has a limit of depth
// only, and files that each include another ten times get past it.
const includeLimit = 256

var errIncludes = errors.New("git's configuration includes too many files")

// config protects a git configuration, what it includes, and the hooks that it
// names.
func (f *finder) config(t tree, file string) error { return f.configOf(t, file, false) }

// configOf is config for one that is a repository's own, or is included by another.
func (f *finder) configOf(t tree, file string, own bool) error {
	p, err := t.resolve(file)
	if own && (err == unix.EXDEV || err == nil && p.path == "") {
		if to := outerCopy(t, file); to != "" {
			f.g.Shown = append(f.g.Shown, Bind{to, true, gitWhy})
			return f.outerConfig(to)
		}
	}
	if err != nil || p.path == "" || p.path == "." {
		return f.protect(t, file, anything, gitWhy)
	}
	if p.missing {
		f.remember(t, p.path, configuration, gitWhy, nil)
		return nil
	}
	if slices.ContainsFunc(f.g.watched, func(w watched) bool {
		return w.root == t.index && w.path == p.path && w.content == configuration
	}) {
		return nil // included again, perhaps by itself
	}
	text, err := readAt(t.fd, p.path, configLimit)
	if err != nil {
		f.note(t, file, err.Error())
		return f.protect(t, file, anything, gitWhy)
	}
	settings, err := parseConfig(text)
	if err != nil {
		f.note(t, file, err.Error())
		return f.protect(t, file, anything, gitWhy)
	}
	var allowed []setting
	for _, s := range settings {
		if !harmless(s, func(string) bool { return false }) {
			allowed = append(allowed, s)
		}
	}
	if err := f.hold(t, file, p, configuration, gitWhy, allowed); err != nil {
		return err
	}
	if own && p.path == file {
		f.copyConfig(t, p, text)
	}
	return f.obey(settings, join(t.path, up(p.path)))
}

// outerConfig reads a configuration that is not the project's, for what it says
// of the project.
func (f *finder) outerConfig(file string) error {
	fd, err := openNamed(unix.AT_FDCWD, file, 0)
	if err != nil {
		return nil
	}
	real, err := realPath(fd)
	unix.Close(fd)
	if err != nil {
		return err
	}
	if rel, ok := f.project.within(real); ok && rel != "" {
		return f.config(f.project, rel)
	}
	text, err := readPath(real, unix.O_NOFOLLOW, configLimit)
	if err != nil {
		return nil
	}
	settings, err := parseConfig(text)
	if err != nil {
		return nil // git stops at it
	}
	return f.obey(settings, path.Dir(real))
}

// obey looks at what settings lead to. Whether the condition of an includeIf
// holds is not asked.
func (f *finder) obey(settings []setting, dir string) error {
	for _, s := range settings {
		switch {
		case s.key == "path" && (s.section == "include" || s.section == "includeif"):
			if f.includes++; f.includes > includeLimit {
				return errIncludes
			}
			to := home(s.value)
			if !strings.HasPrefix(to, "/") {
				to = dir + "/" + to
			}
			if err := f.include(path.Clean(to)); err != nil {
				return err
			}
		case s.section == "init" && s.sub == "" && s.key == "templatedir" && s.value != "":
			if err := f.template(home(s.value)); err != nil {
				return err
			}
		case s.section == "core" && s.sub == "" && s.key == "hookspath":
			if err := f.hooksPath(home(s.value)); err != nil {
				return err
			}
		}
	}
	return nil
}

// hooksPath is relative to where hooks run: the top of the worktree.
func (f *finder) hooksPath(to string) error {
	switch {
	case to == "":
		return nil
	case to[0] == '/':
		if rel, ok := f.project.within(to); ok {
			return f.hooks(f.project, rel)
		}
		return f.outerHooks(to)
	}
	for _, top := range f.tops {
		err := error(nil)
		if top == f.project.path {
			err = f.hooks(f.project, to)
		} else {
			err = f.outerHooks(join(top, to))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// template protects what git init and git clone copy into new repositories, and then obey.
func (f *finder) template(to string) error {
	if err := f.hooksPath(join(to, "hooks")); err != nil || to[0] != '/' {
		return err
	}
	if f.includes++; f.includes > includeLimit {
		return errIncludes
	}
	return f.include(path.Join(to, "config"))
}

// ownConfig looks at the developer's own configuration.
func (f *finder) ownConfig(own GitConfig) error {
	for _, path := range own.Files {
		if err := f.outerConfig(path); err != nil {
			return err
		}
	}
	return f.obey(own.settings, "/") // which has no relative paths of files
}

// include is for a file that a configuration includes, in the project or not,
// there or not.
func (f *finder) include(file string) error {
	for _, t := range append(f.shownTree, f.project) {
		if rel, ok := t.within(file); ok && rel != "" {
			return f.config(t, rel)
		}
	}
	return f.outerConfig(file)
}
