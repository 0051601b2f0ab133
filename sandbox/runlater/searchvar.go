package runlater

import (
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A variable names directories or files, in which some names run without being asked.
// The table is in names.toml.
type variable struct {
	name  string
	why   string
	reads reads
	// below and told are patterns of paths in those directories: what is new or changed is
	// a finding, or is named.
	below, told []string
	// usual are where the tool looks otherwise, with *: what is new and has the name of
	// something there stands before it.
	usual []string
	// names are found by name, whatever is elsewhere: the part before the first dot.
	names []string
}

// reads says what the value of a variable is, besides directories.
type reads uint8

const (
	directories reads = iota
	aFile
	aCommand // with files among its words
)

// other is for a variable that no list has.
var other = variable{told: []string{"*", "bin/*"}}

// variableOf finds what is known of a name, or nothing if it is not to be looked at. npm
// takes its variables in either case.
func variableOf(name string) *variable {
	const npm = "npm_config_"
	if len(name) > len(npm) && strings.EqualFold(name[:len(npm)], npm) {
		name = strings.ToLower(name)
	}
	if i, ok := slices.BinarySearchFunc(variables[:], name, func(v variable, n string) int { return strings.Compare(v.name, n) }); ok {
		return &variables[i]
	}
	if contained(unlooked, name) {
		return nil
	}
	return &other
}

// named are the paths in a value: all of it, the elements of a list, the words of a
// command. Lua's have a ? for the module.
func (s *search) named(v *variable, value string) (paths []string) {
	seen := func(path string) bool { return slices.Contains(paths, path) }
	add := func(entry string, relative bool) {
		entry, _, _ = strings.Cut(entry, "?")
		if entry == "" || entry[0] != '/' && (!relative || v == &other) {
			return
		}
		for _, path := range s.absolute(entry) {
			if !seen(path) {
				paths = append(paths, path)
			}
		}
	}
	add(value, v.reads == aFile)
	for entry := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == ':' || r == ';' }) {
		add(entry, v.reads != aCommand)
	}
	if v.reads != directories || v == &other {
		for word := range strings.FieldsFuncSeq(value, betweenWords) {
			add(word, v.reads == aFile || strings.Contains(word, "/"))
		}
	}
	return paths
}

func betweenWords(r rune) bool { return strings.ContainsRune(" \t\n:;=@|\"'`,()$<>&", r) }

// leading calls for each path that a variable other than PATH names.
//
// At the start a plain path that has no writable directory in its text is passed over
// before it is parted: what links lead to is looked at in the end.
func (s *search) leading(start bool, use func(name string, v *variable, path string)) {
	for _, entry := range s.environ {
		name, value, _ := strings.Cut(entry, "=")
		if strings.IndexByte(value, '/') < 0 && (value == "" || !mayBeRelative(name)) {
			continue
		}
		if start && strings.IndexByte(value, '/') == 0 && !strings.Contains(value, "/.") && !strings.Contains(value, "//") && !strings.ContainsAny(value, ":; ") && !s.mentioned(value) {
			continue
		}
		v := variableOf(name)
		if v == nil {
			continue
		}
		for _, path := range s.named(v, value) {
			use(name, v, path)
		}
	}
}

// mentioned tells whether a text has the path of a writable directory in it.
func (s *search) mentioned(text string) bool {
	return slices.ContainsFunc(s.writable, func(root string) bool { return strings.Contains(text, root) })
}

// mayBeRelative tells whether a value without a slash may be a path. Most are of no
// variable in the table.
func mayBeRelative(name string) bool {
	v := variableOf(name)
	return v != nil && v != &other && v.reads != aCommand
}

// rememberLimit is how many names are kept of what a variable leads to. Where there are
// more, only what was written to is known for new.
const rememberLimit = 4096

// remember keeps what is there of what a variable names, before the run.
func (s *search) remember(name string, v *variable, path string) {
	if _, in := s.root(path); !in {
		return
	}
	key := name + "=" + path
	if v.usual != nil {
		if s.names == nil {
			s.names = map[string][]string{}
		}
		s.names[key] = namesIn(path)
	}
	if s.before == nil {
		s.before = map[string]map[string]identity{}
	}
	there := map[string]identity{}
	var st unix.Statx_t
	if unix.Statx(unix.AT_FDCWD, path, unix.AT_NO_AUTOMOUNT, statMask, &st) == nil {
		there[path] = identify(&st).object()
	}
	at, ok := s.spotOf(path)
	if ok {
		for _, patterns := range [...][]string{v.below, v.told} {
			for _, p := range patterns {
				s.match(at, p, 0, func(rel string, _ int, _ string, st *unix.Statx_t) bool {
					there[join(at.root, rel)] = identify(st).object()
					return len(there) <= rememberLimit
				})
			}
		}
		unix.Close(at.fd)
	}
	if len(there) <= rememberLimit {
		s.before[key] = there
	}
}

