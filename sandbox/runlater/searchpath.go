package runlater

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// searched looks, after the run, at the directories that the caller's variables
// name.
func (w *walker) searched() {
	if w.g.search == nil {
		return
	}
	s := &searcher{search: w.g.search, w: w, done: map[string]bool{}}
	s.since, s.straight, s.roots = w.since, nil, w.roots
	entries := strings.Split(s.env("PATH"), ":")
	for i, entry := range entries {
		for _, dir := range s.absolute(entry) {
			if at, ok := s.open("PATH", dir); ok {
				s.path(at, dir, entries, i)
				s.python(dir)
				unix.Close(at.fd)
			}
		}
	}
	s.variables()
}

type searcher struct {
	*search
	w    *walker
	done map[string]bool
	real map[string]string // of directories of PATH
	// elsewhere are the names in the usual directories of a variable, by both.
	elsewhere map[string]map[string]bool
}

// A spot is an open directory that the command may write.
type spot struct {
	fd        int
	root, rel string
	base      *baseline // where its change times cannot be relied on
}

func (s spot) path() string { return join(s.root, s.rel) }

// open opens a directory of a variable if the command may write it. A new link on the
// way to it is a finding.
func (s *searcher) open(variable, dir string) (spot, bool) {
	if s.done[variable+"="+dir] {
		return spot{}, false
	}
	s.done[variable+"="+dir] = true
	root, in := s.root(dir)
	if !in && !s.linked(dir) || s.newLink(variable, dir) {
		return spot{}, false
	}
	at, ok := s.spotOf(dir)
	if !ok && in {
		fd, err := openSearched(dir)
		if err == nil {
			unix.Close(fd) // it is where the command cannot write
		} else if err != unix.ENOENT && err != unix.ENOTDIR && err != unix.ENAMETOOLONG {
			s.unseen(root, dir, err)
		}
	}
	return at, ok
}

func (s *searcher) unseen(root, path string, err error) {
	rel, _ := tree{path: root}.within(path)
	s.w.r.Unseen = append(s.w.r.Unseen, Unseen{root, rel, err})
}

func (s *searcher) whatOf(e entry) What {
	if s.born(e.in, e.name, e.st) {
		return Created
	}
	return Changed
}

func (s *searcher) add(root, rel string, what What, why string) {
	switch {
	case s.w.r.Moves(root, rel):
	case len(s.w.r.Findings) >= reportLimit:
		s.w.overflow = true
	default:
		s.w.r.Findings = append(s.w.r.Findings, Finding{Root: root, Path: rel, What: what, Why: why})
	}
}

// path judges what is new or changed in a directory of PATH.
func (s *searcher) path(at spot, dir string, entries []string, index int) {
	names, err := list(at.fd, unix.DT_UNKNOWN)
	if err != nil {
		s.unseen(at.root, dir, err)
		return
	}
	listed, known := s.programs[dir]
	before := map[string]program{}
	for _, p := range listed {
		before[p.name] = p
	}
	for _, n := range names {
		var own, st unix.Statx_t
		if statAt(at.fd, n, &own) != nil {
			continue
		}
		var id identity
		found := unix.Statx(at.fd, n, unix.AT_NO_AUTOMOUNT, statMask, &st) == nil
		if found {
			id = identify(&st).object()
		} else {
			st = own
		}
		if st.Mode&unix.S_IFMT == unix.S_IFDIR {
			continue
		}
		p, was := before[n]
		if !(s.changed(at, n, &own) || known && (!was || at.base == nil && p.id.object() != id)) {
			continue
		}
		link := own.Mode&unix.S_IFMT == unix.S_IFLNK
		shifts := link && s.shifts(join(at.path(), n))
		if !found && link && !shifts && s.linksOut(at.fd, at.path(), n) {
			continue // it leads to nothing that the command could make
		}
		s.program(candidate{at, n, &st, p, shifts}, entries, index)
	}
}

// A candidate is a program that the run made or changed.
type candidate struct {
	at     spot
	name   string
	st     *unix.Statx_t // of what it leads to
	was    program
	shifts bool // where it leads is another place for another process, or later
}

