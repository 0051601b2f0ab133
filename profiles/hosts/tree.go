package hosts

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A tree is the files that the attacker writes: the project's, and those of the other
// directories and files that the sandbox may write.
type tree struct{ tops []top }

type top struct {
	path string
	info os.FileInfo
}

// newTree is the project's, and that of what else is writable. In a directory of a
// repository the rest of that is the attacker's as well, be it not shown to the sandbox.
func newTree(project, home string, writable ...string) (*tree, error) {
	t := &tree{}
	add := func(path string) error {
		info, err := os.Stat(path)
		if err == nil {
			t.tops = append(t.tops, top{path, info})
		}
		return err
	}
	if project != "" {
		whole := project
		for dir := project; dir != "/" && dir != home; dir = path.Dir(dir) {
			if _, err := os.Lstat(dir + "/.git"); err == nil {
				whole = dir
			}
		}
		if err := add(whole); err != nil {
			return t, err
		}
	}
	for _, path := range writable {
		_ = add(path) // what is not there is refused elsewhere
	}
	return t, nil
}

func (t *tree) top(info os.FileInfo) bool {
	return slices.ContainsFunc(t.tops, func(top top) bool { return os.SameFile(info, top.info) })
}

// maxLinks is how many symbolic links a name may have (path_resolution(7)).
const maxLinks = 40

// holds tells whether a name leads into the tree, by whatever links and mounts. Of one
// that is not there it judges where it would be, behind a link that leads nowhere too.
func (t *tree) holds(name string) bool {
	if len(t.tops) == 0 {
		return false
	}
	real, err := filepath.EvalSymlinks(name)
	for links := 0; err != nil && name != "/" && name != "."; {
		if to, e := os.Readlink(name); e == nil {
			if links++; links > maxLinks {
				return true
			}
			if t.holds(path.Dir(name)) { // the link is the attacker's to change
				return true
			}
			if !path.IsAbs(to) {
				to = path.Join(path.Dir(name), to)
			}
			name = to
		} else {
			name = path.Dir(name)
		}
		real, err = filepath.EvalSymlinks(name)
	}
	for err == nil {
		info, e := os.Stat(real)
		if e == nil && t.top(info) {
			return true
		}
		if real == "/" {
			return false
		}
		real = path.Dir(real)
	}
	return err != nil
}

// leads tells whether a name, or a link on its way, is in the tree: what is behind a link
// that the attacker can change is the attacker's, wherever it leads now.
func (t *tree) leads(name string) bool {
	for links := 0; links <= maxLinks; links++ {
		if t.holds(name) || t.holds(path.Dir(name)) {
			return true
		}
		at, to := firstLink(name)
		if at == "" {
			return false
		}
		if t.holds(path.Dir(at)) {
			return true
		}
		name = path.Join(to, strings.TrimPrefix(name, at))
	}
	return true
}

// firstLink gives the first symbolic link of a path and where it leads.
func firstLink(name string) (at, to string) {
	for n := 1; n <= len(name); n++ {
		if n < len(name) && name[n] != '/' {
			continue
		}
		to, err := os.Readlink(name[:n])
		if err != nil {
			continue
		}
		if !path.IsAbs(to) {
			to = path.Join(path.Dir(name[:n]), to)
		}
		return name[:n], to
	}
	return "", ""
}

// mentioned tells whether a variable has a name in its value that leads into the tree.
func (t *tree) mentioned(variable string) bool {
	for _, top := range t.tops {
		if top.named(variable) {
			return true
		}
	}
	for _, word := range strings.FieldsFunc(variable, func(r rune) bool { return strings.ContainsRune(":;,|= \t\n", r) }) {
		if strings.HasPrefix(word, "/") && t.holds(path.Clean(word)) {
			return true
		}
	}
	return false
}

// named finds the path in the middle of a word too, as in -I/DIR.
func (t top) named(variable string) bool {
	for at := strings.Index(variable, t.path); at >= 0; {
		rest := variable[at+len(t.path):]
		if rest == "" || strings.ContainsRune("/:;,|= \t\n", rune(rest[0])) {
			return true
		}
		next := strings.Index(rest, t.path)
		if next < 0 {
			break
		}
		at += len(t.path) + next
	}
	return false
}

// passed are the variables by which tools find their settings, and by which managers of
// versions find the tools. None by which an interpreter finds code, as NODE_OPTIONS,
// PYTHONPATH and RUBYOPT: a build's directories stand in those.
var passed = [...]string{
	"HOME", "USER", "LOGNAME", "LANG", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "XDG_DATA_HOME",
	"npm_config_*", "YARN_REGISTRY", "YARN_NPM_*", "YARN_RC_FILENAME", "PIP_*", "UV_*",
	"GOPROXY", "GOSUMDB", "GONOSUMDB", "GONOPROXY", "GOPRIVATE", "GOENV", "GOROOT",
	"CARGO_HOME", "CARGO_REGISTRIES_*", "GEMRC", "GEM_HOME", "GEM_PATH", "BUNDLE_*", "M2_HOME", "MAVEN_HOME", "APT_CONFIG", "GIT_CONFIG*",
	"NVM_DIR", "VOLTA_HOME", "PYENV_ROOT", "PYENV_VERSION", "RBENV_ROOT", "RBENV_VERSION", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "ASDF_*", "MISE_*",
}

// environment is what a tool gets of variables, and the directories of programs.
func (t *tree) environment(environ []string) (env, dirs []string) {
	// The width has help texts in one line each. Nothing is to be downloaded, be it the
	// tool itself.
	env = []string{"COLUMNS=4096", "NO_COLOR=1", "GOTOOLCHAIN=local", "COREPACK_ENABLE_NETWORK=0", "PIP_DISABLE_PIP_VERSION_CHECK=1", "NO_UPDATE_NOTIFIER=1"}
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		if name == "PATH" {
			for _, dir := range filepath.SplitList(value) {
				if filepath.IsAbs(dir) && !t.holds(dir) && !t.interprets(dir) {
					dirs = append(dirs, dir)
				}
			}
		}
		for _, pattern := range passed {
			prefix, many := strings.CutSuffix(pattern, "*")
			// npm takes its variables in any case.
			same := name == prefix || many && len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix)
			if same {
				env = append(env, e)
				break
			}
		}
	}
	return append(env, "PATH="+strings.Join(dirs, ":")), dirs
}

// interpreters are what tools are scripts of, and find in PATH themselves.
var interpreters = [...]string{"node", "nodejs", "python3", "python", "ruby", "java", "sh", "bash", "env"}

// interprets tells whether one of them is a link into the tree, in a directory that is not.
func (t *tree) interprets(dir string) bool {
	for _, name := range interpreters {
		if _, err := os.Lstat(path.Join(dir, name)); err == nil && t.holds(path.Join(dir, name)) {
			return true
		}
	}
	return false
}

// find looks for a program in directories that are not the tree's. A link in one of them
// may still lead there, as "npm link" makes them.
func (t *tree) find(program string, dirs []string) (string, error) {
	for _, dir := range dirs {
		name := path.Join(dir, program)
		info, err := os.Stat(name)
		if err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 && !t.holds(name) {
			return name, nil
		}
	}
	return "", ErrNotInstalled
}
