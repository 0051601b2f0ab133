package runlater

import (
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A link of the developer's may lead a tool to a file of any name: .vscode to
// tools/editor, a hook to scripts/check. So may core.hooksPath and include.path of a
// repository. Find has listed where those of the project lead in it. But they may lead
// into another directory that the command can write, the developer may set others while
// the command runs, and there are repositories below the project. So the walk collects
// leads, and goes after them when it has seen all.

// A lead is a path by which a tool comes to what it runs.
type lead struct {
	root int    // or -1, and the path is absolute
	path string // below the root, through links
	kind kind   // configKind, or what a directory there is: with plain only a file counts
	why  string
	by   setBy
	tell bool // what it leads to stays where it is
}

// A setBy is the configuration that sets a lead, if it is in a root, and the worktree's top
// that it is for, if that is in none.
type setBy struct {
	root int
	path string
	top  string
}

func (w *walker) lead(path string, k kind, why string) {
	w.follows(lead{root: w.index, path: path, kind: k, why: why})
}

// leadTo takes an absolute path.
func (w *walker) leadTo(to string, k kind, why string, by setBy) {
	w.follows(lead{root: -1, path: to, kind: k, why: why, by: by})
}

func (w *walker) follows(l lead) {
	if len(w.leads) >= reportLimit {
		w.overflow = true
		return
	}
	w.leads = append(w.leads, l)
}

// leadsOf collects those of a git configuration in the directory at hand.
func (w *walker) leadsOf(f *frame, name string) {
	if w.st.Mode&unix.S_IFMT == unix.S_IFLNK {
		w.lead(w.at([]byte(name)), configKind, gitWhy)
		return
	}
	text, err := readAt(f.fd, name, configLimit)
	if err != nil {
		return // which is a finding if it is new
	}
	settings, err := parseConfig(text)
	if err != nil {
		return
	}
	w.obey(settings, join(w.roots[w.index].path, string(w.path)), setBy{root: w.index, path: w.at([]byte(name))})
}

// again reads what Find has read as it is now: the developer may have set more outside
// while the command ran. Before the run it is for what a baseline must have, and takes
// all links that Find has met.
func (w *walker) again(links bool) {
	for i := range w.g.watched {
		switch e := &w.g.watched[i]; {
		case e.content == configuration:
			w.follows(lead{root: e.root, path: e.path, kind: configKind, why: e.why})
		case links && e.id.kind == unix.S_IFLNK:
			k := oldKind
			if _, name := parent(e.path); name == "hooks" {
				k = hooksKind
			}
			w.follows(lead{root: e.root, path: e.path, kind: k, why: e.why})
		}
	}
	w.enclosures()
	w.obey(w.g.own.settings, "/", setBy{})
	for _, file := range w.g.own.Files {
		if _, err := os.Stat(file); err == nil { // most are not there
			w.leadTo(file, configKind, gitWhy, setBy{})
		}
	}
}

// follow goes after the leads, to the end.
func (w *walker) follow() {
	seen := map[lead]bool{}
	for i, rel := 0, 0; i < len(w.leads) || rel < len(w.inTops); {
		if rel < len(w.inTops) {
			l := w.inTops[rel]
			rel++
			if seen[l] {
				continue
			}
			seen[l] = true
			for _, top := range w.tops {
				w.inTop(top, l)
			}
			continue
		}
		l := w.leads[i]
		i++
		if !seen[l] {
			seen[l] = true
			w.after(l)
		}
	}
}

// inTop takes a lead from the top of a worktree.
func (w *walker) inTop(top, l lead) {
	l.root, l.path = -1, join(w.topPath(top), l.path)
	w.followsFile(l)
}

func (w *walker) topPath(top lead) string {
	if top.root < 0 {
		return top.path
	}
	return path.Join(w.roots[top.root].path, top.path)
}

// after judges where a lead leads, and each link on the way that the command could
// change.
func (w *walker) after(l lead) {
	if w.cut(l.by.root, l.by.path) {
		return
	}
	from := l.path
	if l.root >= 0 {
		from = join(w.roots[l.root].path, l.path)
	}
	end, links, err := land(from)
	for _, link := range links {
		if i, rel := w.rootOf(link); rel != "" {
			if w.leadFile(i, rel, l); w.cut(i, rel) {
				return
			}
		}
	}
	if err != nil {
		return
	}
	i, rel := w.rootOf(end)
	if l.kind == configKind {
		if rel != "" {
			w.leadFile(i, rel, l)
		}
		w.obeyFile(from, end, setBy{i, rel, l.by.top})
		return
	}
	project := tree{path: w.roots[0].path}
	_, all := (tree{path: end}).within(project.path)
	if all = all && w.g.project; i >= 0 && !all && !(l.tell && rel == "") { // Find has said that it is all of the project
		w.leadAt(i, rel, l)
	}
	if i < 0 && l.kind == hooksKind {
		w.hookLinks(end, l.by)
	}
	if l.tell {
		return // a directory around a root is not settings
	}
	for i, r := range w.roots { // what was mounted below, or given to the command
		if _, in := project.within(r.path); all && in {
			continue
		}
		if in, ok := (tree{path: end}).within(r.path); ok && in != "" && l.kind != plain {
			w.leadAt(i, "", l)
		}
	}
}

// cut tells whether a lead ends at a link, or with a configuration, since that is moved
// aside. It matters where times tell nothing: what a new link leads to was not recorded,
// so that it would be taken for changed. What the developer has replaced stays.
func (w *walker) cut(root int, path string) bool {
	stays := func(d watched) bool {
		return d.root == root && (d.path == path || strings.HasPrefix(path, d.path+"/"))
	}
	return path != "" && w.roots[root].base != nil && w.r.Moves(w.roots[root].path, path) && !slices.ContainsFunc(w.g.doubts, stays)
}

// obeyFile is for a configuration, wherever it is. Git takes what it includes for
// relative to the path that it was named by.
func (w *walker) obeyFile(from, end string, by setBy) {
	text, err := readPath(end, unix.O_NOFOLLOW, configLimit)
	if err != nil {
		return
	}
	settings, err := parseConfig(text)
	if err != nil {
		return // git stops at it
	}
	w.obey(settings, path.Dir(from), by)
	if path.Dir(end) != path.Dir(from) {
		w.obey(settings, path.Dir(end), by)
	}
}

// leadAt judges the end of a lead. An empty path is the root itself.
func (w *walker) leadAt(index int, rel string, l lead) {
	w.index = index
	root, err := openRoot(w.roots[index].path)
	if err != nil {
		return // which is an error already
	}
	defer unix.Close(root)
	p := place{path: rel}
	if rel == "" {
		p.path = "."
	}
	switch err := (tree{fd: root}).stat(p.path, &p.st); {
	case err != nil:
	case p.st.Mode&unix.S_IFMT != unix.S_IFDIR:
		w.leadFile(index, rel, l)
	case l.kind != plain:
		w.leadDir(root, p, l)
	}
}

// leadDir walks a directory again, as what it is for the tool that is led there.
func (w *walker) leadDir(root int, p place, l lead) {
	fd, err := openDeep(root, p.path)
	if err != nil {
		return // which the walk has reported
	}
	probe := walker{
		g: w.g, r: &Report{}, since: w.since, uid: w.uid, roots: w.roots, index: w.index, shared: true,
		reader: reader{buf: make([]byte, 8<<10)},
	}
	if p.path != "." {
		probe.path = []byte(p.path)
	}
	e := entered{kind: l.kind}
	if l.kind == hooksKind && p.path != "." && w.g.watch(w.index, p.path) == nil && w.touchedByClock(&p.st) {
		e.moved = !(stamp{p.st.Mtime.Sec, p.st.Mtime.Nsec}).before(w.since)
		e.fresh = !e.moved
	}
	probe.enter(fd, e)
	_ = probe.run() // the walk has reported it
	for _, found := range probe.leads {
		w.follows(found)
	}
	for _, f := range probe.r.Findings {
		if !w.r.Moves(w.roots[w.index].path, f.Path) {
			w.addLed(f.Path, f.What, l.why, l.tell)
		}
	}
}

// leadFile judges a file, or a link on the way.
func (w *walker) leadFile(index int, path string, l lead) {
	root, err := openRoot(w.roots[index].path)
	if err != nil {
		return // which is an error already
	}
	defer unix.Close(root)
	at, name := parent(path)
	dir, err := openDeep(root, at)
	if err != nil {
		return
	}
	defer unix.Close(dir)
	w.index = index
	if w.path = w.path[:0]; at != "." {
		w.path = append(w.path, at...)
	}
	e := w.g.watch(index, path)
	if statAt(dir, name, &w.st) != nil || w.st.Mode&unix.S_IFMT == unix.S_IFDIR || e != nil && w.same(e, dir, []byte(name), &w.st) {
		return
	}
	if w.r.Moves(w.roots[index].path, path) {
		return
	}
	if !w.touched(dir, []byte(name), &w.st) {
		if to, came := w.cameBy(dir, up(path)); came {
			w.addCame(to, l.why)
		}
		return
	}
	what, why := w.what(dir, []byte(name)), l.why
	if l.kind == configKind && w.st.Mode&unix.S_IFMT == unix.S_IFREG {
		var allowed []setting
		if e != nil {
			allowed = e.allowed
		}
		j, why := w.badConfig(dir, name, allowed, at)
		if why != "" {
			w.addConfig(path, what, why, j)
		}
		return
	}
	w.addLed(path, what, why, l.tell)
}

// addLed adds what is moved, or what is named and stays.
func (w *walker) addLed(path string, what What, why string, tell bool) {
	if tell {
		w.told = append(w.told, Finding{Root: w.roots[w.index].path, Path: path, What: what, Why: why})
	} else {
		w.add(path, what, why)
	}
}
