package runlater

import (
	"errors"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/mounttable"
)

// bindLimit is far beyond any honest repository's submodules. Each bind is a
// mount, and the kernel allows 100,000 in a namespace.
const bindLimit = 8192

var errBinds = errors.New("more names that run later than can be bound")

// Elsewhere is for a run without a project that it can write, in other directories.
// mounts gives the host's, when they are needed.
func Elsewhere(own GitConfig, mounts func() (mounttable.Table, error)) Guard {
	return Guard{own: own, began: now(), readMounts: mounts}
}

// Find looks at a project before the run: at its top, and at its git directory.
// The project is given by its real path.
//
// A project that has nothing of the kind costs one listing of its directory.
func Find(project string, own GitConfig, mounts func() (mounttable.Table, error)) (Guard, error) {
	f := finder{}
	f.g.project = true
	f.g.own = own
	f.g.began = now()
	f.g.Place.Path, f.g.Place.Why = Place(project)
	fd, err := openRoot(project)
	if err != nil {
		return Guard{}, err
	}
	defer unix.Close(fd)
	var st unix.Statx_t
	if err := statFD(fd, &st); err != nil {
		return Guard{}, err
	}
	f.project = tree{fd: fd, path: project}
	f.g.readMounts = mounts
	known, err := reliable(fd)
	if err != nil {
		return Guard{}, err
	}
	f.g.roots = []root{{path: project, id: identify(&st), mode: st.Mode, kind: topKind, reliable: known}}
	if err := f.top(own); err != nil {
		return Guard{}, err
	}
	if len(f.g.Binds) > bindLimit {
		return Guard{}, errBinds
	}
	f.g.settle()
	return f.g, nil
}

type finder struct {
	g         Guard
	project   tree
	shownTree []tree   // the one that is being looked at
	tops      []string // of the worktrees that settings are for
	includes  int
}

// top looks at the names at the project's top.
func (f *finder) top(own GitConfig) error {
	r := reader{buf: make([]byte, 8<<10)} // on the stack it would have to grow first
	var found []string
	repository := false
	for {
		n, typ, err := r.next(f.project.fd)
		if err != nil {
			return err
		}
		if len(n) == 0 {
			break
		}
		if typ == unix.DT_DIR {
			f.g.Remember("", string(n), r.ino)
		}
		f.hidden(n)
		if listed(n) != nil {
			found = append(found, string(n))
		}
	}
	slices.Sort(f.g.hidden)
	slices.Sort(found)
	for _, n := range found {
		var err error
		switch entry := listed([]byte(n)); {
		case entry.name == ".git":
			repository = true
			err = f.git(n, own)
		case entry.name == ".hg":
			err = f.mercurial(n)
		case entry.rule == leads:
			err = f.groups([]byte(n))
		case entry.rule == judged:
			err = f.versions(n, entry.why)
		default:
			err = f.protect(f.project, n, anything, entry.why)
		}
		if err != nil {
			return err
		}
	}
	if repository {
		return nil
	}
	return f.enclosed(own)
}

// protect has a path bound read-only and what leads to it held fast. What is not
// there is only remembered.
func (f *finder) protect(t tree, path string, c content, why string) error {
	_, err := f.guard(t, path, c, why, nil)
	return err
}

// guard does so and tells where the path leads.
func (f *finder) guard(t tree, path string, c content, why string, allowed []setting) (place, error) {
	p, err := t.resolve(path)
	if err != nil {
		f.note(t, path, err.Error()+"; it is looked at after the run only")
		return place{}, nil
	}
	return p, f.hold(t, path, p, c, why, allowed)
}

// hold does so for a path that leads to p.
func (f *finder) hold(t tree, path string, p place, c content, why string, allowed []setting) error {
	if len(f.g.watched) > bindLimit {
		return errBinds
	}
	for _, link := range p.links {
		f.remember(t, link, anything, why, nil)
	}
	switch {
	case p.path == "":
		return nil
	case p.path == "." || p.path == ".git" && p.st.Mode&unix.S_IFMT == unix.S_IFDIR:
		// All of it read-only: that is no sandbox to build in.
		f.note(t, path, "it leads to the whole directory, which cannot be read-only")
		return nil
	}
	w := watched{root: t.index, path: p.path, content: c, why: why, allowed: allowed}
	if !p.missing {
		w.id = identify(&p.st)
		f.pinParents(t, p.path)
		f.g.Binds = append(f.g.Binds, Bind{join(t.path, p.path), true, why})
	}
	f.g.watched = append(f.g.watched, w)
	return nil
}

func (f *finder) remember(t tree, path string, c content, why string, allowed []setting) {
	w := watched{root: t.index, path: path, content: c, why: why, allowed: allowed}
	var st unix.Statx_t
	if t.stat(path, &st) == nil {
		w.id = identify(&st)
	}
	f.g.watched = append(f.g.watched, w)
}

// pin binds a directory over itself, writable. A mount point cannot be renamed or
// removed by those who see the mount (EBUSY): without it, mv .git x; cp -r x .git
// would leave the read-only mounts in x and git with a copy that is not.
func (f *finder) pin(t tree, path string) {
	if path == "." {
		return
	}
	f.pinParents(t, path)
	f.g.Binds = append(f.g.Binds, Bind{Path: join(t.path, path), Why: "it holds what runs later"})
	f.remember(t, path, pinned, "it holds what runs later", nil)
}

func (f *finder) pinParents(t tree, path string) {
	if dir, _ := parent(path); dir != "." && !slices.ContainsFunc(f.g.Binds, func(b Bind) bool { return b.Path == join(t.path, dir) }) {
		f.pin(t, dir)
	}
}

func (f *finder) note(t tree, path, what string) {
	f.g.Notes = append(f.g.Notes, join(t.path, path)+": "+what)
}
