package userns

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/userns/child"
)

// Attr are attributes of a mount.
type Attr uint32

// The attributes a step can set. None can be cleared: those of the host's
// mounts are locked in a new user namespace (mount_namespaces(7)).
const (
	ReadOnly Attr = 1 << iota
	NoSuid
	NoDev
	NoExec
)

var attrs = []struct {
	attr  Attr
	name  string
	setat uint64
	flag  uintptr
}{
	{ReadOnly, "ro", unix.MOUNT_ATTR_RDONLY, unix.MS_RDONLY},
	{NoSuid, "nosuid", unix.MOUNT_ATTR_NOSUID, unix.MS_NOSUID},
	{NoDev, "nodev", unix.MOUNT_ATTR_NODEV, unix.MS_NODEV},
	{NoExec, "noexec", unix.MOUNT_ATTR_NOEXEC, unix.MS_NOEXEC},
}

// String gives the attributes as mount(8) names them: "ro,nosuid".
func (t Attr) String() string {
	var names []string
	if t&ReadOnly == 0 {
		names = append(names, "rw")
	}
	for _, k := range attrs {
		if t&k.attr != 0 {
			names = append(names, k.name)
		}
	}
	return strings.Join(names, ",")
}

func (t Attr) setattr() (set uint64) {
	for _, k := range attrs {
		if t&k.attr != 0 {
			set |= k.setat
		}
	}
	return set
}

func (t Attr) flags() (flags uintptr) {
	for _, k := range attrs {
		if t&k.attr != 0 {
			flags |= k.flag
		}
	}
	return flags
}

// Seal makes every mount of the namespace private and gives them all the
// attributes, in one call however many there are (mount_setattr(2)). Private
// comes first in any plan: a shared mount carries what the child mounts on it
// back to the host.
type Seal struct{ Attr Attr }

func (s Seal) String() string {
	if s.Attr == 0 {
		return "make every mount private"
	}
	return fmt.Sprintf("make every mount private,%s", s.Attr)
}

func (s Seal) lower(a *assembler) {
	a.syscall(unix.SYS_MOUNT_SETATTR, cwd(), a.str("/"), num(unix.AT_RECURSIVE),
		a.longs(s.Attr.setattr(), 0, unix.MS_PRIVATE, 0), num(mountAttrSize))
}

// mountAttrSize is sizeof(struct mount_attr), MOUNT_ATTR_SIZE_VER0.
const mountAttrSize = 32

// Take opens what is mounted at Source, with all below it, as a detached mount
// of its own. It is the first half of a bind: the source is resolved once, here,
// before anything covers it, and from then on it is a descriptor. Swapping a
// path for a symbolic link later changes nothing (CVE-2024-42472).
type Take struct {
	Source string
	Attr   Attr
	// Alone takes the one mount without those below it. The kernel refuses it
	// for a directory with mounts below; it is for devices and files.
	Alone bool
	// Plain leaves the attributes that the source has: one call instead of two.
	Plain bool
	// Exact refuses a symbolic link anywhere in Source: a tree that another
	// sandbox is writing to can have one from one moment to the next.
	Exact bool
	// Unseal takes off the ReadOnly that a Seal gave. What the host has read-only
	// stays so: that is locked (mount_namespaces(7)), and where there is such a
	// mount below Source, so do all those below it.
	Unseal bool
	As     FD
}

func (s Take) String() string {
	if s.Plain {
		return "take " + s.Source
	}
	return fmt.Sprintf("take %s %s", s.Source, s.Attr)
}

func (s Take) lower(a *assembler) {
	recursive := unix.AT_RECURSIVE
	if s.Alone {
		recursive = 0
	}
	flags := unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC | recursive
	if s.Exact {
		at := a.exact(s.Source)
		a.keep(a.syscall(unix.SYS_OPEN_TREE, a.fd(at), a.str(""), num(flags|unix.AT_EMPTY_PATH)), s.As)
		a.syscall(unix.SYS_CLOSE, a.fd(at))
	} else {
		a.keep(a.syscall(unix.SYS_OPEN_TREE, cwd(), a.str(s.Source), num(flags)), s.As)
	}
	if s.Unseal {
		for i, flags := range []int{recursive, 0} {
			c := a.setattr(s.As, s.Attr, ReadOnly, flags)
			c.Also[0], c.Skip = uint16(unix.EPERM), uint8(1-i)
		}
	}
	if !s.Plain {
		a.setattr(s.As, s.Attr, 0, recursive)
	}
}