// program judges one. What was the project's before, under that name, stays: the
// caller has been running the project's. So does what leads to the very program that
// it stands before.
func (s *searcher) program(c candidate, entries []string, index int) {
	what, rel := Created, join(c.at.rel, c.name)
	if c.was.name != "" {
		what = Changed
	}
	shadowed := s.shadowed(c.name, entries, index)
	switch {
	case strings.HasSuffix(c.name, "._pth"):
		s.add(c.at.root, rel, what, "the python beside it looks for its modules where it says")
	case !c.shifts && s.same(c.at.fd, c.name, c.st, shadowed):
	case shadowed != "" && (!c.was.runs || c.was.out) && !ofVenv(c.at, c.name):
		s.add(c.at.root, rel, what, "it comes before "+shadowed+" in your PATH")
	case calledByName(c.name) && !c.was.runs:
		s.add(c.at.root, rel, what, "another program runs it by its name in your PATH")
	case executable(c.st) || c.shifts:
		if len(s.w.r.Programs) < reportLimit {
			s.w.r.Programs = append(s.w.r.Programs, Finding{Root: c.at.root, Path: rel, What: what})
		}
	}
}

// shadowed is the program that the caller meant by a name: the first one in a
// directory of PATH that the command cannot write, if it comes later.
func (s *searcher) shadowed(n string, entries []string, index int) string {
	names := []string{n}
	var room [nameMax]byte
	if folded := string(fold(room[:0], []byte(n))); folded != n {
		names = append(names, folded)
	}
	for i, entry := range entries {
		if i == index || !filepath.IsAbs(entry) || s.within(filepath.Clean(entry)) {
			continue
		}
		for _, n := range names {
			path := filepath.Join(entry, n)
			var st unix.Statx_t
			if unix.Statx(unix.AT_FDCWD, path, unix.AT_NO_AUTOMOUNT, statMask, &st) != nil || !executable(&st) {
				continue
			}
			if i < index {
				return ""
			}
			return path
		}
	}
	return ""
}

// within tells whether the command may write a directory, by this or another path.
func (s *searcher) within(dir string) bool {
	if _, in := s.root(dir); in {
		return true
	}
	if s.real == nil {
		s.real = map[string]string{}
	}
	real, ok := s.real[dir]
	if !ok {
		real, _ = filepath.EvalSymlinks(dir)
		s.real[dir] = real
	}
	_, in := s.root(real)
	return in
}

// calledByName tells what programs look for in PATH without being asked: git its
// subcommands and helpers, docker its credential helpers. And sbx itself.
func calledByName(n string) bool {
	var room [nameMax]byte
	n = string(fold(room[:0], []byte(n)))
	self, _ := os.Executable()
	return n == "sbx" || n == filepath.Base(self) || n == "ssh-askpass" ||
		strings.HasPrefix(n, "git-") || strings.HasPrefix(n, "docker-credential-") || strings.HasPrefix(n, "docker-")
}

// same tells what does as the program would that it stands before: a link to that one
// or, where the command cannot write, to one of its name with another version, as a
// virtual environment has; or a copy of it.
func (s *searcher) same(dir int, n string, st *unix.Statx_t, shadowed string) bool {
	var other unix.Statx_t
	if shadowed != "" && unix.Statx(unix.AT_FDCWD, shadowed, 0, statMask, &other) != nil {
		return false
	}
	path, ok := s.target(dir, n, st)
	if !ok {
		return false
	}
	if _, in := s.root(path); !in {
		return shadowed != "" && identify(st).object() == identify(&other).object() || versionOf(n, filepath.Base(path))
	}
	return shadowed != "" && st.Size == other.Size && sameBytes(path, shadowed)
}

// versionOf tells whether two names are one but for a version: python, python3.12.
func versionOf(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	rest, ok := strings.CutPrefix(b, a)
	return ok && strings.Trim(rest, "0123456789.") == ""
}

const copyLimit = 128 << 20

func sameBytes(path, other string) bool {
	a, err := readPath(path, 0, copyLimit)
	b, err2 := readPath(other, 0, copyLimit)
	return err == nil && err2 == nil && bytes.Equal(a, b)
}

// ofVenv tells the installer that a virtual environment of python's makes for itself.
func ofVenv(at spot, n string) bool {
	var st unix.Statx_t
	for _, own := range [...]string{"pip", "easy_install", "wheel"} {
		if rest, ok := strings.CutPrefix(n, own); ok && strings.Trim(rest, "-0123456789.") == "" {
			return statAt(at.fd, "../pyvenv.cfg", &st) == nil
		}
	}
	return false
}
