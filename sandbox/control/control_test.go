package control

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func serve(t *testing.T, path string, h Handler) {
	t.Helper()
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	go l.Serve(h)
	t.Cleanup(func() { l.Close(); l.Drain() })
}

func TestAsk(t *testing.T) {
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), strings.Repeat("long/", 40))} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "control")
		serve(t, path, func(r Request, c *Conn) {
			switch r.Do {
			case Enter:
				f, err := os.Open("/dev/null")
				if err != nil {
					t.Error(err)
				}
				defer f.Close()
				c.Answer(0, strings.Repeat("x", 1<<20), f, f)
			case Wait:
				c.Answer(7, nil)
			case Stop: // it dies
			default:
				c.Fail(&Failure{"no", "ask better"})
			}
		})
		r, files, err := Ask(path, Request{Do: Enter})
		if err != nil || len(r.Body) != 1<<20+2 || len(files) != 2 {
			t.Fatalf("%d bytes, %d files, %v", len(r.Body), len(files), err)
		}
		for _, f := range files {
			flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFD, 0)
			if err != nil || flags&unix.FD_CLOEXEC == 0 {
				t.Errorf("a received descriptor would be inherited: %x, %v", flags, err)
			}
			f.Close()
		}
		if r, _, err := Ask(path, Request{Do: Wait}); err != nil || r.Exit != 7 {
			t.Errorf("%+v, %v", r, err)
		}
		var f *Failure
		if _, _, err := Ask(path, Request{Do: "dance"}); !errors.As(err, &f) || f.Hint() != "ask better" {
			t.Errorf("%v", err)
		}
		if _, _, err := Ask(path, Request{Do: Stop}); !errors.Is(err, ErrNobody) {
			t.Errorf("%v", err)
		}
	}
	if _, _, err := Ask(filepath.Join(t.TempDir(), "control"), Request{}); !errors.Is(err, ErrNobody) {
		t.Errorf("%v", err)
	}
}

// Who sends rubbish, or nothing, gets an error or an end, and the next one is served.
func TestRubbish(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control")
	serve(t, path, func(_ Request, c *Conn) { c.Answer(1, nil) })
	for _, text := range []string{"", "Q", "Q\xff\xff\xff\xff", "Q\x00\x00\x00\x02{]", "A\x00\x00\x00\x02{}", "\x00\x00\x00\x00\x00", "Q\x00\x00\x00\x09{}"} {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		c.(*net.UnixConn).CloseWrite()
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if b, err := io.ReadAll(c); err != nil && !errors.Is(err, unix.ECONNRESET) || strings.Contains(string(b), `"exit":1`) {
			t.Errorf("%q: %q, %v", text, b, err)
		}
		c.Close()
	}
	if r, _, err := Ask(path, Request{Do: Wait}); err != nil || r.Exit != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

// A client that asks for nothing does not hold up a supervisor that ends.
func TestSilent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	go l.Serve(func(Request, *Conn) {})
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("Q")); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond) // it is accepted
	l.Close()
	drained := make(chan struct{})
	go func() { l.Drain(); close(drained) }()
	select {
	case <-drained:
	case <-time.After(20 * time.Second):
		t.Error("it waits for a client that asks for nothing")
	}
}
