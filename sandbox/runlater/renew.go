package runlater

import (
	"slices"

	"golang.org/x/sys/unix"
)

// Renew takes what is at a guarded path now for what was there before the run: somebody
// outside replaced or edited it while the command could not write to it. Clean says that
// it is known that the command could not. Without that the path is reported as doubtful at
// the end, and a git configuration that has a dangerous setting it did not have before
// keeps its old record, which Check compares; Renew then returns why.
//
// It is for one goroutine at a time, before Check.
func (g *Guard) Renew(path string, clean bool) (bad string) {
	index, rel := g.locate(path)
	if index < 0 {
		return ""
	}
	e := g.watch(index, rel)
	if e == nil {
		return ""
	}
	root, err := openRoot(g.roots[index].path)
	if err != nil {
		return ""
	}
	defer unix.Close(root)
	id, err := identityIn(root, rel)
	switch {
	case err == unix.ENOENT || err == unix.ENOTDIR:
		return "" // Check knows that it is gone
	case err != nil:
		return err.Error()
	case id == e.id:
		return ""
	}
	if e.content == configuration {
		if bad = g.newSettings(root, rel, e, clean); bad != "" {
			return bad
		}
	} else if !clean && e.content == anything {
		g.doubt(index, rel)
	}
	e.id = id
	return ""
}

// newSettings takes what a configuration says now for allowed, where the command did not
// write it. Otherwise it returns what is not harmless in it and was not there before.
func (g *Guard) newSettings(root int, rel string, e *watched, clean bool) string {
	text, err := readAt(root, rel, configLimit)
	if err != nil {
		return "git obeys it: " + err.Error()
	}
	settings, err := parseConfig(text)
	if err != nil {
		return "git obeys it: " + err.Error()
	}
	for _, s := range settings {
		if harmless(s, func(string) bool { return false }) || contains(e.allowed, s) {
			continue
		}
		if !clean {
			return "git obeys " + s.String() + " in it"
		}
		e.allowed = append(e.allowed, s)
	}
	return ""
}

// locate finds the root that a path is in: the innermost.
func (g *Guard) locate(path string) (index int, rel string) {
	index = -1
	for i, r := range g.roots {
		if in, ok := (tree{path: r.path}).within(path); ok && in != "" && (index < 0 || len(in) < len(rel)) {
			index, rel = i, in
		}
	}
	return index, rel
}

// doubtWhy is why a replaced path is reported.
const doubtWhy = "it was replaced outside while the command ran, and the command could write to it for a moment"

// doubt remembers that a path is to be reported, once.
func (g *Guard) doubt(root int, path string) {
	for _, d := range g.doubts {
		if d.root == root && d.path == path {
			return
		}
	}
	g.doubts = append(g.doubts, watched{root: root, path: path})
}

// doubtful reports the doubts, and does not have them moved: what the command may have
// changed in that moment is the caller's own file.
func (w *walker) doubtful() {
	for _, d := range w.g.doubts {
		doubt := Finding{w.roots[d.root].path, d.path, Doubtful, doubtWhy}
		i := slices.IndexFunc(w.r.Findings, func(f Finding) bool { return f.Root == doubt.Root && f.Path == doubt.Path })
		switch {
		case i >= 0:
			w.r.Findings[i] = doubt
		case len(w.r.Findings) < reportLimit:
			w.r.Findings = append(w.r.Findings, doubt)
		}
	}
}
