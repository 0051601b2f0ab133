package runlater

import (
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// A variable names directories, in which some names run without being asked.
type variable struct {
	name string
	why  string
	// below are directories in those; anything new or changed in them is a finding.
	below []string
	// usual are where the tool looks otherwise, with *: what is new and has the name of
	// something there stands before it.
	usual []string
	// names are found by name, whatever is elsewhere: the part before the first dot.
	names []string
}

var (
	configBelow = []string{"autostart", "environment.d", "systemd/user", "fish", "fish/conf.d", "fish/functions", "fish/completions", "git", "nvim", "nvim/plugin", "nvim/after/plugin",
		"tmux", "direnv", "mise", "mise/conf.d", "helix", "zed", "kak", "kak/autoload", "emacs", "sbx"}
	dataBelow = []string{"applications", "dbus-1/services", "systemd/user", "fish/vendor_conf.d", "fish/vendor_functions.d", "fish/vendor_completions.d",
		"bash-completion/completions", "zsh/site-functions", "nvim/site/plugin", "kak/autoload"}
)

var variables = [...]variable{
	{name: "GIT_EXEC_PATH", why: "git runs it", below: []string{"."}},
	{name: "GIT_TEMPLATE_DIR", why: "git init copies it into repositories", below: []string{".", "hooks"}},
	{name: "FPATH", why: "zsh runs it", below: []string{"."}},
	{name: "XDG_CONFIG_HOME", why: "tools run it", below: configBelow},
	{name: "XDG_CONFIG_DIRS", why: "tools run it", below: configBelow},
	{name: "XDG_DATA_HOME", why: "tools run it", below: dataBelow},
	{name: "XDG_DATA_DIRS", why: "tools run it", below: dataBelow},
	{name: "GEM_HOME", why: "gem runs it", below: []string{"plugins"}},
	{name: "GEM_PATH", why: "gem runs it", below: []string{"plugins"}},
	{name: "ZDOTDIR", why: "zsh runs it", names: []string{".zshenv", ".zshrc", ".zprofile", ".zlogin", ".zlogout"}},
	// ld.so(8): these directories of a directory come first.
	{name: "LD_LIBRARY_PATH", why: "programs load it", names: []string{"glibc-hwcaps", "tls", "haswell", "avx512_1", "x86_64", "aarch64", "sse2", "i686"},
		usual: []string{"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/lib/*-linux-gnu", "/usr/lib/*-linux-gnu", "/usr/local/lib"}},
	{name: "PYTHONPATH", why: "python loads it", names: []string{"sitecustomize", "usercustomize"},
		usual: []string{"/usr/lib/python3*", "/usr/lib/python3*/lib-dynload", "/usr/local/lib/python3*", "/usr/lib64/python3*"}},
	{name: "PERL5LIB", why: "perl loads it", names: []string{"sitecustomize"},
		usual: []string{"/usr/share/perl5", "/usr/share/perl/*", "/usr/lib/*/perl-base", "/usr/lib/*/perl/*", "/usr/lib64/perl5"}},
	{name: "RUBYLIB", why: "ruby loads it", names: []string{"rubygems", "rubygems_plugin"}, usual: []string{"/usr/lib/ruby/*", "/usr/share/ruby", "/usr/local/lib/ruby/*"}},
}

// fileVariables name files, or commands with files among their words, that a program
// reads or runs whenever it is started.
var fileVariables = [...]string{
	"BASH_ENV", "ENV", "PYTHONSTARTUP", "PYTHONBREAKPOINT", "LD_PRELOAD", "LD_AUDIT", "INPUTRC", "LUA_INIT", "RUBYOPT", "NODE_OPTIONS", "PERL5OPT", "PERL5DB", "JAVA_TOOL_OPTIONS",
	"JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "R_PROFILE", "R_PROFILE_USER", "R_ENVIRON_USER", "IRBRC", "PRYRC", "VIMINIT", "EXINIT", "MYVIMRC", "SHELL", "EDITOR", "VISUAL", "PAGER", "MANPAGER",
	"BROWSER", "LESSOPEN", "LESSCLOSE", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_ASKPASS", "SSH_ASKPASS", "SUDO_ASKPASS", "GIT_EXTERNAL_DIFF", "GIT_EDITOR",
	"GIT_SEQUENCE_EDITOR", "GIT_PAGER", "GIT_PROXY_COMMAND", "RIPGREP_CONFIG_PATH", "WGETRC", "CURL_HOME", "STARSHIP_CONFIG", "MISE_GLOBAL_CONFIG_FILE", "DIRENV_CONFIG", "DOCKER_CONFIG", "KUBECONFIG",
	"AWS_CONFIG_FILE", "TMUX_CONF", "SCREENRC", "RUSTC_WRAPPER", "PROMPT_COMMAND", "PS1",
}

// variables looks at what the other variables name.
func (s *searcher) variables() {
	for i := range variables {
		v := &variables[i]
		for entry := range strings.SplitSeq(s.env(v.name), ":") {
			if entry == "" {
				continue
			}
			for _, dir := range s.absolute(entry) {
				if at, ok := s.open(v.name, dir); ok {
					s.variable(v, at, dir)
					unix.Close(at.fd)
				}
			}
		}
	}
	for _, name := range fileVariables {
		for word := range strings.FieldsFuncSeq(s.env(name), betweenWords) {
			if strings.Contains(word, "/") {
				for _, path := range s.absolute(word) {
					s.file(name, path)
				}
			}
		}
	}
}

func betweenWords(r rune) bool { return strings.ContainsRune(" \t\n:;=@|\"'`,()$<>&", r) }

// file is for one that a variable names.
func (s *searcher) file(variable, path string) {
	root, in := s.root(path)
	if !in || s.newLink(variable, root, path) {
		return
	}
	rel, _ := tree{path: root}.within(path)
	if rel == "" {
		return
	}
	var st unix.Statx_t
	if unix.Statx(unix.AT_FDCWD, path, unix.AT_NO_AUTOMOUNT, statMask, &st) == nil && st.Mode&unix.S_IFMT != unix.S_IFDIR && touched(&st, s.w.since) {
		s.add(root, rel, s.w.whatOf(&st), "your "+variable+" names it")
	}
}

// variable judges what is new in a directory that one names.
func (s *searcher) variable(v *variable, at spot, dir string) {
	for _, below := range v.below {
		s.each(at, below, func(_ string, st *unix.Statx_t) bool { return st.Mode&unix.S_IFMT != unix.S_IFDIR || below != "." }, v)
	}
	if v.names == nil && v.usual == nil {
		return
	}
	before, known := s.names[v.name+"="+dir]
	s.each(at, ".", func(n string, st *unix.Statx_t) bool {
		stem := stemOf(n)
		return among(stem, v.names...) || among(n, v.names...) ||
			(known && !contained(before, n) || !known && s.w.whatOf(st) == Created) && s.standsBefore(v, at.fd, n, stem, st)
	}, v)
}

// each adds what the run touched in a directory and is wanted.
func (s *searcher) each(at spot, below string, wanted func(string, *unix.Statx_t) bool, v *variable) {
	fd, err := openDeep(at.fd, below)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	names, err := list(fd, unix.DT_UNKNOWN)
	if err != nil {
		s.unseen(at.root, filepath.Join(at.root, at.rel, below), err)
		return
	}
	for _, n := range names {
		var st unix.Statx_t
		if statAt(fd, n, &st) == nil && touched(&st, s.w.since) && wanted(n, &st) {
			s.add(at.root, filepath.Join(at.rel, below, n), s.w.whatOf(&st), v.why+": your "+v.name)
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
