package sandbox

import (
	"os"
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/toolhome"
)

// A Tool is a program of the caller's PATH that the host view hides, because it is installed
// in a private directory.
type Tool struct {
	Name string
	Path string // where PATH has it, or nothing for one that is not hidden or not there
	// Shown are directories that only hold tools, by package toolhome: with them it runs.
	Shown []string
	// Unknown are directories that it needs besides, which may hold anything.
	Unknown []string
	// Named are the paths through links by which it is found.
	Named []string
}

// FindTool looks for a program as the command would outside, and for what it is run by. The
// PATH is the caller's: a program that the command can write, or that a link leads to which
// it can change, is none.
func (s Spec) FindTool(name, search string, homes ...string) Tool {
	f := toolFinder{spec: s, search: search, homes: homes, tool: Tool{Name: name}}
	if strings.Contains(name, "/") {
		if path.IsAbs(name) && !f.sees(name) {
			f.program(name, 0)
		}
		return f.tool
	}
	if slices.ContainsFunc(strings.Split(search, ":"), func(dir string) bool { return path.IsAbs(dir) && !f.sees(dir) }) {
		f.find(name, 0)
	}
	return f.tool
}

// flags are those that show the tool.
func (t Tool) flags() string {
	var flags []string
	for _, dir := range slices.Concat(t.Shown, t.Unknown) {
		flags = append(flags, "--ro "+dir)
	}
	return strings.Join(flags, " ")
}

// findHidden is FindTool for a command that was not found.
func (s Spec) findHidden(name string, env []string) Tool {
	if s.View != HostView || len(s.OCI.Mounts) == 0 { // of a sandbox that is entered the mounts are not known
		return Tool{}
	}
	return s.FindTool(name, lookupEnv(env, "PATH"), Homes()...)
}

// hiddenPath are the directories of PATH that have programs and are hidden, by what they are
// installed in. Those in /tmp are nobody's tools, and of those on disks there was a note.
func (s Spec) hiddenPath(search string, homes []string) (dirs []string) {
	f := toolFinder{spec: s, homes: homes}
	for dir := range strings.SplitSeq(search, ":") {
		in := func(d string) bool { return below(dir, d) }
		others := !slices.ContainsFunc(homes, in) && slices.ContainsFunc(slices.Concat(diskDirs, []string{"/tmp", "/var/tmp"}), in)
		if !path.IsAbs(dir) || f.sees(dir) || others {
			continue
		}
		if real, links, err := Follow(dir); err == nil && s.Changeable(append(links, real)) == "" && !f.sees(real) && len(entries(real)) > 0 {
			if at, ok := f.prefix(real + "/x"); ok {
				dirs = f.addTools(dirs, at)
			} else {
				dirs = add(dirs, f.guess(real+"/x"))
			}
		}
	}
	return dirs
}

// notFound is the exit code of shells for a program that is not there.
const notFound = 127

// makers exit with 2 where a program that they started was not there.
var makers = []string{"make", "gmake", "bmake"}

// noteHiddenPath says which directories of PATH are hidden where a command may have called what is
// in one.
func (c *Cmd) noteHiddenPath(code int) {
	made := code == 2 && c.Spec.OCI.Process != nil && len(c.Spec.OCI.Process.Args) > 0 && slices.Contains(makers, path.Base(c.Spec.OCI.Process.Args[0]))
	if code != notFound && !made || c.Spec.View != HostView || c.entering != nil || c.Spec.OCI.Process == nil {
		return
	}
	const most = 3
	dirs := c.Spec.hiddenPath(lookupEnv(c.Spec.OCI.Process.Env, "PATH"), Homes())
	if len(dirs) == 0 {
		return
	}
	more := ""
	if len(dirs) > most {
		dirs, more = dirs[:most], ", ..."
	}
	c.note("a program that was not found may be in a hidden directory of PATH: --ro %s%s", strings.Join(dirs, ", --ro "), more)
}

type toolFinder struct {
	spec   Spec
	search string
	homes  []string
	tool   Tool
}

// private are the directories that the host view replaces, whatever is mounted there.
func (f *toolFinder) private(p string) bool {
	in := func(dir string) bool { return dir != "/" && below(p, dir) }
	return slices.ContainsFunc(f.homes, in) || slices.ContainsFunc(diskDirs, in) ||
		slices.ContainsFunc(privateDirs, func(d privateDir) bool { return in(d.path) })
}

// sees tells whether the command has what is at a path.
func (f *toolFinder) sees(p string) bool {
	if f.spec.Project != "" && below(p, f.spec.Project) {
		return true
	}
	if m := innermostAt(p, f.spec.OCI.Mounts); m != nil {
		return isBind(*m)
	}
	return !f.private(p)
}

// find looks for a name in PATH.
func (f *toolFinder) find(name string, depth int) {
	for dir := range strings.SplitSeq(f.search, ":") {
		p := path.Join(dir, name)
		if !path.IsAbs(dir) || unix.Access(p, unix.X_OK) != nil {
			continue
		}
		if fi, err := os.Stat(p); err != nil || fi.IsDir() {
			continue
		}
		if real, _, err := Follow(p); err != nil || !f.sees(dir) || !f.sees(real) {
			f.program(p, depth)
		}
		return
	}
}

