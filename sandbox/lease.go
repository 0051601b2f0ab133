package sandbox

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// A lease is a read lease on a file (fcntl(2), F_SETLEASE). The kernel gives one only while
// no descriptor and no shared writable mapping of the file exists anywhere, in flight in a
// socket or not, and until it is released an open for writing waits.
type lease struct {
	fd   int
	file object
}

// errWriter tells that a process has a file open for writing.
var errWriter = errors.New("open for writing")

// takeLease gives errWriter for a file that is open for writing, and any other error where
// that cannot be known: the file system has no leases, or the file is another user's. The
// command may hold a write lease itself, for which an open without O_NONBLOCK waits for 45
// seconds (/proc/sys/fs/lease-break-time).
func takeLease(path string) (lease, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err == unix.EAGAIN {
		return lease{}, errWriter
	}
	if err != nil {
		return lease{}, os.NewSyscallError("open", err)
	}
	if _, err = unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_RDLCK); err != nil {
		unix.Close(fd)
		if err == unix.EAGAIN {
			return lease{}, errWriter
		}
		return lease{}, os.NewSyscallError("F_SETLEASE", err)
	}
	return lease{fd, objectOf(fd)}, nil
}

// at tells whether the file is still at a path.
func (l lease) at(path string) bool {
	var st unix.Stat_t
	return unix.Lstat(path, &st) == nil && object{uint64(st.Dev), st.Ino} == l.file
}

// release lets the file be opened for writing. A child that is just being made has the
// descriptor too, so that closing it does not end the lease.
func (l lease) release() {
	_, _ = unix.FcntlInt(uintptr(l.fd), unix.F_SETLEASE, unix.F_UNLCK) // it is ours
	unix.Close(l.fd)
}