// setattr also makes the mount private: a clone of a shared mount is its peer.
func (a *assembler) setattr(fd FD, set, clear Attr, recursive int) *child.Call {
	return a.syscall(unix.SYS_MOUNT_SETATTR, a.fd(fd), a.str(""), num(unix.AT_EMPTY_PATH|recursive),
		a.longs(set.setattr(), clear.setattr(), unix.MS_PRIVATE, 0), num(mountAttrSize))
}

// Option is one option of a file system. An option without a value is a flag.
type Option struct{ Key, Value string }

func (o Option) String() string {
	switch {
	case o.Value == "":
		return o.Key
	case o.Key == "context": // which has a comma in it, so SELinux takes it quoted
		return o.Key + `="` + o.Value + `"`
	}
	return o.Key + "=" + o.Value
}

func optionString(options []Option) string {
	list := make([]string, len(options))
	for i, o := range options {
		list[i] = o.String()
	}
	return strings.Join(list, ",")
}

// Make makes a file system and opens it as a detached mount. proc and sysfs
// need it: the kernel makes them only while the old ones are in sight, that is
// before pivot_root. Options are given one by one, so that no comma or colon in
// a name can pass for another option.
type Make struct {
	Type    string
	Options []Option
	Attr    Attr
	As      FD
}

func (s Make) String() string {
	return words("make", s.Type, s.Attr.String(), optionString(s.Options))
}

func (s Make) lower(a *assembler) {
	fd := s.As + " context"
	a.keep(a.syscall(unix.SYS_FSOPEN, a.str(s.Type), num(unix.FSOPEN_CLOEXEC)), fd)
	for _, o := range s.Options {
		if o.Value == "" {
			a.syscall(unix.SYS_FSCONFIG, a.fd(fd), num(unix.FSCONFIG_SET_FLAG), a.str(o.Key), num(0), num(0))
			continue
		}
		a.syscall(unix.SYS_FSCONFIG, a.fd(fd), num(unix.FSCONFIG_SET_STRING), a.str(o.Key), a.str(o.Value), num(0))
	}
	a.syscall(unix.SYS_FSCONFIG, a.fd(fd), num(unix.FSCONFIG_CMD_CREATE), num(0), num(0), num(0))
	c := a.syscall(unix.SYS_FSMOUNT, a.fd(fd), num(unix.FSMOUNT_CLOEXEC), num(s.Attr.setattr()))
	a.keep(c, s.As)
	a.syscall(unix.SYS_CLOSE, a.fd(fd))
}

// Attach mounts at Target what Take or Make opened.
type Attach struct {
	From   FD
	What   string // what it is, for people: the source of the bind, the type
	Target string
	Attr   Attr // what it has, for people; the step that opened it set it
	// Exact refuses a symbolic link anywhere in Target: where the tree is
	// somebody else's, /proc must not lead to where he likes (CVE-2019-19921).
	Exact bool
}

func (s Attach) String() string {
	return fmt.Sprintf("bind %s -> %s %s", s.What, s.Target, s.Attr)
}

func (s Attach) lower(a *assembler) {
	if !s.Exact {
		a.syscall(unix.SYS_MOVE_MOUNT, a.fd(s.From), a.str(""), cwd(), a.str(s.Target), num(unix.MOVE_MOUNT_F_EMPTY_PATH|moveMountFollow))
		return
	}
	at := a.exact(s.Target)
	a.syscall(unix.SYS_MOVE_MOUNT, a.fd(s.From), a.str(""), a.fd(at), a.str(""), num(unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH))
	a.syscall(unix.SYS_CLOSE, a.fd(at))
}

// moveMountFollow has move_mount follow symbolic links in its target, as
// mount(2) does.
const moveMountFollow = unix.MOVE_MOUNT_T_SYMLINKS

// exact opens a path that has no symbolic link in it.
func (a *assembler) exact(path string) FD {
	at := FD("target " + path)
	how := a.longs(unix.O_PATH|unix.O_CLOEXEC, 0, unix.RESOLVE_NO_SYMLINKS)
	a.keep(a.syscall(unix.SYS_OPENAT2, cwd(), a.str(path), how, num(24)), at)
	return at
}

// Mount makes a file system and mounts it, where one call can do both.
type Mount struct {
	Type    string
	Target  string
	Options []Option
	Attr    Attr
	// Exact refuses a symbolic link anywhere in Target, as in Attach.
	Exact bool
}

func (s Mount) String() string {
	return words("mount", s.Type, "->", s.Target, s.Attr.String(), optionString(s.Options))
}

