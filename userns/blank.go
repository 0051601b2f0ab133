package userns

import "golang.org/x/sys/unix"

// A Blank makes an empty file, or a socket that nobody listens on, and opens it as a
// detached mount for Attach. The kernel mounts no file that has lost its name, so Remove
// comes after that. Path is in a directory of the sandbox's own. Where the command may write
// there too, it can have taken the name: the step fails then. A socket that it replaces at
// once hides as well, by a file of the command's.
type Blank struct {
	Path   string
	Socket bool `json:",omitempty"`
	As     FD
}

func (s Blank) String() string {
	if s.Socket {
		return "make socket " + s.Path
	}
	return "make empty file " + s.Path
}

func (s Blank) lower(a *assembler) {
	left := a.syscall(unix.SYS_UNLINKAT, cwd(), a.str(s.Path), num(0)) // by a plan that failed behind it
	left.Also[0] = uint16(unix.ENOENT)
	flags := unix.O_RDONLY | unix.O_CREAT | unix.O_EXCL
	if s.Socket {
		a.syscall(unix.SYS_MKNODAT, cwd(), a.str(s.Path), num(unix.S_IFSOCK), num(0))
		flags = unix.O_PATH
	}
	fd := s.As + " file"
	a.keep(a.syscall(unix.SYS_OPENAT, cwd(), a.str(s.Path), num(flags|unix.O_NOFOLLOW|unix.O_CLOEXEC), num(0o444)), fd)
	a.keep(a.syscall(unix.SYS_OPEN_TREE, a.fd(fd), a.str(""), num(unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH)), s.As)
	a.setattr(s.As, ReadOnly|NoSuid|NoDev|NoExec, 0, 0)
	a.syscall(unix.SYS_CLOSE, a.fd(fd))
}
