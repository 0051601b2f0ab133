package sandbox

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestLease asks for a lease while a file is open, mapped, or leased by another.
func TestLease(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	open := func(flags int) int {
		t.Helper()
		fd, err := unix.Open(name, flags|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		return fd
	}
	for _, tt := range []struct {
		name string
		use  func() (end func())
		open bool
	}{
		{"nothing", func() func() { return func() {} }, false},
		{"a reader", func() func() { fd := open(unix.O_RDONLY); return func() { unix.Close(fd) } }, false},
		{"a path", func() func() { fd := open(unix.O_PATH); return func() { unix.Close(fd) } }, false},
		{"a writer", func() func() { fd := open(unix.O_WRONLY); return func() { unix.Close(fd) } }, true},
		{"a mapping without a descriptor", func() func() {
			fd := open(unix.O_RDWR)
			page, err := unix.Mmap(fd, 0, 4, unix.PROT_READ, unix.MAP_SHARED)
			if err != nil {
				t.Fatal(err)
			}
			unix.Close(fd)
			return func() { _ = unix.Munmap(page) }
		}, true},
		{"a descriptor on its way", func() func() {
			fd := open(unix.O_RDWR)
			pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := unix.Sendmsg(pair[0], []byte{0}, unix.UnixRights(fd), nil, 0); err != nil {
				t.Fatal(err)
			}
			unix.Close(fd)
			return func() { unix.Close(pair[0]); unix.Close(pair[1]) }
		}, true},
		{"a write lease of another's", func() func() {
			fd := open(unix.O_RDONLY)
			if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
				t.Fatal(err)
			}
			return func() { unix.Close(fd) }
		}, true},
	} {
		end := tt.use()
		l, err := takeLease(name)
		if errors.Is(err, errWriter) != tt.open || !tt.open && err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if err == nil {
			if _, err := unix.Open(name, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0); err != unix.EAGAIN {
				t.Errorf("%s: it can be opened for writing: %v", tt.name, err)
			}
			if !l.at(name) || l.at(os.DevNull) {
				t.Errorf("%s: it is not known where the file is", tt.name)
			}
			l.release()
		}
		end()
	}
	fd := open(unix.O_WRONLY) // after the leases
	unix.Close(fd)
	for _, special := range []string{filepath.Join(filepath.Dir(name), "none"), filepath.Dir(name), "/dev/null"} {
		if l, err := takeLease(special); err == nil || errors.Is(err, errWriter) {
			t.Errorf("%s: %v, %v", special, l, err)
		}
	}
}
