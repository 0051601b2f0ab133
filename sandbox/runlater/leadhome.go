package runlater

import (
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A repository of dotfiles is linked from the home (stow, ln -s): ~/.zlogin leads to
// zsh/zlogin in it, a name that counts for nothing there. The command cannot write the
// home, so what leads where is looked at when it has ended.

// leadsOfHome collects the names in the home that run later and lead into a root. Each
// directory that may have some is listed once, and most are not there.
func (w *walker) leadsOfHome() {
	home := path.Clean(os.Getenv("HOME"))
	if !path.IsAbs(home) {
		return
	}
	real, _, err := land(home)
	if err != nil || w.inAny(real) {
		return // the walk meets the names themselves
	}
	h := homeTree{}
	if top := w.listHome("", home, real); top != nil {
		h[""] = top
	}
	for i := range guarded {
		if g := &guarded[i]; !ofPath(g.dir) {
			w.leadsOfGroup(g, w.homeDir(h, g.dir))
		}
	}
	w.otherLeads(h[""])
	w.otherLeads(w.homeDir(h, ".config"))
}

// otherLeads are the links in a home that no list has: what a dot file or settings lead to
// is named, since the next tool's are among them.
func (w *walker) otherLeads(d *homeDir) {
	if d == nil {
		return
	}
	tell := func(from, name string) {
		w.follows(lead{root: -1, path: from, kind: oldKind, why: "your ~/" + name + " leads to it", tell: true})
	}
	settings := path.Base(d.path) == ".config"
	if _, rel := w.rootOf(d.real); settings && rel != "" {
		tell(d.path, ".config")
		return
	}
	for _, n := range d.links {
		if !settings && (n[0] != '.' || harmlessName(n)) {
			continue
		}
		end, links, err := land(join(d.path, n))
		if err != nil || !w.inAny(end) && !slices.ContainsFunc(links, w.inAny) {
			continue
		}
		if settings {
			n = ".config/" + n
		}
		tell(join(d.path, path.Base(n)), n)
	}
}

// harmlessName tells the hidden names of outputs, caches and lists, and those that are looked
// at by themselves.
func harmlessName(n string) bool {
	var room [nameMax]byte
	folded := fold(room[:0], []byte(n))
	if e := guarded[0].find(folded); e != nil && (e.rule == leads || e.rule == judged || e.name == ".gitconfig" || repositoryName([]byte(e.name))) {
		return true
	}
	e := quiet[0].find(folded)
	return e != nil && e.rule == quietly
}

// A homeTree has the directories of a home that are there, by their folded paths.
type homeTree map[string]*homeDir

// A homeDir is one of those, by the path in the home and by the real one.
type homeDir struct {
	path, real string
	dirs       []string
	links      []string
	files      []string // where the real one is in a root
}

// homeDir gives the directory of a group, or nil.
func (w *walker) homeDir(h homeTree, dir string) *homeDir {
	if d := h[dir]; d != nil || dir == "" {
		return d
	}
	above, last := parent(dir)
	if above == "." {
		above = ""
	}
	up := w.homeDir(h, above)
	if up == nil {
		return nil
	}
	for i, names := range [...][]string{up.dirs, up.links} {
		for _, n := range names {
			var room [nameMax]byte
			if string(fold(room[:0], []byte(n))) != last {
				continue
			}
			real := join(up.real, n)
			if i == 1 {
				real, _, _ = land(real)
			}
			d := w.listHome(dir, join(up.path, n), real)
			if d != nil {
				h[dir] = d
			}
			return d
		}
	}
	return nil
}

// listHome is nil for what is no directory.
func (w *walker) listHome(dir, at, real string) *homeDir {
	fd, err := openSearched(at)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	d, in := &homeDir{path: at, real: real}, w.inAny(real)
	r := reader{buf: w.reader.buf} // the walk is over, or has not begun
	for {
		n, typ, err := r.next(fd)
		if err != nil || len(n) == 0 {
			return d
		}
		if typ == unix.DT_UNKNOWN {
			typ = typeOf(fd, n)
		}
		switch {
		case typ == unix.DT_LNK:
			d.links = append(d.links, string(n))
		case typ == unix.DT_DIR && leadsToGroup(dir, n):
			d.dirs = append(d.dirs, string(n))
		}
		if in && typ != unix.DT_LNK {
			d.files = append(d.files, string(n))
		}
	}
}

// leadsToGroup tells whether a directory is of a group, or has one of a group below it.
func leadsToGroup(dir string, n []byte) bool {
	var room [nameMax]byte
	folded := fold(room[:0], n)
	from := len(dir)
	if dir != "" {
		from++
	}
	end := from + len(folded)
	for i := range guarded {
		g := guarded[i].dir
		switch {
		case len(g) < end || g[from] != folded[0] || len(g) > end && g[end] != '/':
		case g[from:end] == string(folded) && (dir == "" || g[:from-1] == dir && g[from-1] == '/'):
			return true
		}
	}
	return false
}

func (w *walker) inAny(path string) bool {
	i, _ := w.rootOf(path)
	return i >= 0
}

// leadsOfGroup is for the names that count in one directory of the home. Where the
// directory itself is in a root, by a link, all of them do.
func (w *walker) leadsOfGroup(g *group, d *homeDir) {
	if d == nil {
		return
	}
	names := d.links
	if w.inAny(d.real) {
		names = slices.Concat(d.links, d.files)
	}
	for _, n := range names {
		var room [nameMax]byte
		e := g.find(fold(room[:0], []byte(n)))
		if e == nil || e.rule == leads || repositoryName([]byte(e.name)) {
			continue
		}
		w.leadOfHome(e, g, join(d.path, n))
	}
}

// leadOfHome is for one name.
func (w *walker) leadOfHome(e *name, g *group, from string) {
	end, links, err := land(from)
	if err != nil || !w.inAny(end) && !slices.ContainsFunc(links, w.inAny) {
		return
	}
	switch {
	case e.rule == judged && harmlessAt(end):
	case e.name == ".gitconfig" || g.dir == ".config/git":
		w.leadTo(from, configKind, gitWhy, setBy{})
	default:
		w.leadTo(from, oldKind, e.why, setBy{})
	}
}

// harmlessAt is harmlessVersion of a path.
func harmlessAt(file string) bool {
	dir, err := openRoot(path.Dir(file))
	if err != nil {
		return false
	}
	defer unix.Close(dir)
	return harmlessVersion(dir, path.Base(file))
}

// ofPath tells the directories of a home that programs are linked into: one of the
// project's that is there is run on purpose, and each build makes it again.
func ofPath(dir string) bool {
	_, last := parent(dir)
	return strings.HasSuffix(last, "bin") || last == "shims" || last == "cli-plugins"
}
