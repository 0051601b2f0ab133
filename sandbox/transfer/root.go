package transfer

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A Root is from where a path is looked up, and how far it may lead.
type Root struct {
	dir     int
	resolve uint64
	outside string // what EXDEV says
}

// Inside looks up in a sandbox, whose root this is: every link leads within it, and none
// of those of /proc to what a process has open.
func Inside(root *os.File) Root {
	return Root{dir: int(root.Fd()), resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
}

// Host looks up as every program does.
func Host() Root { return Root{dir: unix.AT_FDCWD} }

// Within looks up below a directory that the sandbox may write: a link there that leads
// out of it could be the sandbox's.
func Within(dir *os.File) Root {
	return Root{int(dir.Fd()), unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS, "it leads out of " + dir.Name() + ", by a link that the sandbox could have made"}
}

// open opens a path, as O_PATH does: nothing happens to what is there.
func (r Root) open(name string, flags int) (int, error) {
	how := unix.OpenHow{Flags: uint64(flags | unix.O_PATH | unix.O_CLOEXEC), Resolve: r.resolve}
	for try := 0; ; try++ {
		fd, err := unix.Openat2(r.dir, name, &how)
		// EAGAIN: something was renamed on the way, so that it is not sure where ".." led.
		if err == unix.EINTR || err == unix.EAGAIN && try < maxRetries {
			continue
		}
		if err == unix.EXDEV && r.outside != "" {
			return -1, fmt.Errorf("%s: %s", strconv.Quote(name), r.outside)
		}
		if err != nil {
			return -1, &os.PathError{Op: "open", Path: strconv.Quote(name), Err: err}
		}
		return fd, nil
	}
}

const maxRetries = 1000

// base is the last name of a path. Without one, as of "/", "a/." and "..", what is in the
// directory is meant.
func base(name string) (last string, contents bool) {
	last = path.Base(name)
	if strings.HasSuffix(name, "/.") || last == "/" || last == "." || last == ".." {
		return "", true
	}
	return last, false
}

// reopen opens what an O_PATH descriptor stands for, by the host's /proc, which nobody in
// the sandbox has a hand in. It does not wait for who has a lease (fcntl(2)).
func reopen(fd, flags int) (*os.File, error) {
	got, err := unix.Open("/proc/self/fd/"+strconv.Itoa(fd), flags|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(got), "opened"), nil
}

// checkPath refuses what leads anywhere but down.
func checkPath(p []byte) error {
	for name := range bytes.SplitSeq(p, []byte("/")) {
		if s := string(name); s == "" || s == "." || s == ".." || strings.IndexByte(s, 0) >= 0 {
			return fmt.Errorf("a path %q", p)
		}
	}
	return nil
}
