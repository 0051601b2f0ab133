package userns

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Freeze makes what is at a path read-only, by a mount of itself over itself. A
// path that is not there stays so.
type Freeze struct{ Path string }

func (s Freeze) String() string { return "make read-only " + s.Path }

func (s Freeze) lower(a *assembler) {
	const frozen = ReadOnly | NoSuid | NoDev | NoExec
	path := a.str(s.Path)
	bind := a.syscall(unix.SYS_MOUNT, path, path, num(0), num(unix.MS_BIND|unix.MS_REC), num(0))
	bind.Absent = 1
	a.syscall(unix.SYS_MOUNT_SETATTR, cwd(), path, num(unix.AT_RECURSIVE), a.longs(frozen.setattr(), 0, 0, 0), num(mountAttrSize))
}

// Cover mounts a file with made text over one of the host's, if there is one.
// Scratch is where the file is made, in a directory of the sandbox's own; its name
// is removed again.
type Cover struct{ Path, Text, Scratch string }

func (s Cover) String() string { return fmt.Sprintf("cover %s by %q", s.Path, s.Text) }

func (s Cover) lower(a *assembler) {
	const covered = ReadOnly | NoSuid | NoDev | NoExec
	path, scratch := a.str(s.Path), a.str(s.Scratch)
	a.create(s.Scratch, s.Text, 0o444)
	bind := a.syscall(unix.SYS_MOUNT, scratch, path, num(0), num(unix.MS_BIND), num(0))
	// Within another sandbox the file is covered by one without a name already, and
	// on such a one nothing can be mounted.
	bind.Absent = 1
	a.syscall(unix.SYS_MOUNT_SETATTR, cwd(), path, num(0), a.longs(covered.setattr(), 0, 0, 0), num(mountAttrSize))
	a.syscall(unix.SYS_UNLINKAT, cwd(), scratch, num(0))
}

// create makes a file that was not there.
func (a *assembler) create(path, text string, mode uint32) {
	fd := FD("created")
	a.keep(a.syscall(unix.SYS_OPENAT, cwd(), a.str(path), num(unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC), num(mode)), fd)
	if text != "" {
		a.syscall(unix.SYS_WRITE, a.fd(fd), a.text(text), num(len(text)))
	}
	a.syscall(unix.SYS_CLOSE, a.fd(fd))
}

// text is a pointer to bytes that are no name, and so may have a NUL.
func (a *assembler) text(s string) operand {
	b := a.bytes(len(s))
	copy(b, s)
	return a.at(b)
}

// Secret is text that is shown nowhere: not in a plan's words, nor in its JSON.
type Secret string

func (Secret) String() string { return "(secret)" }

// GoString hides the text from %#v, which ignores String.
func (s Secret) GoString() string { return s.String() }

// MarshalText hides the text from JSON.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// GiveSecret makes a file with a secret in it, in memory: the directory is in a
// file system of the sandbox's own.
type GiveSecret struct {
	Path  string
	Text  Secret
	Below string
}

func (s GiveSecret) String() string { return fmt.Sprintf("write %s to %s", s.Text, s.Path) }

func (s GiveSecret) lower(a *assembler) {
	parents(a, s.Path, s.Below)
	a.create(s.Path, string(s.Text), 0o400)
}

// MakeFile makes a file in memory that every user may read. What describes the text, which
// may be long.
type MakeFile struct{ Path, Text, What, Below string }

func (s MakeFile) String() string { return fmt.Sprintf("write %s: %s", s.Path, s.What) }

func (s MakeFile) lower(a *assembler) {
	parents(a, s.Path, s.Below)
	a.create(s.Path, s.Text, 0o644)
	a.syscall(unix.SYS_FCHMODAT, cwd(), a.str(s.Path), num(0o644)) // whatever the umask
}

// Confine has the next execve give the process a label of a security module: it
// writes to an attribute file below /proc (selinux(8), apparmor(7)).
type Confine struct {
	Module string // SELinux or AppArmor, for people
	Label  string
	File   string // below /proc/thread-self/attr
	Text   string
}

func (s Confine) String() string { return fmt.Sprintf("%s label %s at exec", s.Module, s.Label) }

func (s Confine) lower(a *assembler) { a.write("/proc/thread-self/attr/"+s.File, s.Text) }
