package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestTheirs looks at which files are handed over.
func TestTheirs(t *testing.T) {
	open := func(path string) *os.File {
		f, err := os.OpenFile(path, os.O_RDWR|unix.O_NONBLOCK, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	dir := t.TempDir()
	if err := unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(filepath.Join(dir, "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	memory, err := unix.MemfdCreate("memory", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	pipe, other, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	defer other.Close()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	datagrams, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	tcp, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	null := os.Geteuid() != 0 // root could change its mode
	for _, test := range []struct {
		name   string
		f      *os.File
		theirs bool
	}{
		{"file", file, false},
		{"fifo", open(filepath.Join(dir, "fifo")), false},
		{"memfd", os.NewFile(uintptr(memory), "memory"), false},
		{"pipe", pipe, true},
		{"pair", os.NewFile(uintptr(pair[0]), "pair"), true},
		{"datagrams", os.NewFile(uintptr(datagrams[0]), "datagrams"), false},
		{"tcp", tcp, false},
		{"null", open(os.DevNull), null},
		{"zero", open("/dev/zero"), null},
		{"terminal", open("/dev/ptmx"), true},
	} {
		for _, direct := range []bool{false, true} {
			s := streams{direct: direct}
			theirs, err := s.theirs("stream", test.f)
			if err != nil || theirs != (test.theirs || direct) {
				t.Errorf("%s, direct %v: %v, %v", test.name, direct, theirs, err)
			}
			s.errors = open(fmt.Sprintf("/proc/self/fd/%d", pipe.Fd())) // another than all
			if theirs, err := s.theirs("stream", test.f); err != nil || theirs != (test.theirs || direct) {
				t.Errorf("%s beside standard error, direct %v: %v, %v", test.name, direct, theirs, err)
			}
			s.errors = test.f
			if theirs, err := s.theirs("stream", test.f); err != nil || theirs != (test.theirs && test.name != "pair" || direct) {
				t.Errorf("%s as standard error, direct %v: %v, %v", test.name, direct, theirs, err)
			}
		}
	}
}

// TestOutlet carries to a file that is written at its offset, and to one that is appended to.
func TestOutlet(t *testing.T) {
	for name, flags := range map[string]int{"offset": os.O_RDWR, "append": os.O_RDWR | os.O_APPEND} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := os.OpenFile(path, flags, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.Seek(5, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			var s streams
			end, err := s.writer(stdout, f)
			if err != nil {
				t.Fatal(err)
			}
			f.Close() // as callers of os/exec may, once it has started
			s.ends = nil
			s.start()
			text := bytes.Repeat([]byte("text"), carriedSize) // more than the pipe holds
			if _, err := end.Write(text); err != nil {
				t.Fatal(err)
			}
			end.Close()
			if err := s.wait(false); err != nil {
				t.Fatal(err)
			}
			want := append([]byte("01234"), text...)
			if name == "append" {
				want = append([]byte("0123456789"), text...)
			}
			if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes, %v; want %d", len(got), err, len(want))
			}
		})
	}
}

// TestOutletFull has a file that takes nothing.
func TestOutletFull(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	c, end, err := newCarrier(stdout, full, 1)
	if err != nil {
		t.Fatal(err)
	}
	s := streams{outlets: []*outlet{{carrier: c}}}
	s.start()
	if _, err := end.WriteString("text"); err != nil {
		t.Fatal(err)
	}
	var stream *StreamError
	if err := s.wait(false); !errors.As(err, &stream) || stream.Stream != stdout || !errors.Is(err, unix.ENOSPC) {
		t.Errorf("%v, want ENOSPC of %s", err, stdout)
	}
	if _, err := end.WriteString("text"); !errors.Is(err, unix.EPIPE) {
		t.Errorf("%v, want EPIPE", err)
	}
}

// TestInletOffset looks where the caller's file is after a command has read some of it.
func TestInletOffset(t *testing.T) {
	for n := range 200 { // the inlet may be anywhere when its reader ends
		size := []int{10, 3 * carriedSize}[n%2]
		f, err := os.Create(filepath.Join(t.TempDir(), "file"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.Write(make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Seek(2, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		var s streams
		end, err := s.reader(f)
		if err != nil {
			t.Fatal(err)
		}
		s.ends = nil
		s.start()
		if _, err := io.ReadFull(end, make([]byte, 5)); err != nil {
			t.Fatal(err)
		}
		end.Close()
		if err := s.wait(false); err != nil {
			t.Fatal(err)
		}
		if at, err := f.Seek(0, io.SeekCurrent); at != 7 || err != nil {
			t.Errorf("%d bytes: the offset is %d, %v; want 7", size, at, err)
		}
	}
}
