package workspace

import (
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A Top is the top directory of a repository or workspace.
type Top struct {
	Path string
	// Repository says that it is one's of version control, and not a workspace's.
	Repository bool
	// By is the name in it that says so.
	By string
}

// repositories are the names that the top of a repository has.
var repositories = [...]string{".git", ".hg", ".jj"}

// Find gives the top that a directory is below, or one without a path. Both dir and ends
// are real paths: no top is one of ends, or has one in it.
func Find(dir string, ends ...string) (found Top) {
	var here unix.Statx_t
	if dir == "/" || owned(dir, &here) != nil || isRepository(dir) {
		return found
	}
	for at := path.Dir(dir); at != "/" && !above(at, ends); at = path.Dir(at) {
		var st unix.Statx_t
		if owned(at, &st) != nil || st.Mode&0o002 != 0 || st.Dev_major != here.Dev_major || st.Dev_minor != here.Dev_minor {
			break
		}
		for _, name := range repositories {
			if unix.Access(at+"/"+name, unix.F_OK) == nil && isTop(at, name) {
				return Top{at, true, name}
			}
		}
		if name := workspaceOf(at, dir, found.Path != ""); name != "" {
			found = Top{Path: at, By: name}
		}
	}
	return found
}

// owned tells of a directory of the caller's.
func owned(dir string, st *unix.Statx_t) error {
	const mask = unix.STATX_TYPE | unix.STATX_MODE | unix.STATX_UID
	err := unix.Statx(unix.AT_FDCWD, dir, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT, mask, st)
	if err == nil && (int(st.Uid) != unix.Geteuid() || st.Mode&unix.S_IFMT != unix.S_IFDIR) {
		err = unix.EPERM
	}
	return err
}

// above tells whether a directory is one of the others or has one in it.
func above(dir string, others []string) bool {
	return slices.ContainsFunc(others, func(o string) bool { return o == dir || strings.HasPrefix(o, dir+"/") })
}

func isRepository(dir string) bool {
	return slices.ContainsFunc(repositories[:], func(name string) bool {
		return unix.Access(dir+"/"+name, unix.F_OK) == nil && isTop(dir, name)
	})
}

// isTop tells whether a name that is there makes its directory a top. Git passes over a
// directory .git without a HEAD; a file, as submodules and worktrees have it, ends its search.
func isTop(dir, name string) bool {
	var st unix.Statx_t
	at := dir + "/" + name
	if unix.Statx(unix.AT_FDCWD, at, 0, unix.STATX_TYPE|unix.STATX_UID, &st) != nil || int(st.Uid) != unix.Geteuid() {
		return false
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return name != ".git" || unix.Access(at+"/HEAD", unix.F_OK) == nil
	case unix.S_IFREG:
		return name == ".git"
	}
	return false
}
