package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A grip is what stays of a file once it was opened: it writes later.
type grip struct {
	still func() bool // the file still has a name
	write func(text string) error
}

var grips = map[string]func(file string) (grip, bool){
	"descriptor": gripDescriptor, "mapping": gripMapping, "protected": gripProtected, "socket": gripSocket, "child": gripChild,
	"path": gripPath, "reading": gripReading, "name": gripName, "swap": gripSwap, "swap-moved": gripSwapMoved, "append": gripAppend("zz"), "append-beside": gripAppend("."), "open": gripOpen,
}

// keepWriting is called with the kind of grip, the file to get one on, and the file that it is
// later, which the host replaces all the time. It makes "won" when it has
// one, and "wrote" when it wrote. The host stops while "won" is there, and makes "seen".
func keepWriting(args []string) {
	get, file, later, text := grips[args[0]], args[1], args[2], "[core]\n\tfsmonitor = OWNED\n"
	must(os.WriteFile("started", nil, 0o644))
	for end := time.Now().Add(25 * time.Second); time.Now().Before(end); {
		g, ok := get(file)
		if !ok {
			continue
		}
		must(os.WriteFile("won", nil, 0o644))
		time.Sleep(300 * time.Millisecond) // the mask is back, and all is judged
		if _, err := os.Lstat(later); err != nil || !g.still() {
			_ = os.Remove("won")
			continue
		}
		err := g.write(text)
		_ = os.WriteFile("wrote", nil, 0o644)
		for range 3000 { // the host looks what it is good for
			if _, gone := os.Lstat("seen"); gone == nil {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		tried("wrote by %s: %v", args[0], err)
	}
	held("there was no moment")
}

// open opens a file that still has a name, past the mask: behind that no open for writing
// succeeds, or there is a link to a copy.
func open(file string, flags int) (int, bool) {
	if !strings.HasPrefix(file, "/proc/") {
		flags |= unix.O_NOFOLLOW
	}
	fd, err := unix.Open(file, flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, false
	}
	if links(fd) == 0 || unix.Access(magic(fd), unix.W_OK) != nil {
		unix.Close(fd)
		return -1, false
	}
	return fd, true
}

func magic(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }

func links(fd int) uint64 {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return 0
	}
	return uint64(st.Nlink)
}

func named(fd int) func() bool { return func() bool { return links(fd) > 0 } }

func appendTo(fd int) func(string) error {
	return func(text string) error {
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			return err
		}
		_, err := unix.Pwrite(fd, []byte(text), st.Size)
		return err
	}
}

// gripOpen writes nothing, and closes nothing.
func gripOpen(file string) (grip, bool) {
	fd, ok := open(file, unix.O_RDWR)
	return grip{named(fd), func(string) error {
		time.Sleep(4 * time.Second)
		return nil
	}}, ok
}

func gripDescriptor(file string) (grip, bool) {
	fd, ok := open(file, unix.O_RDWR)
	return grip{named(fd), appendTo(fd)}, ok
}

// overwrite puts the text in place of all that is mapped.
func overwrite(page []byte, fd int) func(string) error {
	return func(text string) error {
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			return err
		}
		for i := range page[:min(int(st.Size), len(page))] {
			page[i] = '\n'
		}
		copy(page, text)
		return nil
	}
}

