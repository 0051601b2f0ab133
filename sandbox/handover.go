package sandbox

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// theirs tells whether the command gets a file of the caller's as it is. A descriptor
// reaches more than the bytes that pass there: of a file its mode, owner, times,
// attributes, offset and all of its content, of a device its ioctls, of most sockets
// another peer in the caller's network. What has nothing of that is handed over.
func (s *streams) theirs(stream string, f *os.File) (bool, error) {
	if f == nil {
		return true, nil
	}
	fd := int(f.Fd())
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return true, nil // it is closed, which the child will say
	}
	kind := st.Mode & unix.S_IFMT
	switch {
	case kind == unix.S_IFDIR:
		// openat on it would leave the sandbox (CVE-2024-21626 was such a descriptor).
		return false, &hintError{errors.New(stream + " is a directory of the host"), "give a file, a pipe or /dev/null"}
	case s.direct:
		return true, nil
	case s.entering && stream != stdin && (kind == unix.S_IFIFO || streaming(fd)):
		return false, nil
	case kind == unix.S_IFIFO:
		return nameless(fd), nil
	case kind == unix.S_IFSOCK:
		return paired(fd) && !s.closes(f), nil
	case kind == unix.S_IFCHR:
		return public(st) || isTerminal(fd), nil
	}
	return false, nil
}

// nameless tells a pipe from a FIFO, which has a place, an owner and a mode that last.
func nameless(fd int) bool {
	var st unix.Statfs_t
	return unix.Fstatfs(fd, &st) == nil && st.Type == unix.PIPEFS_MAGIC
}

// paired tells whether a socket is a connected one of the kind that cannot be connected
// again, to another peer. Parents give such pairs to their children in place of pipes.
func paired(fd int) bool {
	peer, err := unix.Getpeername(fd)
	if err != nil {
		return false
	}
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	_, local := peer.(*unix.SockaddrUnix)
	return err == nil && local && (kind == unix.SOCK_STREAM || kind == unix.SOCK_SEQPACKET)
}

// closes tells whether the command could close the caller's own standard error by a file:
// shutdown(2) acts on the socket, for all processes that have it open. The caller could then
// report nothing of what the command left. Packets cannot be carried by a pipe as they are.
func (s *streams) closes(f *os.File) bool {
	if s.errors == nil || f != s.errors && !sameFile(f, s.errors) {
		return false
	}
	_, err := unix.GetsockoptInt(int(f.Fd()), unix.SOL_SOCKET, unix.SO_TYPE)
	return err != nil || streaming(int(f.Fd()))
}

// streaming tells a socket of bytes from one of packets, and from what is no socket.
func streaming(fd int) bool {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	return err == nil && kind == unix.SOCK_STREAM
}

// public tells whether a device is one of memory that every sandbox has: null, zero, full,
// random and urandom (devices.txt of the kernel). The caller's own could be given another
// mode.
func public(st unix.Stat_t) bool {
	if unix.Major(st.Rdev) != 1 || st.Uid == uint32(unix.Geteuid()) {
		return false
	}
	switch unix.Minor(st.Rdev) {
	case 3, 5, 7, 8, 9:
		return true
	}
	return false
}

// isTerminal leaves a terminal to the caller, who has RawTerminal and Terminal for it.
func isTerminal(fd int) bool {
	_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	return err == nil
}

// sameFile tells whether two descriptors are of one file, opened alike and at one place: so
// are those of a shell's 2>&1. They get one pipe, which keeps the order of what is
// written. Whether they are one open file, only kcmp(2) could say, which not every kernel
// has.
func sameFile(a, b *os.File) bool {
	return openedAs(int(a.Fd())) == openedAs(int(b.Fd()))
}

type opened struct {
	dev, ino, rdev uint64
	flags          int
	at             int64
}

func openedAs(fd int) (l opened) {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return opened{at: int64(fd)}
	}
	l.dev, l.ino, l.rdev = uint64(st.Dev), st.Ino, uint64(st.Rdev)
	l.flags, _ = unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	l.at, _ = unix.Seek(fd, 0, unix.SEEK_CUR)
	return l
}
