package runlater

import (
	"crypto/sha256"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// gitDir judges what git would obey in the directory at hand. A repository that
// the run made is left where it is, or git init would be no use; what could run
// something is taken out of it.
func (w *walker) gitDir(f *frame) {
	dir := string(w.path)
	newHead := w.new(f.fd, "HEAD")
	for _, name := range [...]string{"config", "config.worktree"} {
		w.config(f, dir, name, newHead)
	}
	if w.changed(f, "commondir") {
		what := w.what(f.fd, []byte("commondir"))
		text, err := readAt(f.fd, "commondir", unix.PathMax)
		if err != nil || f.kind != worktreeKind || strings.TrimRight(string(text), "\r\n") != "../.." {
			w.add(join(dir, "commondir"), what, "git reads configuration and hooks from the directory it names")
		}
	}
	for _, link := range [...]struct{ name, why string }{{"hooks", hooksWhy}, {"modules", moduleWhy}} {
		if !w.exists(f.fd, link.name) || w.st.Mode&unix.S_IFMT == unix.S_IFDIR {
			continue
		}
		at := w.at([]byte(link.name))
		switch {
		case w.changed(f, link.name):
			w.add(at, w.what(f.fd, []byte(link.name)), link.why)
		case link.name == "hooks":
			w.lead(at, hooksKind, link.why)
		}
	}
	w.unfinished(f)
	w.state(f)
	w.toolFiles(f)
	w.replaced(f)
	w.lateIndex(f)
}

// changed tells whether a name in a git directory is the run's, and fills in w.st.
func (w *walker) changed(f *frame, name string) bool {
	if !w.exists(f.fd, name) {
		return false
	}
	if e := w.g.watch(w.index, w.at([]byte(name))); e != nil && w.unchanged(e, f.fd, name, &w.st) {
		return false
	} else if e != nil && e.content == transient {
		return true
	}
	return w.touched(f.fd, []byte(name), &w.st) || f.fresh
}

// config judges one of a git directory's configurations by what it says, if the
// run wrote it. In a repository whose HEAD is new an old one counts as well: an
// earlier run may have left all but the HEAD, which is no repository yet. But it
// is more likely that the run changed branches, so it is only a doubt.
func (w *walker) config(f *frame, dir, name string, newHead bool) {
	at := join(dir, name)
	e := w.g.watch(w.index, at)
	if !w.exists(f.fd, name) {
		return
	}
	w.leadsOf(f, name)
	if e != nil && !f.fresh {
		return // it is compared after the walk
	}
	if e != nil && w.same(e, f.fd, []byte(name), &w.st) {
		return
	}
	isNew, what := w.touched(f.fd, []byte(name), &w.st) || f.fresh, w.what(f.fd, []byte(name))
	switch {
	case isNew && what == Created && !newHead && !f.fresh && !f.moved:
		what = Changed // git replaces it; only of a repository without one is it new
	case isNew:
	case newHead:
		what = Doubtful
	case f.moved:
		at, what = dir, Doubtful
	default:
		return
	}
	var allowed []setting
	if e != nil {
		allowed = e.allowed
	}
	if j, why := w.badConfig(f.fd, name, allowed, dir); why != "" {
		w.addConfig(at, what, why, j)
	}
}

// badConfig judges a configuration, and tells why it is not harmless, or nothing. What it
// said before the run is allowed. dir is the git directory, below the root.
func (w *walker) badConfig(at int, name string, allowed []setting, dir string) (verdict, string) {
	inside := func(value string) bool {
		return value != "" && value[0] != '/' && value[0] != '~' && w.inRoots(path.Join(w.roots[w.index].path, dir, value))
	}
	j, err := unsafeSettings(at, name, allowed, inside)
	return j, settingsWhy(j.bad, err)
}

// A verdict is a configuration by its text, and those of its settings that are not harmless.
type verdict struct {
	sum [sha256.Size]byte
	bad []setting
}

// unsafeSettings are those of a configuration that are not harmless and not allowed.
func unsafeSettings(at int, name string, allowed []setting, inside func(string) bool) (j verdict, err error) {
	text, err := readAt(at, name, configLimit)
	if err != nil {
		return j, err
	}
	settings, err := parseConfig(text)
	if err != nil {
		return j, err
	}
	j.sum = sha256.Sum256(text)
	j.bad = slices.DeleteFunc(settings, func(s setting) bool { return harmless(s, inside) || slices.Contains(allowed, s) })
	return j, nil
}

// settingsWhy is why a configuration with such settings is a finding, or nothing.
func settingsWhy(bad []setting, err error) string {
	switch {
	case err == unix.ELOOP: // as cp -a makes of the link to the command's copy
		return "git obeys what the link leads to"
	case err != nil:
		return "git obeys it: " + err.Error()
	case len(bad) > 0:
		return "git obeys " + bad[0].String() + " in it"
	}
	return ""
}

// inRoots tells whether a path is in what the run could write, and through no
// link: one could lead git clean to the home.
func (w *walker) inRoots(at string) bool {
	for _, r := range w.roots {
		rel, ok := tree{path: r.path}.within(at)
		if !ok {
			continue
		}
		root, err := openRoot(r.path)
		if err != nil {
			return false
		}
		defer unix.Close(root)
		fd, err := openDeep(root, "./"+rel)
		if err == nil {
			unix.Close(fd)
		}
		return err == nil || err == unix.ENOENT
	}
	return false
}

// bareFresh is for a repository that is not called .git. One that became a
// repository during the run is all new, also where one name alone was missing.
func (w *walker) bareFresh(f *frame) bool {
	if f.fresh {
		return true
	}
	if e := w.g.watch(w.index, string(w.path)); e != nil {
		var st unix.Statx_t
		return statFD(f.fd, &st) != nil || !w.sameObject(e, &st)
	}
	// A rename of objects or refs sets its change time, and so does git.
	return w.new(f.fd, "HEAD") || w.new(f.fd, "commondir") || w.made(f.fd, "objects") || w.made(f.fd, "refs")
}

// goodGitFile is for a .git file of the run's: it is left if it names a git
// directory in one of the roots that has nothing to find in it, as git worktree and
// git submodule make them.
func (w *walker) goodGitFile(f *frame, file string) bool {
	_, name := parent(file)
	what := w.what(f.fd, []byte(name))
	text, err := readAt(f.fd, name, unix.PathMax+16)
	if err != nil {
		return false
	}
	to, err := parseGitFile(text)
	if err != nil {
		return false
	}
	if !strings.HasPrefix(to, "/") {
		to = path.Join(w.roots[w.index].path, up(file), to)
	}
	to = path.Clean(to)
	for i, r := range w.roots {
		rel, ok := tree{path: r.path}.within(to)
		if !ok || rel == "" {
			continue
		}
		k := gitdirKind
		if common, ok := strings.CutSuffix(up(rel), "worktrees"); ok && (common == "" || common[len(common)-1] == '/') {
			if k = worktreeKind; !w.cleanGitDir(i, strings.TrimSuffix("./"+common, "/"), gitdirKind) {
				return false
			}
		}
		return w.cleanGitDir(i, rel, k) && w.point(file, to, what)
	}
	return false
}

// cleanGitDir judges a git directory as if it were all new, but for what Find
// saw in it.
func (w *walker) cleanGitDir(index int, dir string, k kind) bool {
	root, err := openRoot(w.roots[index].path)
	if err != nil {
		return false
	}
	defer unix.Close(root)
	dir = path.Clean(dir)
	fd, err := openDeep(root, dir)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	probe := walker{g: w.g, r: &Report{}, since: w.since, uid: w.uid, roots: w.roots, index: index}
	if dir != "." {
		probe.path = []byte(dir)
	}
	probe.gitDir(&frame{fd: fd, kind: k, fresh: true})
	hooks, err := openDir(fd, "hooks")
	if err == nil {
		defer unix.Close(hooks)
		names, err := list(hooks, unix.DT_UNKNOWN)
		if err != nil {
			return false
		}
		for _, n := range names {
			if !strings.HasSuffix(n, ".sample") && w.g.watch(index, join(dir, "hooks")) == nil {
				return false
			}
		}
	}
	return len(probe.r.Findings) == 0
}

// exists fills in w.st.
func (w *walker) exists(dir int, path string) bool {
	if d, name := parent(path); d != "." {
		fd, err := openDir(dir, d)
		if err != nil {
			return false
		}
		defer unix.Close(fd)
		return statAt(fd, name, &w.st) == nil
	}
	return statAt(dir, path, &w.st) == nil
}

func (w *walker) new(dir int, path string) bool {
	return w.exists(dir, path) && w.touched(dir, []byte(path), &w.st)
}

// made is for directories: that something was made in one is no sign.
func (w *walker) made(dir int, name string) bool {
	return w.exists(dir, name) && w.born(dir, []byte(name), &w.st)
}
