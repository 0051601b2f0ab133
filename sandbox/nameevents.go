package sandbox

import (
	"encoding/binary"
	"os"
	"path"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// inotify is a queue of reports on names in directories of the host (inotify(7)).
type inotify struct {
	fd   int
	mask uint32
	dirs map[int32]string
	buf  []byte
}

func (n *inotify) open(mask uint32) (err error) {
	n.mask, n.dirs, n.buf = mask, map[int32]string{}, make([]byte, 64<<10)
	n.fd, err = unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	return os.NewSyscallError("inotify_init1", err)
}

// watch has the names of a directory reported, which is at that path now. One that is not
// there has none.
func (n *inotify) watch(dir, at string) error {
	wd, err := unix.InotifyAddWatch(n.fd, at, n.mask)
	switch err {
	case nil:
		n.dirs[int32(wd)] = dir
	case unix.ENOENT, unix.ENOTDIR, unix.ELOOP:
	default:
		return os.NewSyscallError("inotify_add_watch", err)
	}
	return nil
}

// A nameEvent is one report.
type nameEvent struct {
	dir, name string
	watch     int32
	mask      uint32
	cookie    uint32 // the same for both names of a rename
}

func (e nameEvent) path() string { return path.Join(e.dir, e.name) }

// arrived tells that the name stands for another file than before.
func (e nameEvent) arrived() bool { return e.mask&(unix.IN_CREATE|unix.IN_MOVED_TO) != 0 }

// written tells that a file was written to and closed: what it is may depend on what is in it.
func (e nameEvent) written() bool { return e.mask&unix.IN_CLOSE_WRITE != 0 }

// all tells that reports were lost, or a directory was moved: anything may have changed.
func (e nameEvent) all() bool {
	return e.mask&(unix.IN_Q_OVERFLOW|unix.IN_MOVE_SELF|unix.IN_DELETE_SELF|unix.IN_UNMOUNT) != 0
}

// each takes the reports that have come until now.
func (n *inotify) each(use func(nameEvent)) {
	for {
		got, err := unix.Read(n.fd, n.buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil || got < unix.SizeofInotifyEvent {
			return
		}
		for b := n.buf[:got]; len(b) >= unix.SizeofInotifyEvent; {
			wd, mask, cookie := int32(binary.NativeEndian.Uint32(b)), binary.NativeEndian.Uint32(b[4:]), binary.NativeEndian.Uint32(b[8:])
			size := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(b[12:]))
			name := unix.ByteSliceToString(b[unix.SizeofInotifyEvent:size])
			b = b[size:]
			use(nameEvent{n.dirs[wd], name, wd, mask, cookie})
			if mask&unix.IN_IGNORED != 0 {
				delete(n.dirs, wd)
			}
		}
	}
}

// closeLater closes queues of reports, and does not wait until the kernel is done with
// them: ten milliseconds (fsnotify_destroy_group of fs/notify/group.c). What is on its way
// in a socket that nobody can receive from, since it is on its way in itself, is closed by
// the kernel's collector (net/unix/garbage.c), from Linux 6.9 on by a worker of its own.
func closeLater(fds ...int) {
	if pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err == nil {
		_ = unix.Sendmsg(pair[1], []byte{0}, unix.UnixRights(append(slices.Clone(fds), pair[0])...), nil, 0) // or they are closed here
		unix.Close(pair[0])
		unix.Close(pair[1])
	}
	for _, fd := range fds {
		unix.Close(fd)
	}
}

// nameEvents waits for changes of names.
type nameEvents struct {
	inotify
	bell [2]int // a pipe that ends next
}

const nameMask = unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_MOVED_FROM | unix.IN_DELETE | unix.IN_CLOSE_WRITE | unix.IN_MOVE_SELF |
	unix.IN_DELETE_SELF | unix.IN_ONLYDIR | unix.IN_EXCL_UNLINK

func newNameEvents() (*nameEvents, error) {
	e := &nameEvents{}
	if err := e.open(nameMask); err != nil {
		return nil, err
	}
	if err := unix.Pipe2(e.bell[:], unix.O_CLOEXEC); err != nil {
		unix.Close(e.fd)
		return nil, os.NewSyscallError("pipe2", err)
	}
	return e, nil
}

// watchFile has writes to a file reported as changes of its name. Without it they are
// found when the command has ended.
func (e *nameEvents) watchFile(path, at string) { e.watchFor(path, at, unix.IN_MODIFY) }

// watchFor has other uses of a file reported so, by whatever name, and tells whether they are.
func (e *nameEvents) watchFor(path, at string, mask uint32) bool {
	wd, err := unix.InotifyAddWatch(e.fd, at, mask|unix.IN_DONT_FOLLOW)
	if err != nil {
		return false
	}
	e.dirs[int32(wd)] = path
	return true
}

// next waits for changes, and for so long at most. It ends when stop is closed and wake
// was called.
func (e *nameEvents) next(stop <-chan struct{}, most time.Duration) (changed []nameEvent, ok bool) {
	select {
	case <-stop:
		return nil, false
	default:
	}
	set := []unix.PollFd{{Fd: int32(e.fd), Events: unix.POLLIN}, {Fd: int32(e.bell[0]), Events: unix.POLLIN}}
	if _, err := unix.Poll(set, int(most.Milliseconds())); err != nil && err != unix.EINTR {
		return nil, false
	}
	return e.read(), true
}

// read takes what was reported until now.
func (e *nameEvents) read() (changed []nameEvent) {
	e.each(func(event nameEvent) {
		if event.mask&unix.IN_IGNORED == 0 {
			changed = append(changed, event)
		}
	})
	return changed
}

// wake makes next return.
func (e *nameEvents) wake() { _, _ = unix.Write(e.bell[1], []byte{0}) }

// close closes the pipe, and not the queue.
func (e *nameEvents) close() {
	for _, fd := range e.bell {
		unix.Close(fd)
	}
}