// need adds the directory that has to be shown for a path to be there. A link in a directory
// of unknown content is no reason to show what it leads to: another command may have made it.
func (f *toolFinder) need(p string) {
	if f.sees(p) {
		return
	}
	if dir, ok := f.prefix(p); ok {
		f.tool.Shown = f.addTools(f.tool.Shown, dir)
	} else {
		f.tool.Unknown = add(f.tool.Unknown, f.guess(p))
	}
}

// addTools adds a directory of tools, and the one that its programs run others in: those of
// ~/.cargo/bin are rustup's, which has the compilers in ~/.rustup.
func (f *toolFinder) addTools(list []string, dir string) []string {
	list = add(list, dir)
	if home, ok := strings.CutSuffix(dir, "/.cargo/bin"); ok && !f.sees(home+"/.rustup") && exists(home+"/.rustup") {
		list = add(list, home+"/.rustup")
	}
	return list
}

// mostInterpreters bounds how many programs are looked for behind a script's first line.
const mostInterpreters = 4

// program adds what a program is run from.
func (f *toolFinder) program(p string, depth int) {
	real, links, err := Follow(p)
	own := slices.ContainsFunc(f.spec.Own, func(o OwnPath) bool { return below(real, o.Path) })
	if err != nil || own || f.spec.Changeable(append(slices.Clone(links), real)) != "" {
		return
	}
	if f.tool.Path == "" {
		f.tool.Path = p
	}
	for _, link := range links {
		if !below(link, "/run/user") { // where fnm has its links, which are made again
			f.need(link)
		}
	}
	if len(links) > 0 {
		f.tool.Named = add(f.tool.Named, p)
	}
	f.need(real)
	if depth < mostInterpreters {
		f.interpreter(real, depth)
	}
}

// interpreter adds what runs a script, by its first line.
func (f *toolFinder) interpreter(script string, depth int) {
	fd, err := unix.Open(script, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	head := make([]byte, 256)
	n, _ := unix.Read(fd, head) // a directory or nothing has no first line
	unix.Close(fd)
	line, ok := strings.CutPrefix(string(head[:max(n, 0)]), "#!")
	line, _, _ = strings.Cut(line, "\n")
	words := strings.Fields(line)
	switch {
	case !ok || len(words) == 0:
	case path.Base(words[0]) != "env":
		if path.IsAbs(words[0]) && !f.sees(words[0]) {
			f.program(words[0], depth+1)
		}
	default:
		for _, word := range words[1:] {
			if !strings.HasPrefix(word, "-") && !strings.Contains(word, "=") {
				f.find(word, depth+1)
				return
			}
		}
	}
}

// prefix is the directory of tools in a home that a path is in.
func (f *toolFinder) prefix(p string) (string, bool) {
	for _, home := range f.homes {
		if home == "/" || p == home || !below(p, home) {
			continue
		}
		if name, ok := toolhome.Prefix(strings.TrimPrefix(p, home+"/")); ok {
			return path.Join(home, name), true
		}
	}
	return "", false
}

// guess is where a program is installed by the usual names, or the directory that it is in.
func (f *toolFinder) guess(p string) string {
	dir := path.Dir(p)
	for up := dir; up != "/"; up = path.Dir(up) {
		base := path.Base(up)
		if base == "node_modules" {
			return up
		}
		if slices.Contains([]string{"bin", "sbin", ".bin", "shims", "libexec"}, base) && f.narrow(path.Dir(up)) {
			return path.Dir(up)
		}
	}
	return dir
}

// narrow tells that a directory holds neither a home nor all of a private directory.
func (f *toolFinder) narrow(dir string) bool {
	over := func(other string) bool { return below(other, dir) }
	return !slices.ContainsFunc(f.homes, over) && !slices.ContainsFunc(diskDirs, over) &&
		!slices.ContainsFunc(privateDirs, func(d privateDir) bool { return over(d.path) })
}

func add(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// ShowTools binds directories of tools read-only. A directory in which another mount has its
// place, that is not there on the host, is shown name by name: no directory is made on the
// host. One that the command may write in is left out.
func (s *Spec) ShowTools(dirs []string) (shown []string) {
	show := func(p string) {
		s.OCI.Mounts = append(s.OCI.Mounts, bind(p, p, "ro"))
		shown = append(shown, p)
	}
	for _, dir := range dirs {
		real, _, err := Follow(dir)
		if err != nil || slices.ContainsFunc(s.WritableOutside(), func(w string) bool { return !slices.Contains(s.Kept, w) && (below(w, real) || below(real, w)) }) {
			continue
		}
		missing := func(p string) bool {
			return slices.ContainsFunc(s.OCI.Mounts, func(m specs.Mount) bool {
				return m.Destination != p && below(m.Destination, p) && !exists(m.Destination)
			})
		}
		if !missing(real) {
			show(real)
			continue
		}
		for _, e := range entries(real) {
			if p := path.Join(real, e.name); e.kind != unix.DT_LNK && !missing(p) && !slices.ContainsFunc(s.OCI.Mounts, func(m specs.Mount) bool { return m.Destination == p }) {
				show(p)
			}
		}
	}
	return shown
}
