package runlater

import (
	"errors"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A PassedConfig is what of the developer's own configuration of git a command gets: a
// configuration, and the files that it leads to.
type PassedConfig struct {
	Text  string
	Files []PassedFile
	From  []string // the host's files that it was made of
	Notes []string // of what was left out that git would have read
}

// A PassedFile is a copy of one of the host's, or a configuration that is included.
type PassedFile struct{ Path, Text, From string }

// Passing says what a configuration is passed for.
type Passing struct {
	Project  string
	GitDirs  []string // those outside the project that its git uses
	Prefix   string   // what the paths of the files begin with
	System   bool     // the command does not see the host's /etc/gitconfig
	Foreign  bool     // the project may belong to another id for the command
	Filters  bool     // only which files git may not take as they are
	Writable []string // directories that a command can write
	// Secret tells of a real path whether it is a place of secrets.
	Secret func(path string) bool
	// SecretValue tells of a setting's name and value whether it looks like one.
	SecretValue func(name, value string) bool
}

// Limits of what is passed, far beyond any honest configuration's.
const (
	passedFiles = 64
	passedDepth = 10 // git's own
	dataLimit   = 256 << 10
)

// Pass makes it of the files that git reads outside (git-config(1), "FILES"), in that order.
// An includeIf stays one, for git to decide in each repository: a command may be at work in
// several. Nothing passes that runs a program, is a secret or leads elsewhere.
func Pass(own GitConfig, in Passing, getenv func(string) string) PassedConfig {
	p := passer{Passing: in, getenv: getenv}
	var text configText
	for _, file := range passedFrom(in.System, getenv) {
		p.file(&text, file, true, 0)
	}
	p.settings(&text, own.settings, "/", true, 0)
	if in.Foreign && !in.Filters {
		text.add("safe", "", "directory", in.Project)
		text.add("safe", "", "directory", in.Project+"/*") // from Git 2.46 on
	}
	var all configText
	if in.Foreign && len(text.required) > 0 {
		// Owners differ inside, so git would read each file again, and without the filter's
		// program git status would fail.
		all.add("core", "", "checkstat", "minimal")
	}
	p.defaults(&all)
	all.b.WriteString(text.b.String())
	return PassedConfig{Text: all.b.String(), Files: p.made, From: p.from, Notes: p.notes}
}

// passedFrom are the files, of which the last one wins.
func passedFrom(system bool, getenv func(string) string) (files []string) {
	switch file := getenv("GIT_CONFIG_SYSTEM"); {
	case isTrue(getenv("GIT_CONFIG_NOSYSTEM")):
	case file != "":
		files = append(files, file)
	case system:
		files = append(files, "/usr/local/etc/gitconfig", "/etc/gitconfig") // as git was built
	}
	if file := getenv("GIT_CONFIG_GLOBAL"); file != "" {
		return append(files, file)
	}
	if dir := userDir(getenv); dir != "" {
		files = append(files, join(dir, "config"))
	}
	if home := getenv("HOME"); home != "" {
		files = append(files, join(home, ".gitconfig"))
	}
	return files
}

// userDir is $XDG_CONFIG_HOME/git.
func userDir(getenv func(string) string) string {
	switch dir, home := getenv("XDG_CONFIG_HOME"), getenv("HOME"); {
	case dir != "":
		return join(dir, "git")
	case home != "":
		return join(home, ".config/git")
	}
	return ""
}

type passer struct {
	Passing
	getenv      func(string) string
	made        []PassedFile
	from, notes []string
	// set are the settings of files that some file had, whatever became of it.
	excludes, attributes bool
	read                 int
}

// file adds what passes of a configuration. Trusted is one that no command can have written:
// others do not say which files are shown.
func (p *passer) file(to *configText, file string, trusted bool, depth int) {
	if p.read++; !path.IsAbs(file) || depth > passedDepth || p.read > passedFiles {
		return
	}
	text, end, clean, err := p.open(file, configLimit)
	if err != nil {
		return
	}
	settings, err := parseConfig(text)
	if err != nil {
		return // git stops at it, and says so
	}
	p.from = append(p.from, file)
	p.settings(to, settings, path.Dir(end), trusted && clean, depth)
}

// open reads a file, and tells where its path leads and whether no command can have had a
// hand in that.
func (p *passer) open(file string, limit int) (text []byte, end string, clean bool, err error) {
	end = path.Clean(file)
	fd, err := openExactly(end)
	clean = !p.writable(end)
	if err == unix.ELOOP {
		var links []string
		if end, links, err = land(file); err != nil {
			return nil, "", false, err
		}
		clean = !slices.ContainsFunc(append(links, end), p.writable)
		fd, err = openExactly(end)
	}
	if err != nil {
		return nil, "", false, err
	}
	defer unix.Close(fd)
	text, err = readFD(fd, limit)
	return text, end, clean, err
}

func (p *passer) writable(at string) bool {
	return slices.ContainsFunc(p.Writable, func(dir string) bool { return inDir(at, dir) })
}

func inDir(at, dir string) bool {
	_, ok := tree{path: dir}.within(at)
	return ok
}

func (p *passer) settings(to *configText, settings []setting, dir string, trusted bool, depth int) {
	for _, s := range settings {
		switch {
		case s.section == "include" && s.key == "path" && s.value != "":
			p.file(to, from(dir, p.home(s.value)), trusted, depth+1)
		case s.section == "includeif" && s.key == "path" && s.value != "":
			p.included(to, s, dir, trusted, depth)
		case s.section == "filter":
			filter(to, s)
		case p.Filters:
		case s.section == "core" && s.sub == "" && (s.key == "excludesfile" || s.key == "attributesfile"):
			p.leads(to, s, trusted)
		case s.section == "safe" && s.key == "directory":
			p.safe(to, s.value)
		case p.passes(s):
			to.add(s.section, s.sub, s.key, s.value)
		}
	}
}

// included adds a file that is included under a condition, which is left to git.
func (p *passer) included(to *configText, s setting, dir string, trusted bool, depth int) {
	conditions := p.conditions(s.sub, dir)
	if len(conditions) == 0 {
		return
	}
	var text configText
	file := from(dir, p.home(s.value))
	p.file(&text, file, trusted, depth+1)
	if text.b.Len() == 0 {
		return
	}
	at := p.make("included", text.b.String(), file)
	for _, c := range conditions {
		to.add("includeIf", c, "path", at)
	}
}

// conditions are what a condition is for the command, whose home may be another, and which
// lacks the links of the host's. One that holds in no repository of the project is none: who
// somebody is elsewhere is not told.
func (p *passer) conditions(c, dir string) []string {
	kind, pattern, _ := strings.Cut(c, ":")
	switch kind {
	case "onbranch", "hasconfig":
		return []string{c}
	case "gitdir", "gitdir/i":
	default:
		return nil
	}
	if rest, ok := strings.CutPrefix(pattern, "./"); ok {
		pattern = join(dir, rest)
	}
	pattern = p.home(pattern)
	if !path.IsAbs(pattern) {
		return []string{kind + ":" + pattern} // git puts **/ before it
	}
	fixed := pattern
	if i := strings.IndexAny(pattern, `*?[\\`); i >= 0 {
		fixed = pattern[:i]
	}
	fixed = fixed[:strings.LastIndexByte(fixed, '/')]
	var found []string
	for _, at := range p.names(fixed) {
		near := func(of string) bool { return inDir(at, of) || inDir(of, at) }
		if kind == "gitdir/i" {
			at := strings.ToLower(at)
			near = func(of string) bool { of = strings.ToLower(of); return inDir(at, of) || inDir(of, at) }
		}
		if p.Project != "" && near(p.Project) || slices.ContainsFunc(p.GitDirs, near) {
			found = append(found, kind+":"+at+pattern[len(fixed):])
		}
	}
	return found
}

// names are a directory, and the same without links.
func (p *passer) names(dir string) []string {
	if real, err := filepath.EvalSymlinks(dir); err == nil && real != dir && !strings.Contains(real, "\n") { // which no section's name may have
		return []string{dir, real}
	}
	return []string{dir}
}

// leads adds a setting that names a file, and the file.
func (p *passer) leads(to *configText, s setting, trusted bool) {
	name := "ignore"
	if s.key == "attributesfile" {
		p.attributes, name = true, "attributes"
	} else {
		p.excludes = true
	}
	if s.value == "" {
		to.add("core", "", s.key, "")
		return
	}
	if at := p.data(p.home(s.value), name, trusted); at != "" {
		to.add("core", "", s.key, at)
	}
}

// defaults adds the files that git reads where no setting names others.
func (p *passer) defaults(to *configText) {
	dir := userDir(p.getenv)
	if dir == "" || p.Filters {
		return
	}
	for _, d := range []struct {
		known     bool
		key, name string
	}{{p.excludes, "excludesfile", "ignore"}, {p.attributes, "attributesfile", "attributes"}} {
		if d.known {
			continue
		}
		if at := p.data(join(dir, d.name), d.name, true); at != "" {
			to.add("core", "", d.key, at)
		}
	}
}

var errNotPassed = errors.New("its name or its place does not say that it has patterns only")

// data copies a file of patterns. A command can have made a link of one in its directory, or
// have written a configuration that names another: so that what is not in such a directory
// must be named by the developer, and in all cases by a name of such a file.
func (p *passer) data(file, name string, trusted bool) (at string) {
	switch {
	case file == "/dev/null":
		return file
	case !path.IsAbs(file):
		return "" // a relative one is relative to where git runs
	}
	text, end, clean, err := p.open(file, dataLimit)
	if errors.Is(err, unix.ENOENT) {
		return ""
	}
	base := strings.ToLower(path.Base(end))
	named := strings.Contains(base, "ignore") || strings.Contains(base, "exclude") || strings.Contains(base, "attributes")
	if err == nil && (!named || !p.writable(end) && !(trusted && clean) || p.Secret(end)) {
		err = errNotPassed
	}
	if err != nil {
		if note := file + " is not passed to git: " + err.Error(); !slices.Contains(p.notes, note) {
			p.notes = append(p.notes, note)
		}
		return ""
	}
	return p.make(name, string(text), file)
}

// openExactly opens what is at a path, through no link.
func openExactly(file string) (int, error) {
	how := unix.OpenHow{Flags: unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS}
	return unix.Openat2(unix.AT_FDCWD, file, &how)
}

// make adds a file of the command's.
func (p *passer) make(name, text, from string) (at string) {
	for _, f := range p.made {
		if f.Text == text && f.From == from {
			return f.Path
		}
	}
	at = p.Prefix + "-" + name
	if n := len(p.made); n > 0 {
		at += "-" + strconv.Itoa(n)
	}
	p.made = append(p.made, PassedFile{at, text, from})
	return at
}

// home is home, with the caller's variables.
func (p *passer) home(to string) string {
	if rest, ok := strings.CutPrefix(to, "~/"); ok {
		return join(p.getenv("HOME"), rest)
	}
	return home(to)
}
