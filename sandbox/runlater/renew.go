package runlater

import (
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// By says whose doing it is that another file is in a guarded place.
type By uint8

const (
	// Hosts: the command could put nothing there.
	Hosts By = iota
	// Perhaps: the host replaced it, and the command could write to it for a moment.
	Perhaps
	// Anyones: the command or the host replaced it, and sbx cannot know which.
	Anyones
)

// Renew takes what is at a guarded path now for what was there before the run, if that is
// the host's doing. If the command could write to it, the path is reported as doubtful at
// the end, and a git configuration that has a dangerous setting it did not have before
// keeps its old record, which Check compares; Renew then returns why. What is anyone's
// keeps its record too, so that Check finds it, except a harmless configuration.
//
// It is for one goroutine at a time, before Check.
func (g *Guard) Renew(path string, by By) (bad string) {
	index, rel := g.locate(path)
	e, dir, name, ok := g.openGuarded(index, rel)
	if !ok {
		return "" // Check knows that it is gone
	}
	defer unix.Close(dir)
	var st unix.Statx_t
	switch err := statAt(dir, name, &st); {
	case err == unix.ENOENT:
		return ""
	case err != nil:
		return err.Error()
	case e.unchanged(dir, name, &st):
		e.id = identify(&st)
		return ""
	}
	now := (*seen)(nil)
	switch {
	case e.content == configuration:
		if now, bad = g.newSettings(dir, name, e, &st, by == Hosts); bad != "" {
			return bad
		}
	case by == Anyones:
		return ""
	case by == Perhaps && e.content == anything:
		g.doubt(index, rel, doubtWhy)
	}
	if now == nil {
		now = see(dir, name, &st)
	}
	e.id, e.seen = identify(&st), now
	if b := g.roots[index].base; b != nil {
		b.known[rel] = b.read(dir, name, &st)
	}
	return ""
}

// RenewIf is Renew for what is the host's if that is so when it has been read, and tells
// whether it was. It does not know where times cannot be relied on.
func (g *Guard) RenewIf(path string, sure func() bool) bool {
	index, rel := g.locate(path)
	if index < 0 || g.roots[index].base != nil {
		return false
	}
	e := g.watch(index, rel)
	if e == nil {
		return false
	}
	before := *e
	before.allowed = slices.Clip(before.allowed)
	if g.Renew(path, Hosts) != "" || !sure() {
		*e = before
		return false
	}
	return true
}

// Settle says that the command has ended and could not write to a guarded file by then, or
// that Renew has judged what it wrote: what changes before Check is another's.
func (g *Guard) Settle(path string) {
	if index, rel := g.locate(path); index >= 0 {
		if e := g.watch(index, rel); e != nil {
			e.settled = true
		}
	}
}

// Begin says that the command is about to run: what was written before is not its own.
// Files have the time of the last tick of the kernel's clock. Where the project was changed
// within this one, as by a git clone just before, it waits for the next, or the change
// could not be told from the command's.
func (g *Guard) Begin() {
	var last stamp
	for _, r := range g.roots {
		last = later(last, r.id.changed)
	}
	for _, w := range g.watched {
		last = later(last, w.id.changed)
	}
	for g.began = now(); !last.before(g.began.stamped) && last.before(g.began.stamped.add(int64(tickLimit))); g.began = now() {
		time.Sleep(tickLimit / 100)
	}
}

// tickLimit is longer than any kernel's tick. A file that is from later than that has a
// time that somebody set the clock to.
const tickLimit = 20 * time.Millisecond

func later(a, b stamp) stamp {
	if a.before(b) {
		return b
	}
	return a
}

// Hold says that a guarded directory was read-only to the command all the time, so that what
// changed there is the host's. That does not hold where another directory is in its place by
// the end, or a file in it has another name, by which the command could write to it: Check
// asks, for what it finds there.
func (g *Guard) Hold(path string) {
	if index, rel := g.locate(path); index >= 0 {
		g.held = append(g.held, watched{root: index, path: rel})
	}
}

// holdLimit bounds how many files are looked at: directories such as .vscode have few.
const holdLimit = 10000

// onlyNames tells whether no file in a directory has several names.
func onlyNames(dir int, path string, left *int) bool {
	fd, err := openDir(dir, path)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	names, err := list(fd, unix.DT_UNKNOWN)
	if *left -= len(names); err != nil || *left < 0 {
		return false
	}
	for _, name := range names {
		var st unix.Statx_t
		if statAt(fd, name, &st) != nil {
			return false
		}
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFDIR:
			if !onlyNames(fd, name, left) {
				return false
			}
		case unix.S_IFREG:
			if st.Nlink > 1 {
				return false
			}
		}
	}
	return true
}