func mapped(file string, protection int) (page []byte, fd int, ok bool) {
	if fd, ok = open(file, unix.O_RDWR); !ok {
		return nil, -1, false
	}
	page, err := unix.Mmap(fd, 0, os.Getpagesize(), protection, unix.MAP_SHARED)
	if err != nil {
		unix.Close(fd)
		return nil, -1, false
	}
	// The descriptor that tells of the file cannot write.
	reader, err := unix.Open(magic(fd), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	unix.Close(fd)
	return page, reader, err == nil
}

// gripMapping writes to a page that was written to before, so that no time changes.
func gripMapping(file string) (grip, bool) {
	page, fd, ok := mapped(file, unix.PROT_READ|unix.PROT_WRITE)
	if ok && size(fd) > 0 {
		copy(page, []byte{page[0]})
	}
	return grip{named(fd), overwrite(page, fd)}, ok
}

func size(fd int) int64 {
	var st unix.Stat_t
	_ = unix.Fstat(fd, &st)
	return st.Size
}

// gripProtected has a mapping that is made writable later.
func gripProtected(file string) (grip, bool) {
	page, fd, ok := mapped(file, unix.PROT_READ)
	return grip{named(fd), func(text string) error {
		if err := unix.Mprotect(page, unix.PROT_READ|unix.PROT_WRITE); err != nil {
			return err
		}
		return overwrite(page, fd)(text)
	}}, ok
}

// gripSocket has the only descriptor on its way in a socket.
func gripSocket(file string) (grip, bool) {
	fd, ok := open(file, unix.O_RDWR)
	if !ok {
		return grip{}, false
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(err)
	must(unix.Sendmsg(pair[0], []byte{0}, unix.UnixRights(fd), nil, 0))
	path, err := unix.Open(magic(fd), unix.O_PATH|unix.O_CLOEXEC, 0)
	must(err)
	unix.Close(fd)
	return grip{named(path), func(text string) error {
		oob := make([]byte, 128)
		_, n, _, _, err := unix.Recvmsg(pair[1], make([]byte, 1), oob, 0)
		if err != nil {
			return err
		}
		messages, err := unix.ParseSocketControlMessage(oob[:n])
		if err != nil || len(messages) == 0 {
			return err
		}
		fds, err := unix.ParseUnixRights(&messages[0])
		if err != nil || len(fds) == 0 {
			return err
		}
		return mapAndWrite(magic(fds[0]), text)
	}}, true
}

// gripChild leaves the descriptor to another program.
func gripChild(file string) (grip, bool) {
	fd, ok := open(file, unix.O_RDWR|unix.O_APPEND)
	if !ok {
		return grip{}, false
	}
	cmd := exec.Command("sh", "-c", `cat >&3`)
	in, err := cmd.StdinPipe()
	must(err)
	path, err := unix.Open(magic(fd), unix.O_PATH|unix.O_CLOEXEC, 0)
	must(err)
	cmd.ExtraFiles = []*os.File{os.NewFile(uintptr(fd), file)}
	must(cmd.Start())
	_ = cmd.ExtraFiles[0].Close()
	return grip{named(path), func(text string) error {
		if _, err := in.Write([]byte(text)); err != nil {
			return err
		}
		_ = in.Close()
		return cmd.Wait()
	}}, true
}

// gripPath opens nothing until it writes: that is reported to nobody.
func gripPath(file string) (grip, bool) { return reopened(file, unix.O_PATH) }

// gripReading opens the file as every program does that reads it.
func gripReading(file string) (grip, bool) { return reopened(file, unix.O_RDONLY) }

// reopened writes by a mapping that it keeps, which makes no report of a write.
func reopened(file string, flags int) (grip, bool) {
	fd, ok := open(file, flags)
	return grip{named(fd), func(text string) error {
		return mapAndWrite(magic(fd), text)
	}}, ok
}

func mapAndWrite(file, text string) error {
	page, reader, ok := mapped(file, unix.PROT_READ|unix.PROT_WRITE)
	if !ok {
		return errors.New("it is not opened again")
	}
	time.Sleep(100 * time.Millisecond)
	return overwrite(page, reader)(text)
}

// gripName opens a draft by another name, in a directory that is not watched.
func gripName(file string) (grip, bool) {
	other, fd, ok := otherName(file, "zz")
	if !ok {
		return grip{}, false
	}
	_ = os.Remove(other)
	return grip{named(fd), func(text string) error { return mapAndWrite(magic(fd), text) }}, true
}

func otherName(file, below string) (other string, fd int, ok bool) {
	dir := filepath.Join(filepath.Dir(file), below)
	_ = os.Mkdir(dir, 0o755)
	other = filepath.Join(dir, "x")
	if os.Link(file, other) != nil {
		return "", -1, false
	}
	if fd, ok = open(other, unix.O_RDWR); !ok {
		_ = os.Remove(other)
	}
	return other, fd, ok
}

// gripAppend writes to a draft at once, by another name, where its maker does not, and leaves
// nothing open.
func gripAppend(below string) func(string) (grip, bool) {
	return func(file string) (grip, bool) {
		was, err := os.ReadFile(strings.TrimSuffix(file, ".lock"))
		if err != nil {
			return grip{}, false
		}
		other, fd, ok := otherName(file, below)
		if !ok {
			return grip{}, false
		}
		_, _ = unix.Pwrite(fd, []byte("[core]\n\tfsmonitor = OWNED\n"), int64(len(was)))
		unix.Close(fd)
		_ = os.Remove(other)
		return done, renamed(file)
	}
}

// gripSwap puts a draft of its own in the place of another's, which that one renames.
func gripSwap(file string) (grip, bool) { return swap(file, os.Remove) }

func gripSwapMoved(file string) (grip, bool) {
	return swap(file, func(name string) error {
		_ = os.Mkdir(filepath.Join(filepath.Dir(file), "zz"), 0o755)
		return os.Rename(name, filepath.Join(filepath.Dir(file), "zz", "x"))
	})
}

func swap(file string, away func(string) error) (grip, bool) {
	was, err := os.ReadFile(strings.TrimSuffix(file, ".lock"))
	if err != nil || away(file) != nil {
		return grip{}, false
	}
	fd, err := unix.Open(file, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return grip{}, false
	}
	_, _ = unix.Write(fd, append(was, "[core]\n\tfsmonitor = OWNED\n"...))
	path, err := unix.Open(magic(fd), unix.O_PATH|unix.O_CLOEXEC, 0)
	unix.Close(fd)
	if err != nil {
		return grip{}, false
	}
	defer unix.Close(path)
	// The host's next git may have read it half written, and replaced it.
	return done, renamed(file) && links(path) > 0
}

// done is a grip that has written.
var done = grip{func() bool { return true }, func(string) error { return nil }}

// renamed waits until a draft is, and removes it where its maker gave up.
func renamed(file string) bool {
	for range 50 {
		if _, err := os.Lstat(file); err != nil {
			return true
		}
		time.Sleep(time.Millisecond)
	}
	_ = os.Remove(file)
	return false
}

// lease has every open of a file wait, for as long as /proc/sys/fs/lease-break-time says.
func lease(args []string) {
	fd, err := unix.Open(args[0], unix.O_RDONLY|unix.O_CLOEXEC, 0)
	must(err)
	_, err = unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_WRLCK)
	judge("a write lease", err)
}
