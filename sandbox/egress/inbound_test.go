package egress

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// publish gives a client's end of a connection to a port that is published.
func (w *world) publish(port uint16) *net.TCPConn {
	w.t.Helper()
	client, ours := pair(w.t)
	w.s.begin()
	w.s.flows.Go(w.s.inbound(ours, port, "-p").run)
	return client
}

// TestInbound: a client reaches the sandbox's loopback, of whichever family, and sees
// the server's ends as they are.
func TestInbound(t *testing.T) {
	w := newWorld(t, nil, nil, nil, nil)
	w.outside[address("127.0.0.1:80")], w.outside[address("[::1]:81")] = echo, echo
	long := strings.Repeat("0123456789abcdef", 100_000)
	for port, host := range map[uint16]string{80: "127.0.0.1", 81: "::1"} {
		c := w.publish(port)
		go func() {
			_, _ = io.WriteString(c, long)
			_ = c.CloseWrite()
		}()
		heard, err := io.ReadAll(c)
		if err != nil || string(heard) != long+", all" {
			t.Errorf("port %d: heard %d bytes, %v", port, len(heard), err)
		}
		f := w.flow()
		if !f.Inbound || !f.Allowed || f.Error != "" || f.Host != host || f.Port != port || f.Address != c.LocalAddr().String() || f.Sent != int64(len(heard)) || f.Received != int64(len(long)) || f.Rule != "-p" {
			t.Errorf("%+v", f)
		}
		c.Close()
	}
	w.dialled = nil
	c := w.publish(82)
	defer c.Close()
	if heard, err := io.ReadAll(c); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("nobody listens: heard %q, %v", heard, err)
	}
	if f := w.flow(); !strings.Contains(f.Error, "connection refused") || len(w.dialled) != 2 {
		t.Errorf("%+v, dialled %q", f, w.dialled)
	}
}

// TestInboundGoesNowhereElse: whatever a client says, and whatever is dialled by names.
func TestInboundGoesNowhereElse(t *testing.T) {
	w := newWorld(t, []string{"*"}, nil, nil, table{"a.example.com": {netip.MustParseAddr("192.0.2.1")}})
	c := w.publish(443)
	defer c.Close()
	_, _ = io.WriteString(c, "CONNECT 192.0.2.1:443 HTTP/1.1\r\n\r\n")
	_, _ = io.ReadAll(c)
	w.flow()
	for _, to := range w.dialled {
		if to != "127.0.0.1:443" && to != "[::1]:443" {
			t.Errorf("dialled %s", to)
		}
	}
}

// TestDrain: what a server said before it ended goes out to a client that is slow, and
// one that only waits is no reason to.
func TestDrain(t *testing.T) {
	w := newWorld(t, nil, nil, nil, nil)
	long := strings.Repeat("x", 8<<20)
	said := make(chan struct{})
	w.outside[address("127.0.0.1:80")] = func(c net.Conn) {
		close(said)
		_, _ = io.WriteString(c, long)
		c.Close()
	}
	c := w.publish(80)
	defer c.Close()
	<-said
	drained := make(chan time.Duration)
	go func() {
		start := time.Now()
		w.s.Drain(20 * time.Second)
		drained <- time.Since(start)
	}()
	time.Sleep(50 * time.Millisecond)
	if heard, err := io.ReadAll(c); err != nil || len(heard) != len(long) {
		t.Errorf("heard %d of %d bytes, %v", len(heard), len(long), err)
	}
	if took := <-drained; took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	if f := w.flow(); f.Error != "" || f.Sent != int64(len(long)) {
		t.Errorf("%+v", f)
	}
}

// TestDrainEnds: a client that does not listen is waited for no longer than that.
func TestDrainEnds(t *testing.T) {
	w := newWorld(t, nil, nil, nil, nil)
	w.outside[address("127.0.0.1:80")] = func(c net.Conn) {
		_, _ = io.WriteString(c, strings.Repeat("x", 32<<20))
		c.Close()
	}
	c := w.publish(80)
	defer c.Close()
	_, _ = c.Read(make([]byte, 1))
	start := time.Now()
	w.s.Drain(100 * time.Millisecond)
	w.s.Close()
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	if f := w.flow(); f.Error != errEnded.Error() {
		t.Errorf("%+v", f)
	}
}

// socket is one that does not block.
func socket(t *testing.T, domain, kind int) *os.File {
	t.Helper()
	fd, err := unix.Socket(domain, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(fd), "socket")
}

func TestConnect(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	at := netip.MustParseAddrPort(l.Addr().String())
	c, err := Connect(t.Context(), socket(t, unix.AF_INET, unix.SOCK_STREAM), at)
	if err != nil || c.RemoteAddr().String() != at.String() {
		t.Fatalf("%v, %v", c, err)
	}
	c.Close()
	l.Close()
	f := socket(t, unix.AF_INET, unix.SOCK_STREAM)
	if _, err := Connect(t.Context(), f, at); !errors.Is(err, syscall.ECONNREFUSED) || reason(err) != "connection refused" {
		t.Errorf("nobody listens: %v", err)
	}
	if _, err := f.Stat(); !errors.Is(err, os.ErrClosed) {
		t.Error("the socket is open")
	}
	if _, err := Connect(t.Context(), socket(t, unix.AF_INET6, unix.SOCK_STREAM), at); err == nil {
		t.Error("a socket of another family is connected")
	}
}

// TestConnectGivesUp: a server whose queue is full says nothing, and is not waited for
// without end.
func TestConnectGivesUp(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	at := netip.AddrPortFrom(loopbacks[0], uint16(name.(*unix.SockaddrInet4).Port))
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	for range 8 { // until the queue is full
		c, err := Connect(ctx, socket(t, unix.AF_INET, unix.SOCK_STREAM), at)
		if err == nil {
			defer c.Close()
			continue
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		return
	}
	t.Error("a queue of none took eight")
}
