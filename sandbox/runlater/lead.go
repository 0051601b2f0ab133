package runlater

import (
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// A link of the developer's may lead a tool to a file of any name: .vscode to
// tools/editor, a hook to scripts/check. So may core.hooksPath and include.path of a
// repository. For the project's own Find has listed where they lead. For those below
// it the walk collects leads, and goes after them when it has seen all.

// A lead is a path by which a tool comes to what it runs.
type lead struct {
	root int
	path string // below the root, through links
	kind kind   // what a directory there is; for a file none
	why  string
}

func (w *walker) lead(path string, k kind, why string) {
	if len(w.leads) >= reportLimit {
		w.overflow = true
		return
	}
	w.leads = append(w.leads, lead{w.index, path, k, why})
}

// leadsOf collects those of a git configuration that Find has not read. A relative
// core.hooksPath is that of each worktree.
func (w *walker) leadsOf(f *frame, name string) {
	text, err := readAt(f.fd, name, configLimit)
	if err != nil {
		return // which is a finding if it is new
	}
	settings, err := parseConfig(text)
	if err != nil {
		return
	}
	w.obey(settings, string(w.path))
}

func (w *walker) obey(settings []setting, dir string) {
	for _, s := range settings {
		switch {
		case s.value == "":
		case s.section == "core" && s.sub == "" && s.key == "hookspath":
			if to := home(s.value); to[0] == '/' {
				w.leadTo(to, hooksKind, hooksWhy)
			} else {
				w.hookPaths = append(w.hookPaths, to)
			}
		case s.key == "path" && (s.section == "include" || s.section == "includeif"):
			to := home(s.value)
			if to[0] != '/' {
				to = join(w.roots[w.index].path, join(dir, to))
			}
			w.leadTo(to, oldKind, gitWhy)
		}
	}
}

// leadTo takes an absolute path.
func (w *walker) leadTo(to string, k kind, why string) {
	for i, r := range w.roots {
		if rel, ok := (tree{path: r.path}).within(path.Clean(to)); ok && rel != "" {
			if len(w.leads) < reportLimit {
				w.leads = append(w.leads, lead{i, rel, k, why})
			}
		}
	}
}

// ownLeads are those of the developer's own configuration, which is read only where
// there is a repository that Find has not read it for.
func (w *walker) ownLeads() {
	w.index = 0
	w.obey(w.g.own.settings, "")
	for _, file := range w.g.own.Files {
		fd, err := unix.Open(file, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		if err != nil {
			continue
		}
		text, err := readFD(fd, configLimit)
		unix.Close(fd)
		if settings, e := parseConfig(text); err == nil && e == nil {
			for _, s := range settings {
				if s.section == "core" { // Find has followed what it includes
					w.obey([]setting{s}, "")
				}
			}
		}
	}
}

// follow goes after the leads, to the end: what is found on the way is not led to
// again.
func (w *walker) follow() {
	if len(w.tops) > 0 {
		w.ownLeads()
	}
	for _, rel := range unique(w.hookPaths) {
		for _, top := range w.tops {
			if len(w.leads) < reportLimit {
				w.leads = append(w.leads, lead{top.root, join(top.path, rel), hooksKind, hooksWhy})
			}
		}
	}
	seen := map[lead]bool{}
	for i := 0; i < len(w.leads); i++ {
		if l := w.leads[i]; !seen[l] {
			seen[l] = true
			w.after(l)
		}
	}
}

func (w *walker) after(l lead) {
	w.index = l.root
	root, err := openRoot(w.roots[l.root].path)
	if err != nil {
		return // which is an error already
	}
	defer unix.Close(root)
	t := tree{index: l.root, fd: root, path: w.roots[l.root].path}
	p, err := t.resolve(l.path)
	for _, link := range p.links {
		w.leadFile(root, link, l.why)
	}
	switch {
	case err != nil || p.missing || p.path == ".":
	case p.path == "": // out of this root, perhaps into another
		if len(p.links) == 1 && p.links[0] == l.path {
			w.outOf(t, l)
		}
	case p.st.Mode&unix.S_IFMT == unix.S_IFDIR:
		w.leadDir(root, p, l)
	default:
		w.leadFile(root, p.path, l.why)
	}
}

// leadDir walks a directory again, as what it is for the tool that is led there.
func (w *walker) leadDir(root int, p place, l lead) {
	fd, err := openDeep(root, p.path)
	if err != nil {
		return // which the walk has reported
	}
	probe := walker{
		g: w.g, r: &Report{}, since: w.since, uid: w.uid, roots: w.roots, index: l.root, shared: true,
		reader: reader{buf: make([]byte, 8<<10)}, path: []byte(p.path),
	}
	e := entered{kind: l.kind}
	if l.kind == hooksKind && w.base() == nil && w.g.watch(l.root, p.path) == nil && touched(&p.st, w.since) {
		e.moved = !(stamp{p.st.Mtime.Sec, p.st.Mtime.Nsec}).before(w.since)
		e.fresh = !e.moved
	}
	probe.enter(fd, e)
	_ = probe.run() // the walk has reported it
	w.leads = append(w.leads, probe.leads...)
	for _, f := range probe.r.Findings {
		if !w.r.has(w.roots[l.root].path, f.Path) {
			w.add(f.Path, f.What, l.why)
		}
	}
}

// leadFile judges a file, or a link on the way.
func (w *walker) leadFile(root int, path, why string) {
	at, name := parent(path)
	dir, err := openDeep(root, at)
	if err != nil {
		return
	}
	defer unix.Close(dir)
	if w.path = w.path[:0]; at != "." {
		w.path = append(w.path, at...)
	}
	e := w.g.watch(w.index, path)
	if statAt(dir, name, &w.st) != nil || w.st.Mode&unix.S_IFMT == unix.S_IFDIR || e != nil && w.same(e, dir, []byte(name), &w.st) {
		return
	}
	if w.touched(dir, []byte(name), &w.st) && !w.r.has(w.roots[w.index].path, path) {
		w.add(path, w.what(dir, []byte(name)), why)
	}
}

// outOf goes on where a link leads out of its root.
func (w *walker) outOf(t tree, l lead) {
	to, err := t.readlink(l.path)
	if err != nil {
		return
	}
	if !strings.HasPrefix(to, "/") {
		to = path.Join(t.path, up(l.path), to)
	}
	if _, here := t.within(path.Clean(to)); !here {
		w.leadTo(to, l.kind, l.why)
	}
}

func unique(in []string) (out []string) {
	seen := map[string]bool{}
	for _, s := range in {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}
