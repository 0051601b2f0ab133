package runlater

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

var errGitFile = errors.New("not a git file")

// parseGitFile reads a .git file: "gitdir: ", a path, the end of the line
// (gitrepository-layout(5)).
func parseGitFile(text []byte) (string, error) {
	path, ok := strings.CutPrefix(string(text), "gitdir: ")
	if !ok {
		return "", errGitFile
	}
	return parsePath(path)
}

// parsePath reads a file that holds one path, as commondir and gitdir do.
func parsePath(text string) (string, error) {
	path := strings.TrimRight(text, "\r\n")
	if path == "" || len(path) >= unix.PathMax || strings.IndexByte(path, 0) >= 0 {
		return "", errGitFile
	}
	return path, nil
}

// openNamed opens what a path in a file names, from the directory that it is
// relative to: as git would, through links. It is for the time before the run
// only, and what is opened is only looked at until it is proven.
func openNamed(from int, path string, flags int) (int, error) {
	for {
		fd, err := unix.Openat(from, path, unix.O_PATH|unix.O_CLOEXEC|flags, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// A claim is what a .git file says: that the git directory of this project is
// there. The project is untrusted, and would get any directory shown by naming
// it: ~/.ssh, another repository. So the other side must say so too, in a file
// that the project cannot write.
type claim struct {
	project, file identity // the project and its .git file
	uid           uint32
}

// prove gives the directory to be shown: the repository's for a worktree, the
// git directory itself for a submodule.
func (c claim) prove(gitdir int) (shown string, err error) {
	if err := c.owned(gitdir); err != nil {
		return "", err
	}
	if text, err := readAt(gitdir, "commondir", unix.PathMax); err == nil {
		return c.worktree(gitdir, string(text))
	} else if err != unix.ENOENT {
		return "", fmt.Errorf("its commondir: %w", err)
	}
	return c.submodule(gitdir)
}

// worktree: the directory is one of the repository's own worktrees/*, and its
// gitdir names this project's .git file. Without the first half, a directory of
// the attacker's could vouch for any repository.
func (c claim) worktree(gitdir int, commondir string) (string, error) {
	path, err := parsePath(commondir)
	if err != nil {
		return "", err
	}
	common, err := openNamed(gitdir, path, unix.O_DIRECTORY)
	if err != nil {
		return "", err
	}
	defer unix.Close(common)
	if err := c.repository(common); err != nil {
		return "", err
	}
	up, err := openNamed(gitdir, "..", unix.O_DIRECTORY)
	if err != nil {
		return "", err
	}
	defer unix.Close(up)
	worktrees, err := openDir(common, "worktrees")
	if err != nil {
		return "", err
	}
	defer unix.Close(worktrees)
	if !sameObject(up, worktrees) {
		return "", errors.New("it is not one of its repository's worktrees")
	}
	text, err := readAt(gitdir, "gitdir", unix.PathMax)
	if err != nil {
		return "", err
	}
	if path, err = parsePath(string(text)); err != nil {
		return "", err
	}
	if !c.names(gitdir, path, unix.O_NOFOLLOW, c.file) {
		return "", errors.New("it is another project's worktree")
	}
	return realPath(common)
}

// submodule: core.worktree of the directory's configuration is this project.
func (c claim) submodule(gitdir int) (string, error) {
	if err := c.repository(gitdir); err != nil {
		return "", err
	}
	text, err := readAt(gitdir, "config", configLimit)
	if err != nil {
		return "", err
	}
	settings, err := parseConfig(text)
	if err != nil {
		return "", err
	}
	worktree := ""
	for _, s := range settings {
		if s.section == "core" && s.sub == "" && s.key == "worktree" {
			worktree = s.value
		}
	}
	if worktree == "" || !c.names(gitdir, worktree, unix.O_DIRECTORY, c.project) {
		return "", errors.New("it is not this project's")
	}
	return realPath(gitdir)
}

// names tells whether a path leads to the very file.
func (c claim) names(from int, path string, flags int, want identity) bool {
	fd, err := openNamed(from, path, flags)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	got, err := identityOf(fd)
	return err == nil && got.object() == want.object()
}

// repository tells a git directory that is the caller's.
func (c claim) repository(dir int) error {
	if err := c.owned(dir); err != nil {
		return err
	}
	var st unix.Statx_t
	for _, part := range [...]struct {
		name string
		kind uint16
	}{{"HEAD", unix.S_IFREG}, {"objects", unix.S_IFDIR}, {"refs", unix.S_IFDIR}} {
		if err := statAt(dir, part.name, &st); err != nil || st.Mode&unix.S_IFMT != part.kind {
			return errors.New("it is not a git directory")
		}
	}
	return nil
}

func (c claim) owned(dir int) error {
	var st unix.Statx_t
	if err := statFD(dir, &st); err != nil {
		return err
	}
	if st.Uid != c.uid {
		return errors.New("it is somebody else's")
	}
	return nil
}

func sameObject(a, b int) bool {
	x, err := identityOf(a)
	y, err2 := identityOf(b)
	return err == nil && err2 == nil && x.object() == y.object()
}

func self() uint32 { return uint32(os.Geteuid()) }
