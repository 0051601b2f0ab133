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
		if i := strings.Index(entry, "/"); i > 0 && v != &other && (entry[i-1] == '=' || entry[0] == '-') { // nixpkgs=/x, -I/x
			entry = entry[i:]
		}
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
// before it is parted, unless it is of a variable in the table and links may lead it there.
func (s *search) leading(start bool, use func(name string, v *variable, path string)) {
	for _, entry := range s.environ {
		name, value, _ := strings.Cut(entry, "=")
		if strings.IndexByte(value, '/') < 0 && (value == "" || !mayBeRelative(name)) {
			continue
		}
		if start && s.passedOver(name, value) {
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

// passedOver tells a plain path that leads to no writable directory by its text.
func (s *search) passedOver(name, value string) bool {
	if value[0] != '/' || strings.Contains(value, "/.") || strings.Contains(value, "//") || strings.ContainsAny(value, ":; ") || s.mentioned(value) {
		return false
	}
	if ofSystem(value) {
		return true
	}
	v := variableOf(name)
	return v == nil || v == &other
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
	return spot{fd, root, rel, s.clock(fd, real)}, true
}

// linkDepth bounds the links that a pattern leads through.
const linkDepth = 8

// An entry is a name that a pattern is of.
type entry struct {
	in   spot
	name string
	st   *unix.Statx_t
}

func (e entry) path() string { return join(e.in.path(), e.name) }

// match calls for each path below a directory that a pattern is of, and for links on
// the way, until told that it is enough. A star by itself is for no directory at first.
func (s *search) match(at spot, pattern string, depth int, use func(entry) bool) bool {
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
		e := entry{at, n, &st}
		switch {
		case kind == unix.S_IFDIR && pattern == "*" && depth == 0:
			continue
		case !more && !use(e), more && kind == unix.S_IFLNK && !use(e):
			return false
		}
		next := rest
		if all {
			next = "**"
		}
		if !(all || more && rest != "") || kind == unix.S_IFLNK && (all || depth > linkDepth) {
			continue
		}
		in, ok := s.below(at, n, kind)
		if !ok {
			continue
		}
		ok = s.match(in, next, depth+1, use)
		unix.Close(in.fd)
		if !ok {
			return false
		}
	}
	return true
}

// below opens what is a directory, or a link to one, in a spot.
func (s *search) below(at spot, n string, kind uint16) (spot, bool) {
	switch kind {
	case unix.S_IFDIR:
		return s.into(at, n)
	case unix.S_IFLNK:
		return s.spotOf(filepath.Join(at.path(), n))
	}
	return spot{}, false
}

// variables looks at what the other variables name.
func (s *searcher) variables() {
	outside := map[string]bool{} // by no link in what the command may write
	s.leading(false, func(name string, v *variable, path string) {
		if outside[path] {
			return
		}
		if _, in := s.root(path); !in && !s.linked(path) {
			outside[path] = true
			return
		}
		p := s.before[name+"="+path]
		if p == nil {
			p = &past{}
		}
		s.file(name, v, path, p)
		if at, ok := s.open(name, path); ok {
			s.variable(name, v, at, p)
			unix.Close(at.fd)
		}
	})
}

// isNew tells whether the run made or changed what is at a path. A directory's change
// time is that of what is in it.
func (s *searcher) isNew(p *past, e entry) bool { return s.isNewAt(p, e, e.path()) }

func (s *searcher) isNewAt(p *past, e entry, path string) bool {
	id, was := p.there[path]
	dir := e.st.Mode&unix.S_IFMT == unix.S_IFDIR
	switch {
	case p.there != nil && !was:
		return true
	case was && e.in.base == nil && id != identify(e.st).object() && !(dir && changesInodes(e.in.fd)):
		return true
	case dir:
		return s.born(e.in, e.name, e.st)
	}
	return s.changed(e.in, e.name, e.st)
}

// file is for one that a variable names. What a command is not known to read is named.
func (s *searcher) file(name string, v *variable, path string, p *past) {
	var st unix.Statx_t
	if s.newLink(name, path) || unix.Statx(unix.AT_FDCWD, path, unix.AT_NO_AUTOMOUNT, statMask, &st) != nil || st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return
	}
	at, n, ok := s.fileAt(path)
	if !ok {
		return
	}
	defer unix.Close(at.fd)
	e := entry{at, n, &st}
	if !s.isNewAt(p, e, path) {
		return
	}
	if v.reads == directories {
		s.tell(at.root, join(at.rel, n), s.whatOf(e), "your "+name+" names it")
		return
	}
	s.add(at.root, join(at.rel, n), s.whatOf(e), "your "+name+" names it")
}

// tell names what stays where it is.
func (s *searcher) tell(root, rel string, what What, why string) {
	known := func(f Finding) bool { return f.Root == root && f.Path == rel }
	switch {
	case s.w.r.Moves(root, rel) || slices.ContainsFunc(s.w.r.Programs, known) || slices.ContainsFunc(s.w.r.Unknown, known):
	case len(s.w.r.Unknown) >= reportLimit:
		s.w.overflow = true
	default:
		s.w.r.Unknown = append(s.w.r.Unknown, Finding{Root: root, Path: rel, What: what, Why: why})
	}
}

// variable judges what is new in a directory that one names.
func (s *searcher) variable(name string, v *variable, at spot, p *past) {
	if v.libraries() {
		s.libraries(v, at, p, "")
	}
	for _, pattern := range v.below {
		s.match(at, pattern, 0, func(e entry) bool {
			if s.isNew(p, e) {
				s.add(e.in.root, join(e.in.rel, e.name), s.whatOf(e), v.why+": your "+name)
			}
			return true
		})
	}
	told, deep := v.toldOf(name, at)
	for _, pattern := range told {
		s.match(at, pattern, 0, func(e entry) bool {
			if (v != &other || mayRun(name, e, deep)) && s.isNew(p, e) {
				s.tell(e.in.root, join(e.in.rel, e.name), s.whatOf(e), "your "+name+" leads to it")
			}
			return len(s.w.r.Unknown) < reportLimit
		})
	}
}

// toldOf are the patterns of what is named. Of a variable that no list has, what its name
// says may be loaded is looked for deeper, unless that is all that the command can write.
func (v *variable) toldOf(name string, at spot) (patterns []string, deep bool) {
	if v == &other && at.rel != "" && mayLoad(name) {
		return deeper[:], true
	}
	return v.told, false
}

var deeper = [...]string{"*", "*/*", "*/*/*"}

// mayLoad tells by its name a variable that leads to what a tool loads or reads when it
// starts. Another one is as likely to name where a build goes.
func mayLoad(name string) bool {
	upper := strings.ToUpper(name)
	for _, word := range [...]string{"PLUGIN", "MODULE", "EXTENSION", "ADDON", "CONFIG", "STARTUP", "HOOK", "CUSTOM", "SCRIPT", "PRELOAD", "_RC", "RC_"} {
		if strings.Contains(upper, word) {
			return true
		}
	}
	for _, end := range [...]string{"PATH", "_HOME", "RCDIR"} {
		if strings.HasSuffix(upper, end) {
			return true
		}
	}
	return (strings.HasSuffix(upper, "DIR") || strings.HasSuffix(upper, "_DIRECTORY")) && !output(upper)
}

// output tells by its name a variable that leads to what a build writes or is made of.
func output(upper string) bool {
	for _, word := range [...]string{"BUILD", "OUT", "DIST", "TARGET", "CACHE", "TMP", "TEMP", "LOG", "COVER", "ARTIFACT", "RESULT", "REPORT", "DOWNLOAD", "TEST", "SRC", "SOURCE", "WORK", "BASE", "PROJECT", "ROOT", "OBJ", "STATE", "RUNTIME", "DOC", "APP", "ASSET", "STATIC", "PUBLIC"} {
		if strings.Contains(upper, word) {
			return true
		}
	}
	return false
}

// configures tells by its name a variable that leads to settings.
func configures(name string) bool {
	upper := strings.ToUpper(name)
	return strings.Contains(upper, "CONF") || strings.Contains(upper, "PROFILE") || strings.Contains(upper, "SETTINGS") ||
		strings.HasSuffix(upper, "RC") || strings.HasSuffix(upper, "_HOME") || strings.HasSuffix(upper, "DIR") || strings.HasSuffix(upper, "_DIRECTORY")
}

// mayRun tells what a variable that no list has may lead to: programs, links to them,
// names of the table and, where its name says so, what tools load by its ending.
func mayRun(name string, e entry, deep bool) bool {
	if e.st.Mode&unix.S_IFMT == unix.S_IFLNK {
		var to unix.Statx_t
		return unix.Statx(e.in.fd, e.name, unix.AT_NO_AUTOMOUNT, statMask, &to) != nil || executable(&to)
	}
	return executable(e.st) || deep && (loadable(e.name) || configures(name) && settingsFile(e.name)) || listed([]byte(e.name)) != nil
}

// loadable tells by its ending what tools load or run from a directory of theirs.
func loadable(n string) bool {
	return strings.Contains(n, ".so.") || among(strings.ToLower(filepath.Ext(n)), ".so", ".sh", ".bash", ".zsh", ".fish", ".py", ".pth", ".pm", ".pl", ".rb", ".lua", ".js", ".cjs", ".mjs", ".jar", ".el", ".vim", ".tcl", ".scm", ".jl", ".psm1", ".ps1", ".beam", ".r", ".nu", ".elv", ".service", ".desktop",
		".php", ".phar", ".phtml", ".dll", ".dylib", ".node", ".wasm", ".ts", ".mts", ".cts", ".tsx", ".jsx", ".class", ".lsp", ".lisp", ".fnl", ".clj", ".cljs", ".bb", ".hs", ".ml", ".ex", ".exs", ".groovy", ".gradle", ".kts", ".sbt", ".awk", ".m4", ".mk", ".nix", ".ksh", ".csh", ".xsh", ".rhai", ".wren", ".gd", ".ahk", ".cmd", ".bat", ".pyc", ".pyz", ".egg", ".whl", ".gem", ".vsix", ".xpi")
}

// settingsFile tells what tools take their settings from, among which commands are.
func settingsFile(n string) bool {
	return strings.HasSuffix(n, "rc") || among(n, "config", "settings", "profile", "init", "aliases", "env", "hooks", "plugins") ||
		among(strings.ToLower(filepath.Ext(n)), ".ini", ".conf", ".config", ".cfg", ".kdl", ".toml", ".yml", ".yaml", ".json", ".jsonc", ".json5", ".ron", ".pkl", ".dhall", ".xml", ".plist", ".properties", ".rc", ".env", ".cnf", ".keys", ".theme")
}

// stemOf is what is before the first dot, but for one that a name begins with.
func stemOf(n string) string {
	if i := strings.IndexByte(n[1:], '.'); i >= 0 {
		return n[:1+i]
	}
	return n
}
