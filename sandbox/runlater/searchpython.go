package runlater

import (
	"crypto/sha256"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// With .venv/bin in PATH, each python3 runs what lines of its .pth files say that begin
// with import, and sitecustomize, before what it was started for (site(3py)); and pyvenv.cfg
// says where its own modules are. All of the environment is the build's, so this is only
// named, and only where what it says is new: an environment that the run makes, or makes
// again, says nothing.

// startups are what python obeys when it starts, by path below the directory above bin.
type startups map[string]content256

// pythonLimit bounds the files that are read for it.
const pythonLimit = 256

// rememberPython keeps them for a directory of PATH that has a python.
func (s *search) rememberPython(dir string) {
	for _, p := range s.programs[dir] {
		if p.runs && strings.HasPrefix(p.name, "python") {
			if s.pythons == nil {
				s.pythons = map[string]startups{}
			}
			s.pythons[dir] = startups{}
			s.startups(dir, func(at spot, n string, says content256) {
				s.pythons[dir][join(at.path(), n)] = says
			})
			return
		}
	}
}

// python names what is new of it.
func (s *searcher) python(dir string) {
	before, had := s.pythons[dir]
	if !had {
		return
	}
	s.startups(dir, func(at spot, n string, says content256) {
		if was, ok := before[join(at.path(), n)]; !ok || was != says {
			what := Created
			if ok {
				what = Changed
			}
			s.tell(at.root, join(at.rel, n), what, "the python in your PATH obeys it when it starts")
		}
	})
}

// startups calls for each file that the python of a directory obeys, with what it says.
func (s *search) startups(dir string, use func(at spot, n string, says content256)) {
	bin, ok := s.spotOf(dir)
	if !ok {
		return
	}
	s.settings(bin, use)
	unix.Close(bin.fd)
	above, ok := s.spotOf(path.Dir(bin.path()))
	if !ok {
		return
	}
	defer unix.Close(above.fd)
	s.settings(above, use)
	left := pythonLimit
	for _, pattern := range [...]string{"lib/python*/site-packages/", "lib64/python*/site-packages/"} {
		s.match(above, pattern+"*", 0, func(e entry) bool {
			if n := stemOf(e.name); n == "sitecustomize" || n == "usercustomize" || strings.HasSuffix(e.name, ".pth") {
				left--
				s.startup(e, use)
			}
			return left > 0
		})
	}
}

// startup is for a file in site-packages. A .pth is as harmless as the directories that it
// adds: one may have a sitecustomize.
func (s *search) startup(e entry, use func(at spot, n string, says content256)) {
	if !strings.HasSuffix(e.name, ".pth") {
		use(e.in, e.name, s.says(e))
		return
	}
	text, err := readAt(e.in.fd, e.name, versionLimit)
	if err != nil {
		use(e.in, e.name, s.says(e))
		return
	}
	imports := ""
	for line := range strings.Lines(string(text)) {
		switch line = strings.TrimRight(line, " \t\r\n"); {
		case strings.HasPrefix(line, "import ") || strings.HasPrefix(line, "import\t"):
			imports += line + "\n"
		case line != "" && line[0] != '#':
			s.added(e.in, line, use)
		}
	}
	if imports != "" {
		use(e.in, e.name, sumOf(imports))
	}
}

// added is for a directory that a .pth adds.
func (s *search) added(at spot, line string, use func(at spot, n string, says content256)) {
	if !filepath.IsAbs(line) {
		line = filepath.Join(at.path(), line)
	}
	in, ok := s.spotOf(line)
	if !ok {
		return
	}
	defer unix.Close(in.fd)
	for _, pattern := range [...]string{"sitecustomize*", "usercustomize*"} {
		s.match(in, pattern, 0, func(e entry) bool {
			use(e.in, e.name, s.says(e))
			return true
		})
	}
}

// settings is for pyvenv.cfg, of which two lines count.
func (s *search) settings(at spot, use func(at spot, n string, says content256)) {
	text, err := readAt(at.fd, "pyvenv.cfg", versionLimit)
	if err != nil {
		return
	}
	says := ""
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(line, "=")
		if key = strings.ToLower(strings.TrimSpace(key)); key == "home" || key == "include-system-site-packages" {
			says += key + "=" + strings.TrimSpace(value) + "\n"
		}
	}
	use(at, "pyvenv.cfg", sumOf(says))
}

// says is what is in a file, or in the __init__ of a package.
func (s *search) says(e entry) content256 {
	if in, ok := s.below(e.in, e.name, e.st.Mode&unix.S_IFMT); ok {
		defer unix.Close(in.fd)
		text, _ := readAt(in.fd, "__init__.py", copyLimit)
		return sumOf(string(text))
	}
	return s.base.read(e.in.fd, e.name, e.st)
}

func sumOf(text string) content256 { return content256{sum: sha256.Sum256([]byte(text))} }
