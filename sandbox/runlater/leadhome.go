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

// leadsOfHome collects the names in the home that run later and lead into a root.
func (w *walker) leadsOfHome() {
	home := path.Clean(os.Getenv("HOME"))
	if !path.IsAbs(home) {
		return
	}
	if real, _, err := land(home); err != nil || w.inAny(real) {
		return // the walk meets the names themselves
	}
	there := map[string]bool{"": true}
	for i := range guarded {
		first, _, _ := strings.Cut(guarded[i].dir, "/")
		is, asked := there[first]
		if !asked {
			is = unix.Access(join(home, first), unix.F_OK) == nil
			there[first] = is
		}
		if !is || ofPath(guarded[i].dir) {
			continue
		}
		w.leadsOfGroup(&guarded[i], join(home, guarded[i].dir))
	}
}

func (w *walker) inAny(path string) bool {
	i, _ := w.rootOf(path)
	return i >= 0
}

// leadsOfGroup is for the names that count in one directory of the home. Where the
// directory itself is in a root, by a link, all of them do.
func (w *walker) leadsOfGroup(g *group, dir string) {
	fd, err := openSearched(dir)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	real, err := realPath(fd)
	if err != nil {
		return
	}
	in := w.inAny(real)
	r := reader{buf: make([]byte, 8<<10)}
	for {
		n, typ, err := r.next(fd)
		if err != nil || len(n) == 0 {
			return
		}
		if typ == unix.DT_UNKNOWN {
			typ = typeOf(fd, n)
		}
		if typ != unix.DT_LNK && !in {
			continue
		}
		var room [nameMax]byte
		e := g.find(fold(room[:0], n))
		if e == nil || e.rule == leads || repositoryName([]byte(e.name)) {
			continue
		}
		w.leadOfHome(e, g, join(dir, string(n)))
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
