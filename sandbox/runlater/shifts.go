package runlater

import (
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// A link may lead each process to another place, or to one where somebody can put a file
// later. What it leads to when sbx looks says nothing of what it leads to then.

// shifts tells such a link by its path: it leads through /proc (/proc/self/cwd/x is another
// file in each directory, and so is what is in /dev/fd), or to a directory that anybody can
// write, as /tmp. What the command can write is looked at by itself.
func (s *search) shifts(link string) bool {
	end, links, err := land(link)
	for i, at := range append(links, end) {
		if _, in := s.root(at); i > 0 && !in && err == nil && (strings.HasPrefix(at, "/proc/") || anybodys(path.Dir(at))) {
			return true
		}
	}
	return false
}

// anybodys tells whether others can make what is missing in a directory, or above it. What
// is in the directory of a session is made by its programs.
func anybodys(dir string) bool {
	if strings.HasPrefix(dir+"/", "/run/user/") {
		return true
	}
	for ; ; dir = path.Dir(dir) {
		var st unix.Statx_t
		err := statAt(unix.AT_FDCWD, dir, &st)
		if err == nil || dir == "/" {
			return err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR && st.Mode&0o002 != 0
		}
	}
}
