package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// standardStream attacks the file behind a standard stream. The verdict goes to standard
// error, since the others may be the file.
func standardStream(args []string) {
	fd, err := strconv.Atoi(args[1])
	must(err)
	if fd != 2 {
		os.Stdout = os.Stderr
	}
	switch args[0] {
	case "owner":
		err = unix.Fchown(fd, 1, 1)
	case "mode":
		err = unix.Fchmod(fd, 0o666)
	case "setuid":
		err = unix.Fchmod(fd, 0o6777)
	case "times":
		old := unix.NsecToTimespec(time.Unix(1e9, 0).UnixNano())
		err = unix.UtimesNanoAt(fd, "", []unix.Timespec{old, old}, unix.AT_EMPTY_PATH)
		if err == unix.EINVAL || err == unix.ENOENT {
			err = unix.Futimes(fd, []unix.Timeval{{Sec: 1e9}, {Sec: 1e9}})
		}
	case "attribute":
		err = unix.Fsetxattr(fd, "user.owned", []byte("x"), 0)
	case "flags":
		err = unix.IoctlSetPointerInt(fd, unix.FS_IOC_SETFLAGS, 0x40) // FS_NODUMP_FL
	case "truncate":
		err = unix.Ftruncate(fd, 0)
	case "rewrite":
		if _, err = unix.FcntlInt(uintptr(fd), unix.F_SETFL, 0); err == nil {
			_, err = unix.Pwrite(fd, []byte("OWNED"), 0)
		}
	case "punch":
		err = unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, 8)
	case "map":
		var b []byte
		if b, err = unix.Mmap(fd, 0, 5, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err == nil {
			copy(b, "OWNED")
		}
	case "reopen":
		var again int
		if again, err = unix.Open(fmt.Sprintf("/proc/self/fd/%d", fd), unix.O_RDWR|unix.O_NONBLOCK, 0); err == nil {
			_, err = unix.Pwrite(again, []byte("OWNED"), 0)
		}
	case "seek":
		_, err = unix.Seek(fd, 0, unix.SEEK_END)
	case "earlier":
		earlier(fd)
	case "lock":
		if err = unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err == unix.EWOULDBLOCK {
			broke("the file's lock is seen")
		}
		held("another lock: %v", err)
	case "lease":
		if _, err = unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_RDLCK); err == nil {
			broke("a lease on the file")
		}
		held("%v", err)
	case "connect":
		connectAgain(fd, args[2])
	default:
		wrong("no such attack: %s", args[0])
	}
	tried("%s: %v", args[0], err)
}

// earlier reads what stands before the place where the stream begins.
func earlier(fd int) {
	b := make([]byte, 100)
	n, err := unix.Pread(fd, b, 0)
	if bytes.Contains(b[:max(n, 0)], []byte("earlier")) {
		broke("read %q", b[:n])
	}
	to, cause := unix.MemfdCreate("copy", 0)
	must(cause)
	var at int64
	_, copyErr := unix.CopyFileRange(fd, &at, to, nil, 100, 0)
	if n, _ := unix.Pread(to, b, 0); bytes.Contains(b[:max(n, 0)], []byte("earlier")) {
		broke("copied %q", b[:n])
	}
	held("%v", errors.Join(err, copyErr))
}

// connectAgain speaks to another server of the caller's network.
func connectAgain(fd int, port string) {
	n, err := strconv.Atoi(port)
	must(err)
	if err = unix.Connect(fd, &unix.SockaddrInet4{Port: n, Addr: [4]byte{127, 0, 0, 1}}); err == nil {
		_, err = unix.Write(fd, []byte("OWNED"))
	}
	if err == nil {
		broke("sent to port %d", n)
	}
	held("%v", err)
}
