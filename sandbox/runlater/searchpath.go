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
	entries := strings.Split(s.env("PATH"), ":")
	for i, entry := range entries {
		for _, dir := range s.absolute(entry) {
			if at, ok := s.open("PATH", dir); ok {
				s.path(at, dir, entries, i)
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
	// elsewhere are the names in the usual directories of a variable.
	elsewhere map[string]map[string]bool
}

// A spot is an open directory that the command may write.
type spot struct {
	fd        int
	root, rel string
}

// systemDirs are written by root only: a link of theirs leads to no project.
var systemDirs = [...]string{"/usr/", "/bin", "/sbin", "/lib", "/snap/", "/nix/store/", "/etc/", "/proc/", "/sys/", "/dev/"}

// open opens a directory of a variable if the command may write it. A new link on the
// way to it is a finding.
func (s *searcher) open(variable, dir string) (spot, bool) {
	if s.done[variable+"="+dir] {
		return spot{}, false
	}
	s.done[variable+"="+dir] = true
	root, in := s.root(dir)
	if in && s.newLink(variable, root, dir) {
		return spot{}, false
	}
	if !in {
		for _, prefix := range systemDirs {
			if strings.HasPrefix(dir, prefix) {
				return spot{}, false
			}
		}
	}
	fd, err := openSearched(dir)
	if err != nil {
		if in && err != unix.ENOENT && err != unix.ENOTDIR && err != unix.ENAMETOOLONG {
			s.unseen(root, dir, err)
		}
		return spot{}, false
	}
	real, err := realPath(fd)
	if root, in = s.root(real); err != nil || !in {
		unix.Close(fd)
		return spot{}, false
	}
	rel, _ := tree{path: root}.within(real)
	return spot{fd, root, rel}, true
}

func (s *searcher) unseen(root, path string, err error) {
	rel, _ := tree{path: root}.within(path)
	s.w.r.Unseen = append(s.w.r.Unseen, Unseen{root, rel, err})
}

// newLink looks for links of the run's on the way from a root to a directory.
func (s *searcher) newLink(variable, root, dir string) bool {
	rel, _ := tree{path: root}.within(dir)
	at, err := openRoot(root)
	if err != nil {
		return false
	}
	defer func() { unix.Close(at) }()
	done := ""
	for part := range strings.SplitSeq(rel, "/") {
		var st unix.Statx_t
		if part == "" || statAt(at, part, &st) != nil {
			return false
		}
		done = join(done, part)
		if st.Mode&unix.S_IFMT == unix.S_IFLNK {
			if touched(&st, s.w.since) {
				s.add(root, done, s.w.whatOf(&st), "it leads your "+variable+" elsewhere")
			}
			return touched(&st, s.w.since)
		}
		next, err := openDir(at, part)
		if err != nil {
			return false
		}
		unix.Close(at)
		at = next
	}
	return false
}

func (w *walker) whatOf(st *unix.Statx_t) What {
	if born(st, w.since) {
		return Created
	}
	return Changed
}

func (s *searcher) add(root, rel string, what What, why string) {
	switch {
	case s.w.r.has(root, rel):
	case len(s.w.r.Findings) >= reportLimit:
		s.w.overflow = true
	default:
		s.w.r.Findings = append(s.w.r.Findings, Finding{root, rel, what, why})
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
		if unix.Statx(at.fd, n, unix.AT_NO_AUTOMOUNT, statMask, &st) == nil {
			id = identify(&st).object()
		} else if st = own; own.Mode&unix.S_IFMT == unix.S_IFLNK && s.linksOut(at.fd, dir, n) {
			continue // it leads to nothing that the command could make
		}
		if st.Mode&unix.S_IFMT == unix.S_IFDIR {
			continue
		}
		p, was := before[n]
		if touched(&own, s.w.since) || touched(&st, s.w.since) || known && (!was || p.id.object() != id) {
			s.program(at, n, &st, p, entries, index)
		}
	}
}

// program judges one. What was the project's before, under that name, stays: the
// caller has been running the project's. So does what leads to the very program that
// it stands before.
func (s *searcher) program(at spot, n string, st *unix.Statx_t, p program, entries []string, index int) {
	what, rel := Created, join(at.rel, n)
	if p.name != "" {
		what = Changed
	}
	shadowed := s.shadowed(n, entries, index)
	switch {
	case s.same(at.fd, n, st, shadowed):
	case shadowed != "" && (!p.runs || p.out) && !ofVenv(at, n):
		s.add(at.root, rel, what, "it comes before "+shadowed+" in your PATH")
	case calledByName(n) && !p.runs:
		s.add(at.root, rel, what, "another program runs it by its name in your PATH")
	case executable(st):
		if len(s.w.r.Programs) < reportLimit {
			s.w.r.Programs = append(s.w.r.Programs, Finding{at.root, rel, what, ""})
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
	read := func(p string) []byte {
		fd, err := unix.Open(p, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil
		}
		defer unix.Close(fd)
		text, err := readFD(fd, copyLimit)
		if err != nil {
			return nil
		}
		return text
	}
	a := read(path)
	return a != nil && bytes.Equal(a, read(other))
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
