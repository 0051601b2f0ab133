package runlater

import (
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A rename of a directory leaves the change times of what is in it: mv src old; mv data src
// puts an old sitecustomize.py where PYTHONPATH leads. So names and files are kept. Where
// change times cannot be relied on, so is what is in the files.

// A past is what was there before the run of what a variable names.
type past struct {
	there map[string]identity // what its patterns are of, by path; nil if it is too much
	names map[string]former   // by path in the directory, for variables with usual names
}

// A former is a name in a directory before the run.
type former struct {
	id     identity // or none, where inodes tell nothing
	stands bool     // a library by that name was loaded from there
}

// rememberLimit is how many names are kept of what a variable leads to. Where there are
// more, only what was written to is known for new.
const rememberLimit = 4096

// searchBudget bounds what is read of files that variables lead to.
const searchBudget = baselineBudget / 4

// remember keeps what is there of what a variable names, before the run.
func (s *search) remember(name string, v *variable, path string) {
	key := name + "=" + path
	if s.before[key] != nil || !s.follow(path, v != &other) {
		return
	}
	if s.before == nil {
		s.before = map[string]*past{}
	}
	p := &past{there: map[string]identity{}}
	s.before[key] = p
	s.rememberFile(p, path)
	at, ok := s.spotOf(path)
	if v.libraries() {
		p.names = map[string]former{}
	}
	if !ok {
		return
	}
	defer unix.Close(at.fd)
	if v.libraries() {
		s.rememberNames(p, v, at, "")
	}
	few := true
	told, _ := v.toldOf(name, at)
	for _, patterns := range [...][]string{v.below, told} {
		for _, pattern := range patterns {
			s.match(at, pattern, 0, func(e entry) bool {
				p.there[e.path()] = identify(e.st).object()
				if e.in.base != nil {
					s.changed(e.in, e.name, e.st)
				}
				few = len(p.there) <= rememberLimit || at.base != nil
				return few
			})
		}
	}
	if !few {
		p.there = nil
	}
}

// rememberFile is for the path itself.
func (s *search) rememberFile(p *past, path string) {
	var st unix.Statx_t
	if unix.Statx(unix.AT_FDCWD, path, unix.AT_NO_AUTOMOUNT, statMask, &st) != nil {
		return
	}
	p.there[path] = identify(&st).object()
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return
	}
	if at, n, ok := s.fileAt(path); ok {
		if at.base != nil {
			s.take(at, n)
		}
		unix.Close(at.fd)
	}
}

// rememberNames keeps the names in a directory, and in those below it for tools that look
// for a/b there.
func (s *search) rememberNames(p *past, v *variable, at spot, below string) {
	unix.Seek(at.fd, 0, 0)
	names, _ := list(at.fd, unix.DT_UNKNOWN)
	for _, n := range names {
		var st unix.Statx_t
		if statAt(at.fd, n, &st) != nil {
			continue
		}
		is := former{stands: true}
		if at.base == nil && len(p.names) < rememberLimit {
			is.id = identify(&st).object()
		}
		dir := st.Mode&unix.S_IFMT == unix.S_IFDIR
		if dir && v.name == "PYTHONPATH" {
			is.stands = unix.Faccessat(at.fd, n+"/__init__.py", unix.F_OK, 0) == nil
		}
		p.names[join(below, n)] = is
		if at.base != nil && (v.hasName(n) || below != "" && !v.nested()) {
			s.changed(at, n, &st)
		}
		if dir && (v.nested() || v.hasName(n)) && len(p.names) < rememberLimit && strings.Count(below, "/") < nestedDepth {
			if in, ok := s.into(at, n); ok {
				s.rememberNames(p, v, in, join(below, n))
				unix.Close(in.fd)
			}
		}
	}
}

// nestedDepth is how deep libraries are looked for by a path, as File/Spec/Unix.pm.
const nestedDepth = 4

// into opens a directory in a spot.
func (s *search) into(at spot, n string) (spot, bool) {
	fd, err := openDir(at.fd, n)
	switch {
	case err == unix.EXDEV: // something is mounted there
		return s.spotOf(filepath.Join(at.path(), n))
	case err != nil:
		return spot{}, false
	}
	return spot{fd, at.root, join(at.rel, n), at.base}, true
}

// take takes a name down, with what a link leads to.
func (s *search) take(at spot, n string) {
	var st unix.Statx_t
	if statAt(at.fd, n, &st) == nil {
		s.changed(at, n, &st)
	}
}

// changed tells whether the run changed a name, or the file that a link leads to, by its
// time or, where that tells nothing, by what was taken down. What the command cannot write
// it has not changed.
func (s *search) changed(at spot, n string, st *unix.Statx_t) bool {
	if s.touched(at, n, st) {
		return true
	}
	var end unix.Statx_t
	if st.Mode&unix.S_IFMT != unix.S_IFLNK || unix.Statx(at.fd, n, unix.AT_NO_AUTOMOUNT, statMask, &end) != nil || end.Mode&unix.S_IFMT == unix.S_IFDIR {
		return false
	}
	if sameDevice(st, &end) && at.base == nil && !s.touched(at, n, &end) {
		return false // as nearly all
	}
	to, name, ok := s.fileAt(filepath.Join(at.path(), n))
	if !ok {
		return false
	}
	defer unix.Close(to.fd)
	return statAt(to.fd, name, &end) == nil && s.touched(to, name, &end)
}

func sameDevice(a, b *unix.Statx_t) bool {
	return a.Dev_major == b.Dev_major && a.Dev_minor == b.Dev_minor
}

// fileAt opens the directory of what a path leads to, if the command may write it.
func (s *search) fileAt(path string) (at spot, n string, ok bool) {
	end, _, err := land(path)
	if err != nil {
		return spot{}, "", false
	}
	dir, n := filepath.Split(end)
	if _, in := s.root(end); !in || n == "" {
		return spot{}, "", false
	}
	at, ok = s.spotOf(dir)
	return at, n, ok
}

// hasName tells whether a variable's names have one, or what is before its first dot.
func (v *variable) hasName(n string) bool {
	return slices.Contains(v.names, stemOf(n)) || slices.Contains(v.names, n)
}

// libraries tells the variables of which the names in a directory count.
func (v *variable) libraries() bool { return v.usual != nil || v.names != nil }

// nested tells the variables of tools that look for a/b below a directory of a. What is in
// a package of python's is not looked for elsewhere, and libraries have no slash.
func (v *variable) nested() bool {
	return v.usual != nil && v.name != "PYTHONPATH" && v.name != "LD_LIBRARY_PATH"
}
