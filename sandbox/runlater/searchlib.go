package runlater

import (
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// A library in a directory of PYTHONPATH, LD_LIBRARY_PATH or their like is loaded in the
// place of the tool's own of that name. A few names are loaded whenever the tool starts.

// libraries judges what is new in such a directory, or in one below it.
func (s *searcher) libraries(v *variable, at spot, p *past, below string) {
	unix.Seek(at.fd, 0, 0)
	names, err := list(at.fd, unix.DT_UNKNOWN)
	if err != nil {
		s.unseen(at.root, at.path(), err)
		return
	}
	for _, n := range names {
		var st unix.Statx_t
		if statAt(at.fd, n, &st) != nil {
			continue
		}
		was, old := p.names[join(below, n)]
		l := library{v: v, e: entry{at, n, &st}, was: was, old: old, always: below == "" && v.hasName(n), below: below}
		if p.names == nil || below != "" && len(p.names) >= rememberLimit { // it was not kept
			l.old = !s.born(at, n, &st)
			l.was.stands = l.old
		}
		s.library(l, p)
	}
}

// A library is a name in such a directory.
type library struct {
	v      *variable
	e      entry
	was    former
	old    bool   // the name was there
	always bool   // the tool loads it whenever it starts
	below  string // where it is, below the directory of the variable
}

func (s *searcher) library(l library, p *past) {
	dir := l.e.st.Mode&unix.S_IFMT == unix.S_IFDIR
	switch {
	case l.always && (!dir || l.v.name == "LD_LIBRARY_PATH"):
		if !l.old || l.was.otherThan(l.e) || s.changed(l.e.in, l.e.name, l.e.st) {
			s.addLibrary(l.v, l.e)
		}
	case dir && l.v.name == "PYTHONPATH":
		s.pythonPackage(l, p)
	case !l.old:
		if l.always || s.usual(l.v, l.below)[l.e.name] || l.v.name == "PYTHONPATH" && s.usual(l.v, l.below)[stemOf(l.e.name)] {
			s.addLibrary(l.v, l.e)
		}
	case dir && l.v.nested() && strings.Count(l.below, "/") < nestedDepth && (l.always || s.usual(l.v, l.below)[l.e.name]):
		if in, ok := s.into(l.e.in, l.e.name); ok {
			s.libraries(l.v, in, p, join(l.below, l.e.name))
			unix.Close(in.fd)
		}
	}
}

// otherThan tells that another file or directory was in the place of one.
func (f former) otherThan(e entry) bool {
	return f.id != (identity{}) && f.id != identify(e.st).object() && !(f.id.kind == unix.S_IFDIR && changesInodes(e.in.fd))
}

// pythonPackage is for a directory in PYTHONPATH. It is a package if it has an __init__,
// which may be all that is new.
func (s *searcher) pythonPackage(l library, p *past) {
	if l.below != "" || !l.always && (l.was.stands || !s.usual(l.v, "")[l.e.name]) {
		return
	}
	in, ok := s.into(l.e.in, l.e.name)
	if !ok {
		return
	}
	defer unix.Close(in.fd)
	names, _ := list(in.fd, unix.DT_UNKNOWN)
	for _, n := range names {
		var st unix.Statx_t
		if !strings.HasPrefix(n, "__init__.") || statAt(in.fd, n, &st) != nil {
			continue
		}
		e := entry{in, n, &st}
		was, known := p.names[join(l.e.name, n)]
		known = known || len(p.names) >= rememberLimit
		switch {
		case !l.old:
			s.addLibrary(l.v, l.e)
			return
		case !l.was.stands, !known, was.otherThan(e), s.changed(in, n, &st):
			s.addLibrary(l.v, e)
		}
	}
}

func (s *searcher) addLibrary(v *variable, e entry) {
	s.add(e.in.root, join(e.in.rel, e.name), s.whatOf(e), v.why+": your "+v.name)
}

// usual are the names where a tool looks otherwise, at a path below, and for python what
// is before the first dot of each: os.py, _ssl.cpython-311-x86_64-linux-gnu.so.
func (s *searcher) usual(v *variable, below string) map[string]bool {
	key := v.name + "/" + below
	if s.elsewhere[key] != nil {
		return s.elsewhere[key]
	}
	names := map[string]bool{}
	for _, pattern := range v.usual {
		dirs, _ := filepath.Glob(pattern) // the patterns are good
		for _, dir := range dirs {
			if s.within(dir) {
				continue
			}
			for _, n := range namesIn(filepath.Join(dir, below), unix.DT_UNKNOWN) {
				names[n] = true
				if v.name == "PYTHONPATH" {
					names[stemOf(n)] = true
				}
			}
		}
	}
	if s.elsewhere == nil {
		s.elsewhere = map[string]map[string]bool{}
	}
	s.elsewhere[key] = names
	return names
}
