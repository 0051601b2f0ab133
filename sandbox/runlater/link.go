package runlater

import (
	"os"
	"path"
	"strings"
)

const linkWhy = "it leads, or may lead, into a cache that only the sandbox writes, where names count for nothing"

// link judges a symbolic link by whether it leads into one of the directories that
// the run can write and nobody enters: who follows it enters one. What it leads to
// in a root is looked at there.
func (w *walker) link(dir int, name []byte) {
	to, err := tree{fd: dir}.readlink(string(name))
	if err != nil {
		return
	}
	private, unsure := w.private(join(w.roots[w.index].path, string(w.path)), to)
	if !private && !unsure {
		return
	}
	what := Doubtful
	if w.look(dir, name) && w.touched(dir, name, &w.st) {
		what = w.what(dir, name)
	} else if unsure {
		return
	}
	w.add(w.at(name), what, linkWhy)
}

// private follows a link by hand, without opening anything, and tells whether the
// way leads through one of Guard.Private. It is unsure of what leads each process
// elsewhere.
func (w *walker) private(dir, to string) (private, unsure bool) {
	links := 0
	todo := strings.Split(to, "/")
	if strings.HasPrefix(to, "/") {
		dir = "/"
	}
	for len(todo) > 0 {
		next := path.Join(dir, todo[0])
		todo = todo[1:]
		for _, p := range w.g.Private {
			if _, ok := (tree{path: p}).within(next); ok {
				return true, false
			}
		}
		if len(todo) > 0 && ofProcess(next) {
			return false, true
		}
		further, err := os.Readlink(next)
		if err != nil {
			dir = next
			continue
		}
		if links++; links > 40 { // as in the kernel, which stops there
			return false, false
		}
		if strings.HasPrefix(further, "/") {
			dir = "/"
		}
		todo = append(strings.Split(further, "/"), todo...)
	}
	return false, false
}

// ofProcess tells what leads to a directory of a process's: /proc/self/cwd, /dev/fd/3 by
// /proc/self/fd/3. What a root file system has of them ends there.
func ofProcess(at string) bool {
	rest, ok := strings.CutPrefix(at, "/proc/")
	if !ok {
		return false
	}
	dir, last := path.Split(rest)
	return among(last, "cwd", "root") || strings.HasSuffix(dir, "/fd/")
}

// harmlessRef tells whether a file below refs or logs is what git keeps there: the
// id of a commit or the name of a branch, or lines of a log, which begin with two
// ids (gitrepository-layout(5)).
func harmlessRef(dir int, name string) bool {
	text, err := readAt(dir, name, configLimit)
	if err != nil {
		return false
	}
	if to, ok := strings.CutPrefix(string(text), "ref: refs/"); ok {
		return strings.IndexByte(strings.TrimSuffix(to, "\n"), '\n') < 0
	}
	for line := range strings.Lines(string(text)) {
		id, rest, log := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if !isObjectID(id) {
			return false
		}
		if second, _, _ := strings.Cut(rest, " "); log && !isObjectID(second) {
			return false
		}
	}
	return true
}

// isObjectID tells an id of SHA-1 or SHA-256 in hexadecimal.
func isObjectID(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}
