package unpack

import (
	"golang.org/x/sys/unix"
)

// beneath keeps a lookup where it starts: through no link, to no other mount.
const beneath = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV

// openAt opens a name in a directory.
func openAt(dir int, name string, flags, mode uint64) (int, error) {
	how := unix.OpenHow{Flags: flags | unix.O_CLOEXEC | unix.O_NOFOLLOW, Mode: mode, Resolve: beneath}
	for {
		fd, err := unix.Openat2(dir, name, &how)
		if err != unix.EINTR && err != unix.EAGAIN {
			return fd, err
		}
	}
}

// openDir opens a directory for its attributes and its names. The errors of what
// is none are those of notDir.
func openDir(dir int, name string) (int, error) {
	return openAt(dir, name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
}

// notDir tells whether there was something, and no directory.
func notDir(err error) bool { return err == unix.ENOTDIR || err == unix.ELOOP }

// statAt looks at a name itself, never at where a link leads.
func statAt(dir int, name string) (st unix.Stat_t, err error) {
	err = unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT)
	return st, err
}

// kind is the type in a mode.
func kind(st unix.Stat_t) uint32 { return st.Mode & unix.S_IFMT }

// isWhiteout tells overlayfs's mark that a name is gone.
func isWhiteout(st unix.Stat_t) bool { return kind(st) == unix.S_IFCHR && st.Rdev == 0 }

// readLink reads a link. EINVAL says that it is none.
func readLink(dir int, name string) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(dir, name, buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}
