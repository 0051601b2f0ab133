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
	w := walker{
		g: &g, r: &r, since: g.began.since(now()), uid: self(),
		reader: reader{buf: make([]byte, 128<<10)},
	}
	var errs []error
	roots := slices.Clone(g.roots)
	for _, path := range writable {
		// What Find holds in place is in one of the roots, and only there is it known for
		// what it is: the directory of a worktree by itself looks like a new repository.
		if slices.ContainsFunc(g.Binds, func(b Bind) bool { return b.Path == path }) {
			continue
		}
		if !slices.ContainsFunc(roots, func(r root) bool { return r.path == path }) {
			roots = append(roots, root{path: path, kind: plain})
		}
	}
	w.roots = roots
	for i, root := range roots {
		if err := w.root(i, root); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", root.path, err))
		}
	}
	w.dangling()
	w.settle()
	w.doubtful()
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.Root, b.Root), strings.Compare(a.Path, b.Path))
	})
	if w.overflow {
		errs = append(errs, errMany)
	}
	return r, errors.Join(errs...)
}

// root walks one of the directories, and then looks at what is watched in it.
func (w *walker) root(index int, r root) error {
	fd, err := openRoot(r.path)
	if err != nil {
		return err
	}
	id, err := identityOf(fd)
	if err == nil && r.id != (identity{}) && id.object() != r.id.object() {
		err = errReplaced
	}
	if err != nil {
		unix.Close(fd)
		return err
	}
	w.index = index
	keep, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		unix.Close(fd)
		return err
	}
	defer unix.Close(keep)
	if err := w.walk(fd, r.kind); err != nil {
		return err
	}
	return w.watches(keep)
}

// watches compares what Find listed with what is there now, where the walk did
// not: links, configurations, and what was not there.
func (w *walker) watches(root int) error {
	for i := range w.g.watched {
		e := &w.g.watched[i]
		if e.root != w.index || w.r.has(w.roots[w.index].path, e.path) {
			continue
		}
		id, err := identityIn(root, e.path)
		switch {
		case err == unix.ENOENT || err == unix.ENOTDIR || err == unix.ELOOP:
			continue // gone, and what is in its way is a change of its own
		case err != nil:
			w.unseen(e.path, err)
			continue
		}
		what := Changed
		if e.id == (identity{}) {
			what = Created
		}
		switch {
		case id == e.id, e.content == pinned:
		case e.content == configuration && id.kind == unix.S_IFREG:
			if bad := w.badConfig(root, e.path, e.allowed, up(e.path)); bad != "" {
				w.add(e.path, what, bad)
			}
		default:
			w.add(e.path, what, e.why)
		}
	}
	return nil
}

// identityIn looks at a path below a root.
func identityIn(root int, path string) (identity, error) {
	dir, name := parent(path)
	fd, err := openDeep(root, dir)
	if err != nil {
		return identity{}, err
	}
	defer unix.Close(fd)
	var st unix.Statx_t
	err = statAt(fd, name, &st)
	return identify(&st), err
}

func (w *walker) add(path string, what What, why string) {
	if len(w.r.Findings) >= reportLimit {
		w.overflow = true
		return
	}
	w.r.Findings = append(w.r.Findings, Finding{w.roots[w.index].path, path, what, why})
}

func (w *walker) unseen(path string, err error) {
	if len(w.r.Unseen) >= reportLimit {
		w.overflow = true
		return
	}
	w.r.Unseen = append(w.r.Unseen, Unseen{w.roots[w.index].path, path, err})
}
