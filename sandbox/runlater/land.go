package runlater

import (
	"os"
	"path"
	"strings"
)

// land follows an absolute path by hand, from one file system to another, and tells of
// the links on the way. What is missing is taken for a directory.
func land(from string) (end string, links []string, err error) {
	end = "/"
	todo := strings.Split(from, "/")
	for len(todo) > 0 {
		part := todo[0]
		todo = todo[1:]
		next := path.Join(end, part) // "" and "." and ".." too
		if part == "" || part == "." || part == ".." {
			end = next
			continue
		}
		to, err := os.Readlink(next)
		if err != nil {
			end = next
			continue
		}
		if links = append(links, next); len(links) > 40 { // as in the kernel, which stops there
			return "", links, errLinks
		}
		if strings.HasPrefix(to, "/") {
			end = "/"
		}
		todo = append(strings.Split(to, "/"), todo...)
	}
	return end, links, nil
}

// rootOf is the innermost root that a path is in, or -1. The root itself is in it by an
// empty path.
func (w *walker) rootOf(to string) (index int, rel string) {
	index = -1
	for i, r := range w.roots {
		if in, ok := (tree{path: r.path}).within(to); ok && (index < 0 || len(in) < len(rel)) {
			index, rel = i, in
		}
	}
	return index, rel
}