// settle takes what the command could not have done out of the report, and what leads there.
func (w *walker) settle() {
	known := map[string]bool{}
	remains := func(h watched) bool {
		at := join(w.roots[h.root].path, h.path)
		if _, asked := known[at]; !asked {
			known[at] = w.remains(h)
		}
		return known[at]
	}
	held := func(is func(held, found string) bool) func(Finding) bool {
		return func(f Finding) bool {
			return slices.ContainsFunc(w.g.held, func(h watched) bool {
				return is(join(w.roots[h.root].path, h.path), join(f.Root, f.Path)) && remains(h)
			})
		}
	}
	w.r.Findings = slices.DeleteFunc(w.r.Findings, held(func(held, found string) bool {
		return found == held || strings.HasPrefix(found, held+"/")
	}))
	w.r.Unknown = slices.DeleteFunc(w.r.Unknown, held(func(held, found string) bool { return strings.HasPrefix(held, found+"/") }))
}

// remains tells whether a held directory is the one that was there, and has no file with
// another name.
func (w *walker) remains(h watched) bool {
	root, err := openRoot(w.roots[h.root].path)
	if err != nil {
		return false
	}
	defer unix.Close(root)
	if e := w.g.watch(h.root, h.path); e != nil && e.id != (identity{}) {
		var st unix.Statx_t
		if (tree{fd: root}).stat(h.path, &st) != nil || e.id.object() != identify(&st).object() {
			return false
		}
	}
	left := holdLimit
	return onlyNames(root, h.path, &left)
}

// newSettings takes what a configuration says now for allowed, where the command did not
// write it, and returns what it has read. Otherwise it returns what is not harmless in it and
// was not there before.
func (g *Guard) newSettings(dir int, name string, e *watched, st *unix.Statx_t, clean bool) (*seen, string) {
	j, err := unsafeSettings(dir, name, e.allowed, func(string) bool { return false })
	if err == nil && clean {
		e.allowed = append(e.allowed, j.bad...)
		j.bad = nil
	}
	return &seen{st.Mode, j.sum}, settingsWhy(j.bad, err)
}

// openGuarded opens the directory of a guarded path.
func (g *Guard) openGuarded(index int, rel string) (e *watched, dir int, name string, ok bool) {
	if index < 0 {
		return nil, -1, "", false
	}
	if e = g.watch(index, rel); e == nil {
		return nil, -1, "", false
	}
	root, err := openRoot(g.roots[index].path)
	if err != nil {
		return nil, -1, "", false
	}
	defer unix.Close(root)
	dir, err = openDeep(root, up(rel))
	_, name = parent(rel)
	return e, dir, name, err == nil
}

// locate finds the root that a path is in: the innermost.
func (g *Guard) locate(path string) (index int, rel string) {
	index = -1
	for i, r := range g.roots {
		if in, ok := (tree{path: r.path}).within(path); ok && in != "" && (index < 0 || len(in) < len(rel)) {
			index, rel = i, in
		}
	}
	return index, rel
}

// doubtWhy is why a replaced path is reported.
const doubtWhy = "it was replaced outside while the command ran, and the command could write to it for a moment"

// doubt remembers that a path is to be reported, once.
func (g *Guard) doubt(root int, path, why string) {
	for _, d := range g.doubts {
		if d.root == root && d.path == path {
			return
		}
	}
	g.doubts = append(g.doubts, watched{root: root, path: path, why: why})
}

// doubtful reports the doubts, and does not have them moved: what the command may have
// changed in that moment is the caller's own file.
func (w *walker) doubtful() {
	for _, d := range w.g.doubts {
		doubt := Finding{Root: w.roots[d.root].path, Path: d.path, What: Doubtful, Why: d.why}
		w.r.Findings = slices.DeleteFunc(w.r.Findings, func(f Finding) bool {
			return f.Root == doubt.Root && (f.Path == doubt.Path || strings.HasPrefix(f.Path, doubt.Path+"/"))
		})
		if len(w.r.Findings) < reportLimit {
			w.r.Findings = append(w.r.Findings, doubt)
		}
	}
}