func (s Mount) lower(a *assembler) {
	data := num(0)
	if len(s.Options) > 0 {
		data = a.str(optionString(s.Options))
	}
	if !s.Exact {
		a.syscall(unix.SYS_MOUNT, a.str(s.Type), a.str(s.Target), a.str(s.Type), num(s.Attr.flags()), data)
		return
	}
	at := a.exact(s.Target)
	a.syscall(unix.SYS_FCHDIR, a.fd(at))
	a.syscall(unix.SYS_MOUNT, a.str(s.Type), a.str("."), a.str(s.Type), num(s.Attr.flags()), data)
	a.syscall(unix.SYS_CHDIR, a.str("/"))
	a.syscall(unix.SYS_CLOSE, a.fd(at))
}

// MountFuse mounts a file system that a program outside the sandbox will serve,
// over the connection that it opens. Until the program answers, whoever looks at
// the mount waits. The connection must be opened here: the kernel takes none
// that another user namespace opened. It has the descriptor Number, because the
// option that names it is text.
type MountFuse struct {
	Target string
	Name   string
	Number int
	As     FD
}

func (s MountFuse) String() string { return fmt.Sprintf("mount %s -> %s", s.Name, s.Target) }

func (s MountFuse) lower(a *assembler) {
	opened := FD("opened connection")
	a.keep(a.syscall(unix.SYS_OPENAT, cwd(), a.str("/dev/fuse"), num(unix.O_RDWR|unix.O_CLOEXEC), num(0)), opened)
	a.keep(a.syscall(unix.SYS_DUP3, a.fd(opened), num(s.Number), num(unix.O_CLOEXEC)), s.As)
	a.syscall(unix.SYS_CLOSE, a.fd(opened))
	data := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other", s.Number)
	a.syscall(unix.SYS_MOUNT, a.str(s.Name), a.str(s.Target), a.str("fuse."+s.Name), num(unix.MS_NOSUID|unix.MS_NODEV), a.str(data))
}

// SetAttr gives attributes to the mount at a path, and not to those below.
type SetAttr struct {
	Target string
	Attr   Attr
}

func (s SetAttr) String() string { return fmt.Sprintf("remount %s %s", s.Target, s.Attr) }

func (s SetAttr) lower(a *assembler) {
	a.syscall(unix.SYS_MOUNT_SETATTR, cwd(), a.str(s.Target), num(0), a.longs(s.Attr.setattr(), 0, 0, 0), num(mountAttrSize))
}

// Hide covers a path so that what it had cannot be reached: a file by the empty
// file File, a directory by the empty directory Dir. A path that is not there
// stays so. IsDir is what it was when the plan was made, and tried first: the
// kernel mounts no file on a directory and no directory on a file, and takes long
// to say ENOTDIR. Only that and ENOENT are no errors, and the last call fails where
// nothing was mounted, so that hiding never fails quietly.
type Hide struct {
	Path, File, Dir string
	IsDir           bool
	// Must fails where the path is not there.
	Must bool `json:",omitempty"`
}

func (s Hide) String() string { return "hide " + s.Path }

func (s Hide) lower(a *assembler) {
	const hidden = ReadOnly | NoSuid | NoDev | NoExec
	path := a.str(s.Path)
	empty := []string{s.File, s.Dir}
	if s.IsDir {
		empty = []string{s.Dir, s.File}
	}
	for i, e := range empty {
		c := a.syscall(unix.SYS_MOUNT, a.str(e), path, num(0), num(unix.MS_BIND), num(0))
		c.Also[0] = uint16(unix.ENOTDIR)
		c.Skip, c.Absent = uint8(1-i), uint8(2-i)
		if s.Must {
			c.Absent = 0
		}
	}
	set := a.syscall(unix.SYS_MOUNT_SETATTR, cwd(), path, num(0), a.longs(hidden.setattr(), 0, 0, 0), num(mountAttrSize))
	if !s.Must {
		set.Also = [3]uint16{uint16(unix.ENOENT), uint16(unix.ENOTDIR)}
	}
}

// PivotRoot makes the mount at Root the root and detaches the old one with all
// below it: the host's files are gone, where chroot would only hide them. The
// old root is stacked on the new one for a moment and taken off again, so that
// no directory is needed for it (pivot_root(2), "pivot_root(".", ".")").
type PivotRoot struct{ Root string }

func (s PivotRoot) String() string { return fmt.Sprintf("pivot root to %s, detach the old", s.Root) }

func (s PivotRoot) lower(a *assembler) {
	dot := a.str(".")
	a.syscall(unix.SYS_CHDIR, a.str(s.Root))
	a.syscall(unix.SYS_PIVOT_ROOT, dot, dot)
	a.syscall(unix.SYS_UMOUNT2, dot, num(unix.MNT_DETACH))
	a.syscall(unix.SYS_CHDIR, a.str("/"))
}
