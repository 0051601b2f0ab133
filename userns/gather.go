package userns

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Gather fills the directory At, which must be writable, with names of the directory
// Source. Each part is bound by itself, so a name of Source that is no part cannot be
// reached through At, whatever the host renames or makes in Source later: a mount that
// hides a name is detached with the name, one that shows it hides no other.
type Gather struct {
	Source, At string
	// Parts come in order: a directory before what is in it.
	Parts []Part
	// Alone binds each part without the mounts below it, as Take does.
	Alone bool
}

// A Part is one name that Gather makes. With Bound it shows what Source has there.
// Otherwise it is made: a directory, a symbolic link, or an empty file.
type Part struct {
	Path  string // below Source, and below At
	Bound bool   `json:",omitempty"`
	Dir   bool   `json:",omitempty"`
	Link  string `json:",omitempty"` // where the symbolic link leads
}

func (s Gather) String() string { return fmt.Sprintf("gather %d names of %s", len(s.Parts), s.Source) }

func (s Gather) lower(a *assembler) {
	from, at := FD("gathered from"), FD("gathered at")
	how := a.longs(unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0, unix.RESOLVE_NO_SYMLINKS)
	a.keep(a.syscall(unix.SYS_OPENAT2, cwd(), a.str(s.Source), how, num(24)), from)
	a.keep(a.syscall(unix.SYS_OPENAT2, cwd(), a.str(s.At), how, num(24)), at)
	// A name may have become a link since it was listed, of another sandbox's making.
	beneath := a.longs(unix.O_PATH|unix.O_CLOEXEC, 0, unix.RESOLVE_NO_SYMLINKS|unix.RESOLVE_BENEATH)
	for _, p := range s.Parts {
		path := a.str(p.Path)
		switch {
		case p.Bound:
			s.bind(a, p, path, beneath)
		case p.Link != "":
			a.syscall(unix.SYS_SYMLINKAT, a.str(p.Link), a.fd(at), path)
		default:
			p.make(a, at, path)
		}
	}
	a.syscall(unix.SYS_CLOSE, a.fd(from))
	a.syscall(unix.SYS_CLOSE, a.fd(at))
}

// bind shows one name. A name that is gone since it was listed stays away.
func (s Gather) bind(a *assembler, p Part, path, beneath operand) {
	const opened, tree, at = FD("gathered name"), FD("gathered tree"), FD("gathered at")
	flags := unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC | unix.AT_EMPTY_PATH
	if !s.Alone {
		flags |= unix.AT_RECURSIVE
	}
	open := a.syscall(unix.SYS_OPENAT2, a.fd("gathered from"), path, beneath, num(24))
	open.Absent = 5 // the calls below
	a.keep(open, opened)
	p.make(a, at, path)
	a.keep(a.syscall(unix.SYS_OPEN_TREE, a.fd(opened), a.str(""), num(flags)), tree)
	a.syscall(unix.SYS_CLOSE, a.fd(opened))
	// The kernel moves no mount whose root was removed, as a covered file's is; its name is
	// then an empty file.
	a.syscall(unix.SYS_MOVE_MOUNT, a.fd(tree), a.str(""), a.fd(at), path, num(unix.MOVE_MOUNT_F_EMPTY_PATH)).Also[0] = uint16(unix.ENOENT)
	a.syscall(unix.SYS_CLOSE, a.fd(tree))
}

// make makes the directory or the file that a part is, or is mounted on.
func (p Part) make(a *assembler, at FD, path operand) {
	if p.Dir {
		a.syscall(unix.SYS_MKDIRAT, a.fd(at), path, num(0o755))
		return
	}
	a.syscall(unix.SYS_MKNODAT, a.fd(at), path, num(unix.S_IFREG|0o444), num(0))
}
