package userns

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// Mkdir makes a directory and those above it that are missing, as far down as
// Below, which is there. One that exists stays as it is.
type Mkdir struct {
	Path  string
	Mode  uint32
	Below string
}

func (s Mkdir) String() string { return fmt.Sprintf("mkdir %s mode=%04o", s.Path, s.Mode) }

func (s Mkdir) lower(a *assembler) {
	parents(a, s.Path, s.Below)
	a.mkdir(s.Path, s.Mode)
}

// parents makes the directories between below and the path that are missing.
func parents(a *assembler, path, below string) {
	for i := len(below) + 1; i < len(path); i++ {
		if path[i] == '/' && path[i-1] != '/' {
			a.mkdir(path[:i], 0o755)
		}
	}
}

// mkdir counts EEXIST as done: the kernel looks for the name before it looks
// whether the file system may be written, so it says EEXIST on a read-only one.
func (a *assembler) mkdir(path string, mode uint32) {
	c := a.syscall(unix.SYS_MKDIRAT, cwd(), a.str(path), num(mode))
	c.Also[0] = uint16(unix.EEXIST)
}

// Touch makes an empty file to mount another on, and the directories above it.
// One that exists stays as it is.
type Touch struct {
	Path  string
	Mode  uint32
	Below string
}

func (s Touch) String() string { return fmt.Sprintf("touch %s mode=%04o", s.Path, s.Mode) }

func (s Touch) lower(a *assembler) {
	parents(a, s.Path, s.Below)
	c := a.syscall(unix.SYS_MKNODAT, cwd(), a.str(s.Path), num(unix.S_IFREG|s.Mode), num(0))
	c.Also[0] = uint16(unix.EEXIST)
}

// SocketFile makes a socket that nobody listens on, to mount on a file. Unlike an empty file it
// has no content to take for the file's: open(2) fails with ENXIO, or EACCES, for everyone.
// One that exists stays as it is.
type SocketFile struct{ Path string }

func (s SocketFile) String() string { return "make socket " + s.Path }

func (s SocketFile) lower(a *assembler) {
	c := a.syscall(unix.SYS_MKNODAT, cwd(), a.str(s.Path), num(unix.S_IFSOCK), num(0))
	c.Also[0] = uint16(unix.EEXIST)
}

// DropBroken removes a symbolic link that leads to nothing. All else stays as it is.
type DropBroken struct{ Path string }

func (s DropBroken) String() string { return fmt.Sprintf("remove %s if it is a broken link", s.Path) }

func (s DropBroken) lower(a *assembler) {
	path := a.str(s.Path)
	look := a.syscall(unix.SYS_FACCESSAT, cwd(), path, num(unix.F_OK))
	look.Also, look.Skip = [3]uint16{uint16(unix.ENOENT), uint16(unix.ENOTDIR), uint16(unix.ELOOP)}, 1
	a.syscall(unix.SYS_UNLINKAT, cwd(), path, num(0)).Also[0] = uint16(unix.ENOENT)
}

// Symlink makes a symbolic link.
type Symlink struct{ Target, Path string }

func (s Symlink) String() string { return fmt.Sprintf("symlink %s -> %s", s.Path, s.Target) }

func (s Symlink) lower(a *assembler) {
	a.syscall(unix.SYS_SYMLINKAT, a.str(s.Target), cwd(), a.str(s.Path))
}

// Chmod gives a path a mode, whatever the umask.
type Chmod struct {
	Path string
	Mode uint32
}

func (s Chmod) String() string { return fmt.Sprintf("chmod %04o %s", s.Mode, s.Path) }

func (s Chmod) lower(a *assembler) {
	a.syscall(unix.SYS_FCHMODAT, cwd(), a.str(s.Path), num(s.Mode))
}

// WriteFile writes data to a file that exists: a switch below /proc.
type WriteFile struct {
	Path, Data string
}

func (s WriteFile) String() string {
	return fmt.Sprintf("write %q to %s", strings.TrimSuffix(s.Data, "\n"), s.Path)
}

func (s WriteFile) lower(a *assembler) { a.write(s.Path, s.Data) }

func (a *assembler) write(path, data string) {
	fd := FD("written")
	a.keep(a.syscall(unix.SYS_OPENAT, cwd(), a.str(path), num(unix.O_WRONLY|unix.O_CLOEXEC), num(0)), fd)
	a.syscall(unix.SYS_WRITE, a.fd(fd), a.str(data), num(len(data)))
	a.syscall(unix.SYS_CLOSE, a.fd(fd))
}

// Remove removes a file, or an empty directory. One that another is mounted on
// stays: it was bound to a place, and the place bound over by another name.
type Remove struct {
	Path string
	Dir  bool
}

func (s Remove) String() string { return "remove " + s.Path }

func (s Remove) lower(a *assembler) {
	flags := 0
	if s.Dir {
		flags = unix.AT_REMOVEDIR
	}
	c := a.syscall(unix.SYS_UNLINKAT, cwd(), a.str(s.Path), num(flags))
	c.Also[0] = uint16(unix.EBUSY)
}

// Chdir changes the working directory, of the process that runs the step and of
// those it forks later.
type Chdir struct {
	Path string
	// Plain refuses the links of /proc that lead to what a process has open:
	// /proc/self/fd/7 as the working directory was a way out of every container
	// (CVE-2024-21626).
	Plain bool
}

func (s Chdir) String() string { return "chdir " + s.Path }

func (s Chdir) lower(a *assembler) {
	if !s.Plain {
		a.syscall(unix.SYS_CHDIR, a.str(s.Path))
		return
	}
	at := FD("working directory")
	how := a.longs(unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0, unix.RESOLVE_NO_MAGICLINKS)
	a.keep(a.syscall(unix.SYS_OPENAT2, cwd(), a.str(s.Path), how, num(24)), at)
	a.syscall(unix.SYS_FCHDIR, a.fd(at))
	a.syscall(unix.SYS_CLOSE, a.fd(at))
}

// Umask sets the file mode creation mask.
type Umask struct{ Mask uint32 }

func (s Umask) String() string { return fmt.Sprintf("umask %04o", s.Mask) }

func (s Umask) lower(a *assembler) { a.syscall(unix.SYS_UMASK, num(s.Mask)) }
