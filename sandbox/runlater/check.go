package runlater

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

var (
	errReplaced = errors.New("another directory is in its place")
	errMany     = errors.New("too many to list: these are the first")
)

// Check looks, after the run, for what it left that runs later, and takes
// setuid and setgid off the files that it made. writable are directories besides
// the project that the run could write. All processes of the run must be dead.
//
// With an error the report is not complete.
func (g Guard) Check(writable ...string) (Report, error) {
	var r Report
	if !g.recorded {
		g.roots = slices.Clone(g.roots)
		g.addRoots(writable)
		if err := g.addMounts(); err != nil {
			return r, err
		}
	}
	w := g.walker(&r)
	var errs []error
	for i, root := range w.roots {
		if err := w.root(i, root); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", root.path, err))
		}
	}
	w.again(false)
	w.leadsOfHome()
	w.follow()
	w.dangling()
	w.searched()
	w.tellNamed()
	w.settle()
	w.doubtful()
	w.elsewhere()
	w.indexed()
	for _, list := range [][]Finding{r.Findings, r.Unknown, r.Programs} {
		slices.SortStableFunc(list, func(a, b Finding) int {
			return cmp.Or(strings.Compare(a.Root, b.Root), strings.Compare(a.Path, b.Path))
		})
	}
	r.Secrets, r.made = append(r.Secrets, r.made...), nil
	r.Findings = slices.CompactFunc(r.Findings, func(a, b Finding) bool { // a repository is doubted once
		return a.Root == b.Root && a.Path == b.Path && a.What == Doubtful && b.What == Doubtful
	})
	if w.overflow {
		errs = append(errs, errMany)
	}
	return r, errors.Join(errs...)
}

func (g *Guard) walker(r *Report) *walker {
	return &walker{
		g: g, r: r, since: g.began.since(now()), uid: self(), roots: g.roots,
		reader: reader{buf: make([]byte, 128<<10)},
	}
}

// addRoots adds the directories besides the project that the run may write.
func (g *Guard) addRoots(writable []string) {
	for _, path := range writable {
		// What Find holds in place is in one of the roots, and only there is it known for
		// what it is: the directory of a worktree by itself looks like a new repository.
		if slices.ContainsFunc(g.Binds, func(b Bind) bool { return b.Path == path }) {
			continue
		}
		if !g.isRoot(path) {
			g.roots = append(g.roots, root{path: path, kind: rootKind(path)})
		}
	}
}

// root walks one of the directories, and then looks at what is watched in it.
func (w *walker) root(index int, r root) error {
	fd, err := openRoot(r.path)
	if err != nil {
		return err
	}
	id, err := identityOf(fd)
	known := r.reliable
	if err == nil && !known && r.base == nil {
		if known, err = reliable(fd); err == nil && !known {
			w.index = index
			w.unseen("", errNoBaseline)
		}
	}
	switch {
	case err != nil:
	case r.vanished(id):
		err = errVanished
	case r.id != (identity{}) && id.object() != r.id.object():
		err = errReplaced
	}
	if err != nil {
		unix.Close(fd)
		return err
	}
	return w.rootAt(index, fd)
}

// rootAt does so for one that is open, and closes it.
func (w *walker) rootAt(index, fd int) error {
	w.index = index
	r := w.roots[index]
	keep, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		unix.Close(fd)
		return err
	}
	defer unix.Close(keep)
	if err := w.walk(fd, r.kind); err != nil {
		return err
	}
	w.clearRoot(keep, r)
	return w.watches(keep)
}

// watches compares what Find listed with what is there now, where the walk did
// not: links, configurations, and what was not there.
func (w *walker) watches(root int) error {
	for i := range w.g.watched {
		e := &w.g.watched[i]
		if e.root != w.index || w.r.Moves(w.roots[w.index].path, e.path) {
			continue
		}
		dir, err := openDeep(root, up(e.path))
		if err == nil {
			_, name := parent(e.path)
			err = w.watchedAt(dir, []byte(name), e)
			unix.Close(dir)
		}
		switch {
		case err == nil, err == unix.EACCES && w.isShut(e.path):
		case err != unix.ENOENT && err != unix.ENOTDIR && err != unix.ELOOP:
			w.unseen(e.path, err)
		case e.id != (identity{}) && e.content != transient:
			w.add(e.path, Gone, e.why) // renamed, perhaps: it is there, and counts for nothing
		}
	}
	return nil
}

// watchedAt does so for one, which is a name in an open directory.
func (w *walker) watchedAt(dir int, name []byte, e *watched) error {
	path := w.path
	defer func() { w.path = path }()
	if w.path = nil; up(e.path) != "." {
		w.path = []byte(up(e.path))
	}
	if err := statAt(dir, string(name), &w.st); err != nil {
		return err
	}
	what := Changed
	switch {
	case e.id == (identity{}):
		what = Created
	case w.sameObject(e, &w.st) && w.relinked(e.path, &w.st):
		what = Doubtful
	}
	switch {
	case e.content == transient, e.content == pinned, w.same(e, dir, name, &w.st):
	case e.content == configuration && w.st.Mode&unix.S_IFMT == unix.S_IFREG:
		if j, why := w.badConfig(dir, string(name), e.allowed, up(e.path)); why != "" {
			w.addConfig(e.path, what, why, j)
		}
	default:
		w.add(e.path, what, e.why)
	}
	return nil
}

func (w *walker) add(path string, what What, why string) {
	w.addFinding(Finding{Root: w.roots[w.index].path, Path: path, What: what, Why: why})
}

// addConfig is add for a git configuration with such settings.
func (w *walker) addConfig(path string, what What, why string, j verdict) {
	w.addFinding(Finding{Root: w.roots[w.index].path, Path: path, What: what, Why: why, config: j})
}

func (w *walker) addFinding(f Finding) {
	if len(w.r.Findings) >= reportLimit {
		w.overflow = true
		return
	}
	w.r.Findings = append(w.r.Findings, f)
}

func (w *walker) unseen(path string, err error) {
	if len(w.r.Unseen) >= reportLimit {
		w.overflow = true
		return
	}
	w.r.Unseen = append(w.r.Unseen, Unseen{w.roots[w.index].path, path, err})
}
