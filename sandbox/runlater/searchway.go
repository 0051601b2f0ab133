package runlater

import (
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// A variable may lead into the project by links: ~/work is one to /data/work, and PWD and
// what venv and direnv put in PATH have it. The command can change those that are in what
// it may write, and with them where the variable leads.

// ways are the links on a way that the command could change, by path, as they were.
type ways map[string]identity

// systemDirs are written by root only: a link of theirs leads to no project.
var systemDirs = [...]string{"usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "snap", "nix", "gnu", "etc", "sys", "boot"}

// ofSystem tells a path that no link of somebody's is on the way to, by its text. What is
// in /dev is devices, but /dev/shm is anybody's.
func ofSystem(path string) bool {
	first, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch first {
	case "dev":
		return !strings.HasPrefix(rest, "shm") && !strings.HasPrefix(rest, "fd")
	case "proc":
		return !strings.HasPrefix(rest, "self") && !strings.HasPrefix(rest, "thread-self")
	}
	return among(first, systemDirs[:]...)
}

// linked tells whether a link of somebody's is on the way to a path. Most are in a few
// directories, and what is on the way to one is asked once.
func (s *search) linked(path string) bool {
	if ofSystem(path) {
		return false
	}
	above, last := parent(path)
	known := false // of the directory above
	for _, p := range s.straight {
		if rest, ok := strings.CutPrefix(p, path); ok && (rest == "" || rest[0] == '/') {
			return false
		}
		rest, ok := strings.CutPrefix(p, above)
		known = known || ok && (rest == "" || rest[0] == '/')
	}
	if known && last != "" && last != "." && last != ".." {
		var buf [1]byte
		if _, err := unix.Readlink(path, buf[:]); err == nil {
			return true
		}
	} else {
		fd, err := unix.Openat2(unix.AT_FDCWD, path, &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS})
		if err == nil {
			unix.Close(fd)
		}
		if err == unix.ELOOP {
			return true
		}
	}
	s.straight = append(s.straight, path)
	return false
}

// follow tells, before the run, whether a path leads to what the command may write or by
// a link in it, and keeps those links. Links outside are asked for if told to: it is two
// microseconds.
func (s *search) follow(path string, links bool) bool {
	if _, known := s.ways[path]; known {
		return true
	}
	if _, in := s.root(path); !in && !(links && s.linked(path)) {
		return false
	}
	end, found, _ := land(path)
	_, leads := s.root(end)
	on := ways{}
	for _, link := range found {
		if at, n, st, ok := s.linkAt(link); ok {
			on[link] = identify(&st)
			s.touched(at, n, &st)
			unix.Close(at.fd)
		}
	}
	if _, in := s.root(path); !in && !leads && len(on) == 0 {
		return false
	}
	if s.ways == nil {
		s.ways = map[string]ways{}
	}
	s.ways[path] = on
	return true
}

// linkAt opens the directory of a link that the command could change. What is above it
// has no links.
func (s *search) linkAt(link string) (at spot, n string, st unix.Statx_t, ok bool) {
	dir, n := filepath.Split(link)
	if root, in := s.root(link); !in || root == link {
		return spot{}, "", st, false
	}
	if at, ok = s.spotOf(dir); !ok {
		return spot{}, "", st, false
	}
	if statAt(at.fd, n, &st) != nil {
		unix.Close(at.fd)
		return spot{}, "", st, false
	}
	return at, n, st, true
}

// newLink looks for links of the run's on the way to what a variable names.
func (s *searcher) newLink(variable, path string) bool {
	_, found, _ := land(path)
	before, known := s.ways[path]
	for _, link := range found {
		at, n, st, ok := s.linkAt(link)
		if !ok {
			continue
		}
		was, old := before[link]
		isNew := s.touched(at, n, &st) || known && (!old || at.base == nil && was.object() != identify(&st).object())
		what := s.whatOf(entry{at, n, &st})
		unix.Close(at.fd)
		if isNew {
			s.add(at.root, join(at.rel, n), what, "it leads your "+variable+" elsewhere")
			return true
		}
	}
	return false
}
