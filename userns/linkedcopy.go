package userns

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// GiveCopy makes a file of the command's own, in a directory that is made for it. The text
// is the host's, and so is shown nowhere.
type GiveCopy struct {
	Dir, Name string
	Text      Secret
	Mode      uint32
}

func (s GiveCopy) String() string { return fmt.Sprintf("write a copy to %s/%s", s.Dir, s.Name) }

func (s GiveCopy) lower(a *assembler) {
	dir, path := a.str(s.Dir), a.str(s.Dir+"/"+s.Name)
	a.syscall(unix.SYS_MKDIRAT, cwd(), dir, num(0o755))
	a.syscall(unix.SYS_FCHMODAT, cwd(), dir, num(0o755)) // whatever the umask
	a.create(s.Dir+"/"+s.Name, string(s.Text), 0o600)
	a.syscall(unix.SYS_FCHMODAT, cwd(), path, num(s.Mode))
}

// TakeLink makes a symbolic link and opens it as a detached mount for Attach. Mounted on a
// file, it is followed by who opens the file, while nobody can rename or remove it. As with
// Blank, Remove comes after Attach, and the command can have taken the name: the step fails.
type TakeLink struct {
	Path, To string
	As       FD
}

func (s TakeLink) String() string { return fmt.Sprintf("take link %s -> %s", s.Path, s.To) }

func (s TakeLink) lower(a *assembler) {
	left := a.syscall(unix.SYS_UNLINKAT, cwd(), a.str(s.Path), num(0)) // by a plan that failed behind it
	left.Also[0] = uint16(unix.ENOENT)
	a.syscall(unix.SYS_SYMLINKAT, a.str(s.To), cwd(), a.str(s.Path))
	a.keep(a.syscall(unix.SYS_OPEN_TREE, cwd(), a.str(s.Path), num(unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_SYMLINK_NOFOLLOW)), s.As)
	a.setattr(s.As, ReadOnly|NoSuid|NoDev|NoExec, 0, 0)
}