// spotOf opens a directory that the command may write.
func (s *search) spotOf(dir string) (spot, bool) {
	fd, err := openSearched(dir)
	if err != nil {
		return spot{}, false
	}
	real, err := realPath(fd)
	root, in := s.root(real)
	if err != nil || !in {
		unix.Close(fd)
		return spot{}, false
	}
	rel, _ := tree{path: root}.within(real)
	return spot{fd, root, rel}, true
}

// linkDepth bounds the links that a pattern leads through.
const linkDepth = 8

// match calls for each path below a directory that a pattern is of, and for links on
// the way, until told that it is enough. A star by itself is for no directory at first.
func (s *search) match(at spot, pattern string, depth int, use func(rel string, dir int, n string, st *unix.Statx_t) bool) bool {
	part, rest, more := strings.Cut(pattern, "/")
	names := []string{part}
	if strings.Contains(part, "*") {
		unix.Seek(at.fd, 0, 0) // another pattern may have listed it
		names, _ = list(at.fd, unix.DT_UNKNOWN)
	}
	for _, n := range names {
		var st unix.Statx_t
		if fits, _ := filepath.Match(part, n); part != "**" && !fits || statAt(at.fd, n, &st) != nil {
			continue
		}
		kind, all := st.Mode&unix.S_IFMT, part == "**"
		rel := join(at.rel, n)
		switch {
		case kind == unix.S_IFDIR && pattern == "*" && depth == 0:
			continue
		case !more && !use(rel, at.fd, n, &st), more && kind == unix.S_IFLNK && !use(rel, at.fd, n, &st):
			return false
		}
		next := rest
		if all {
			next = "**"
		}
		if !(all || more && rest != "") || depth > linkDepth && kind == unix.S_IFLNK {
			continue
		}
		var in spot
		switch kind {
		case unix.S_IFDIR:
			fd, err := openDir(at.fd, n)
			if err != nil {
				continue
			}
			in = spot{fd, at.root, rel}
		case unix.S_IFLNK:
			var ok bool
			if in, ok = s.spotOf(filepath.Join(at.root, rel)); !ok || all {
				if ok {
					unix.Close(in.fd)
				}
				continue
			}
		default:
			continue
		}
		ok := s.match(in, next, depth+1, use)
		unix.Close(in.fd)
		if !ok {
			return false
		}
	}
	return true
}

// variables looks at what the other variables name.
func (s *searcher) variables() {
	outside := map[string]bool{} // by no link in what the command may write
	s.leading(false, func(name string, v *variable, path string) {
		if outside[path] {
			return
		}
		if _, in := s.root(path); !in && !linked(path) {
			outside[path] = true
			return
		}
		s.file(name, v, path)
		if at, ok := s.open(name, path); ok {
			s.variable(name, v, at, path)
			unix.Close(at.fd)
		}
	})
}

// linked tells whether a link of somebody's is on the way to a path, which is there.
func linked(path string) bool {
	for _, prefix := range systemDirs {
		if strings.HasPrefix(path, prefix) {
			return false
		}
	}
	fd, err := unix.Openat2(unix.AT_FDCWD, path, &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS})
	if err == nil {
		unix.Close(fd)
	}
	return err == unix.ELOOP
}

// isNew tells whether the run made or changed what is at a path. A directory's change
// time is that of what is in it.
func (s *searcher) isNew(there map[string]identity, path string, st *unix.Statx_t) bool {
	dir := st.Mode&unix.S_IFMT == unix.S_IFDIR
	if id, was := there[path]; there != nil && (!was || id != identify(st).object()) {
		return true
	}
	return touched(st, s.w.since) && (!dir || born(st, s.w.since))
}

// file is for one that a variable names. What a command is not known to read is named.
func (s *searcher) file(name string, v *variable, path string) {
	var st unix.Statx_t
	if unix.Statx(unix.AT_FDCWD, path, unix.AT_NO_AUTOMOUNT, statMask, &st) != nil || st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return
	}
	root, in := s.root(path)
	real := path
	if !in {
		real, _ = filepath.EvalSymlinks(path)
		if root, in = s.root(real); !in {
			return
		}
	} else if s.newLink(name, root, path) {
		return
	}
	rel, _ := tree{path: root}.within(real)
	if rel == "" || !s.isNew(s.before[name+"="+path], path, &st) {
		return
	}
	if v.reads == directories {
		s.tell(root, rel, s.w.whatOf(&st), "your "+name+" names it")
		return
	}
	s.add(root, rel, s.w.whatOf(&st), "your "+name+" names it")
}

