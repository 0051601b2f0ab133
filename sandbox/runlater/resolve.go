package runlater

import (
	"errors"
	"os"
	"os/user"
	"strings"

	"golang.org/x/sys/unix"
)

// A tree is a directory in which Find looks about.
type tree struct {
	index int // in Guard.roots
	fd    int
	path  string // real
}

// A place is where a path in a tree leads.
type place struct {
	path    string   // without links; empty if it leads out of the tree
	links   []string // those that were on the way
	st      unix.Statx_t
	missing bool
}

var errLinks = errors.New("too many links")

// resolve follows a path by hand. The kernel would do it, but not tell of the
// links on the way: each of them can be pointed elsewhere during the run, since
// a mount cannot hold a link.
func (t tree) resolve(path string) (place, error) {
	var p place
	var done []string
	seen := "" // what p.st is of
	todo := strings.Split(path, "/")
	for len(todo) > 0 {
		part := todo[0]
		todo = todo[1:]
		switch {
		case part == "" || part == ".":
			continue
		case part == "..":
			if len(done) == 0 {
				return place{links: p.links}, nil
			}
			done = done[:len(done)-1]
			continue
		}
		at := strings.Join(append(done[:len(done):len(done)], part), "/")
		err := t.stat(at, &p.st)
		switch {
		case err == unix.ENOENT || err == unix.ENOTDIR:
			p.missing = true
		case err != nil:
			return p, err
		case p.st.Mode&unix.S_IFMT == unix.S_IFLNK:
			to, err := t.readlink(at)
			if err != nil {
				return p, err
			}
			if p.links = append(p.links, at); len(p.links) > 40 {
				return p, errLinks
			}
			if strings.HasPrefix(to, "/") {
				var ok bool
				if to, ok = t.within(to); !ok {
					return place{links: p.links}, nil
				}
				done = done[:0]
			}
			todo = append(strings.Split(to, "/"), todo...)
			continue
		}
		done, seen = append(done, part), at
	}
	if p.path = strings.Join(done, "/"); p.path == "" {
		p.path = "."
	}
	if !p.missing && p.path != seen {
		return p, t.stat(p.path, &p.st)
	}
	return p, nil
}

// within turns an absolute path into one below the tree.
func (t tree) within(path string) (string, bool) {
	rest, ok := strings.CutPrefix(path, strings.TrimSuffix(t.path, "/"))
	return strings.TrimLeft(rest, "/"), ok && (rest == "" || rest[0] == '/')
}

// stat looks at a path that has no links but perhaps the last.
func (t tree) stat(path string, st *unix.Statx_t) error {
	dir, name := parent(path)
	if dir == "." {
		return statAt(t.fd, name, st)
	}
	fd, err := openAt(t.fd, dir, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return statAt(fd, name, st)
}

func (t tree) readlink(path string) (string, error) {
	fd, err := openAt(t.fd, path, unix.O_PATH)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", buf)
	return string(buf[:max(n, 0)]), err
}

// home puts homes in the place of ~ and ~user, as git does (git-config(1), "pathname").
func home(path string) string {
	if to := strings.TrimPrefix(path, ":(optional)"); to != "" {
		path = to
	}
	name, rest, ok := strings.Cut(path, "/")
	switch {
	case !ok || name == "" || name[0] != '~':
	case name == "~":
		return os.Getenv("HOME") + "/" + rest
	default:
		if u, err := user.Lookup(name[1:]); err == nil {
			return u.HomeDir + "/" + rest
		}
	}
	return path
}
