package runlater

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// The caller's variables have tools look for programs and libraries in directories
// that the command may write: .venv/bin in PATH, lib in LD_LIBRARY_PATH. What the
// command puts there runs in the place of what the caller means.

// A search is what the caller's environment had tools look through when the run
// began.
type search struct {
	environ  []string
	cwd      string
	writable []string             // by the command
	roots    []root               // that Record has seen
	programs map[string][]program // of the directories of PATH that lead to those
	before   map[string]*past     // of what other variables name, by "VARIABLE=PATH"
	ways     map[string]ways      // by path
	pythons  map[string]startups  // of the directories of PATH with a python
	base     *baseline            // of what is where change times cannot be relied on
	since    stamp                // when the run began; none before it
	straight []string             // paths without a link on the way
}

// A program is a name in a directory of PATH.
type program struct {
	name string
	id   identity // of what it leads to, or none
	runs bool     // it can be executed
	out  bool     // what it leads to is where the command cannot write
}

// Environment keeps, before the run, what is in those directories of the caller's
// PATH, and of its like, that the command may write. writable are such directories
// besides the project. A PATH that leads to none costs some comparisons, and a look
// at each entry that somebody's link may be on the way to.
func (g *Guard) Environment(environ []string, writable ...string) {
	s := &search{environ: environ, roots: g.roots, writable: append([]string{g.Project()}, writable...)}
	s.base = &baseline{recording: true, known: map[string]content256{}, left: searchBudget}
	s.cwd, _ = os.Getwd() // without one, relative entries lead nowhere
	g.search = s
	for _, dir := range s.directories("PATH") {
		if _, seen := s.programs[dir]; !seen && s.follow(dir, true) {
			if s.programs == nil {
				s.programs = map[string][]program{}
			}
			s.programs[dir] = s.list(dir)
			s.rememberPython(dir)
		}
	}
	s.leading(true, s.remember)
	s.base.recording = false
}

// env is the value of a variable.
func (s *search) env(name string) string {
	for _, entry := range s.environ {
		if value, ok := strings.CutPrefix(entry, name); ok && value != "" && value[0] == '=' {
			return value[1:]
		}
	}
	return ""
}

// directories are the entries of a variable. In PATH an empty one is the current
// directory.
func (s *search) directories(variable string) (dirs []string) {
	value := s.env(variable)
	for entry := range strings.SplitSeq(value, ":") {
		if entry != "" || variable == "PATH" && value != "" {
			dirs = append(dirs, s.absolute(entry)...)
		}
	}
	return dirs
}

// absolute is where an entry of a list leads. One that is relative, or empty, leads
// to other directories wherever the caller is: these are the current one and the
// tops.
func (s *search) absolute(entry string) []string {
	if filepath.IsAbs(entry) {
		return []string{filepath.Clean(entry)}
	}
	var dirs []string
	for _, base := range append([]string{s.cwd}, s.writable...) {
		if base != "" {
			dirs = append(dirs, filepath.Join(base, entry))
		}
	}
	return dirs
}

// root is the writable directory that a path is in, or what is mounted below it.
func (s *search) root(path string) (string, bool) {
	longest, found := "", false
	try := func(r string) {
		if _, in := (tree{path: r}).within(path); in && len(r) >= len(longest) {
			longest, found = r, true
		}
	}
	for _, r := range s.writable {
		try(r)
	}
	for i := range s.roots {
		try(s.roots[i].path)
	}
	return longest, found
}

// namesIn are the names in a directory, of one kind or all of them for DT_UNKNOWN.
func namesIn(dir string, kind byte) []string {
	fd, err := openSearched(dir)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	names, _ := list(fd, kind)
	return names
}

func contained(sorted []string, n string) bool {
	_, ok := slices.BinarySearch(sorted, n)
	return ok
}

func openSearched(dir string) (int, error) {
	return unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
}

// list lists a directory of PATH, before the run.
func (s *search) list(dir string) (found []program) {
	at, ok := s.spotOf(dir)
	if !ok {
		return nil
	}
	defer unix.Close(at.fd)
	var own unix.Statx_t
	_ = statFD(at.fd, &own)
	r := reader{buf: make([]byte, 8<<10)}
	for {
		n, typ, err := r.next(at.fd)
		if err != nil || len(n) == 0 {
			return found
		}
		p := program{name: string(n)}
		var st unix.Statx_t
		there := unix.Statx(at.fd, p.name, unix.AT_NO_AUTOMOUNT, statMask, &st) == nil
		if there {
			p.id, p.runs = identify(&st), executable(&st)
			p.out = p.runs && typ != unix.DT_REG && (st.Uid != self() || s.linksOut(at.fd, at.path(), p.name))
		}
		if at.base != nil || there && !sameDevice(&st, &own) {
			s.take(at, p.name)
		}
		found = append(found, p)
	}
}

func executable(st *unix.Statx_t) bool {
	return st.Mode&unix.S_IFMT == unix.S_IFREG && st.Mode&0o111 != 0
}

// linksOut tells whether a link names, by itself or by others beside it, a path where
// the command cannot write.
func (s *search) linksOut(fd int, dir, n string) bool {
	for range 8 {
		to, err := tree{fd: fd}.readlink(n)
		if err != nil {
			return false
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(dir, to)
		}
		if _, in := s.root(filepath.Clean(to)); !in {
			return true
		}
		if filepath.Dir(to) != dir {
			return false
		}
		n = filepath.Base(to)
	}
	return false
}

// target is the path of what a name leads to.
func (s *search) target(dir int, n string, st *unix.Statx_t) (string, bool) {
	fd, err := unix.Openat(dir, n, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", false
	}
	defer unix.Close(fd)
	path, err := realPath(fd)
	if id, e := identityOf(fd); err != nil || e != nil || id.object() != identify(st).object() {
		return "", false
	}
	return path, true
}