// tell names what stays where it is.
func (s *searcher) tell(root, rel string, what What, why string) {
	known := func(f Finding) bool { return f.Root == root && f.Path == rel }
	switch {
	case s.w.r.has(root, rel) || slices.ContainsFunc(s.w.r.Programs, known) || slices.ContainsFunc(s.w.r.Unknown, known):
	case len(s.w.r.Unknown) >= reportLimit:
		s.w.overflow = true
	default:
		s.w.r.Unknown = append(s.w.r.Unknown, Finding{root, rel, what, why})
	}
}

// variable judges what is new in a directory that one names.
func (s *searcher) variable(name string, v *variable, at spot, dir string) {
	there := s.before[name+"="+dir]
	for _, p := range v.below {
		s.match(at, p, 0, func(rel string, _ int, _ string, st *unix.Statx_t) bool {
			if s.isNew(there, join(at.root, rel), st) {
				s.add(at.root, rel, s.w.whatOf(st), v.why+": your "+name)
			}
			return true
		})
	}
	for _, p := range v.told {
		s.match(at, p, 0, func(rel string, in int, n string, st *unix.Statx_t) bool {
			if s.isNew(there, join(at.root, rel), st) && (v != &other || mayRun(in, n, st)) {
				s.tell(at.root, rel, s.w.whatOf(st), "your "+name+" leads to it")
			}
			return len(s.w.r.Unknown) < reportLimit
		})
	}
	if v.names == nil && v.usual == nil {
		return
	}
	before, known := s.names[name+"="+dir]
	s.each(at, func(n string, st *unix.Statx_t) bool {
		stem := stemOf(n)
		return among(stem, v.names...) || among(n, v.names...) ||
			(known && !contained(before, n) || !known && s.w.whatOf(st) == Created) && s.standsBefore(v, at.fd, n, stem, st)
	}, v)
}

// mayRun tells what a variable that no list has may lead to: programs, links to them, and
// names of the table.
func mayRun(dir int, n string, st *unix.Statx_t) bool {
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		var to unix.Statx_t
		return unix.Statx(dir, n, unix.AT_NO_AUTOMOUNT, statMask, &to) != nil || executable(&to)
	}
	return executable(st) || listed([]byte(n)) != nil
}

// each adds what the run touched in a directory and is wanted.
func (s *searcher) each(at spot, wanted func(string, *unix.Statx_t) bool, v *variable) {
	unix.Seek(at.fd, 0, 0)
	names, err := list(at.fd, unix.DT_UNKNOWN)
	if err != nil {
		s.unseen(at.root, filepath.Join(at.root, at.rel), err)
		return
	}
	for _, n := range names {
		var st unix.Statx_t
		if statAt(at.fd, n, &st) == nil && touched(&st, s.w.since) && wanted(n, &st) {
			s.add(at.root, filepath.Join(at.rel, n), s.w.whatOf(&st), v.why+": your "+v.name)
		}
	}
}

// standsBefore tells whether a library has the name of one that the tool has elsewhere.
// For python a directory is one if it has an __init__.
func (s *searcher) standsBefore(v *variable, dir int, n, stem string, st *unix.Statx_t) bool {
	if st.Mode&unix.S_IFMT == unix.S_IFDIR && v.name == "PYTHONPATH" {
		fd, err := openDir(dir, n)
		if err != nil {
			return false
		}
		defer unix.Close(fd)
		names, _ := list(fd, unix.DT_UNKNOWN)
		if !strings.Contains("\n"+strings.Join(names, "\n"), "\n__init__.") {
			return false
		}
	}
	usual := s.usual(v)
	return usual[n] || v.name == "PYTHONPATH" && usual[stem]
}

// usual are the names where a tool looks otherwise, and for python what is before the
// first dot of each: os.py, _ssl.cpython-311-x86_64-linux-gnu.so.
func (s *searcher) usual(v *variable) map[string]bool {
	if s.elsewhere[v.name] != nil {
		return s.elsewhere[v.name]
	}
	names := map[string]bool{}
	for _, pattern := range v.usual {
		dirs, _ := filepath.Glob(pattern) // the patterns are good
		for _, dir := range dirs {
			if s.within(dir) {
				continue
			}
			for _, n := range namesIn(dir) {
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
	s.elsewhere[v.name] = names
	return names
}

// stemOf is what is before the first dot, but for one that a name begins with.
func stemOf(n string) string {
	if i := strings.IndexByte(n[1:], '.'); i >= 0 {
		return n[:1+i]
	}
	return n
}
