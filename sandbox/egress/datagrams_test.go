package egress

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A post is a port for datagrams that is published, and what was logged.
type post struct {
	*Datagrams
	t     *testing.T
	at    *net.UDPConn
	ended chan error
	mu    sync.Mutex
	flows []Flow
}

func newPost(t *testing.T, listen string, port uint16, d *Datagrams) *post {
	t.Helper()
	p := &post{Datagrams: d, t: t, ended: make(chan error, 1)}
	d.Dial = func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
		domain := unix.AF_INET
		if to.Addr().Is6() {
			domain = unix.AF_INET6
		}
		return Connect(ctx, socket(t, domain, unix.SOCK_DGRAM), to)
	}
	d.Log = func(f Flow) { p.mu.Lock(); defer p.mu.Unlock(); p.flows = append(p.flows, f) }
	c, err := net.ListenPacket("udp", listen)
	if err != nil {
		t.Fatal(err)
	}
	p.at = c.(*net.UDPConn)
	go func() { p.ended <- p.Serve(p.at, port, "-p") }()
	t.Cleanup(p.close)
	return p
}

func (p *post) close() {
	p.at.Close()
	if err := <-p.ended; !errors.Is(err, net.ErrClosed) {
		p.t.Error(err)
	}
	p.ended <- net.ErrClosed
	p.Close()
}

// server is one that says what it hears, and from whom.
func server(t *testing.T, network, at string) (port uint16) {
	t.Helper()
	c, err := net.ListenPacket(network, at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	go func() {
		buf := make([]byte, 1<<16)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			if bytes.Equal(buf[:n], []byte("who")) {
				n = copy(buf, from.String())
			}
			_, _ = c.WriteTo(buf[:n], from)
		}
	}()
	return netip.MustParseAddrPort(c.LocalAddr().String()).Port()
}

func (p *post) client(to string) net.Conn {
	p.t.Helper()
	c, err := net.Dial("udp", net.JoinHostPort(to, fmt.Sprint(p.at.LocalAddr().(*net.UDPAddr).Port)))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	return c
}

func exchanged(t *testing.T, c net.Conn, say string) string {
	t.Helper()
	if _, err := c.Write([]byte(say)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1<<16)
	n, err := c.Read(buf)
	if err != nil {
		t.Fatalf("%.20q: %v", say, err)
	}
	return string(buf[:n])
}

// TestDatagrams: they are carried whole, the empty one and the largest too, and each
// client is another one to the server.
func TestDatagrams(t *testing.T) {
	p := newPost(t, "127.0.0.1:0", server(t, "udp4", "127.0.0.1:0"), &Datagrams{})
	one, other := p.client("127.0.0.1"), p.client("127.0.0.1")
	total := 0
	for _, say := range []string{"x", "", strings.Repeat("y", 65507), "z"} {
		if got := exchanged(t, one, say); got != say {
			t.Errorf("heard %d bytes of %d", len(got), len(say))
		}
		total += len(say)
	}
	if a, b := exchanged(t, one, "who"), exchanged(t, other, "who"); a == b || exchanged(t, one, "who") != a {
		t.Errorf("they are %s and %s", a, b)
	}
	p.close()
	if len(p.flows) != 2 {
		t.Fatalf("%+v", p.flows)
	}
	for _, f := range p.flows {
		mine := f.Address == one.LocalAddr().String()
		if !f.Inbound || !f.Allowed || f.Error != "" || f.Host != "127.0.0.1" || mine && f.Received != int64(total+6) || !mine && f.Received != 3 {
			t.Errorf("%+v", f)
		}
	}
}

// TestDatagramsAnywhere: a client is answered from the address that it asked, whichever
// of the host's it is.
func TestDatagramsAnywhere(t *testing.T) {
	for listen, from := range map[string][]string{"0.0.0.0:0": {"127.0.0.1", "127.0.0.2", "127.8.8.8"}, "[::]:0": {"::1"}} {
		p := newPost(t, listen, server(t, "udp4", "127.0.0.1:0"), &Datagrams{})
		for _, to := range from { // the client's socket is connected, and hears nobody else
			if got := exchanged(t, p.client(to), "x"); got != "x" {
				t.Errorf("%s: %q", to, got)
			}
		}
		p.close()
	}
}

// TestDatagramsOfSix: a server may listen at the loopback of IPv6 alone.
func TestDatagramsOfSix(t *testing.T) {
	p := newPost(t, "127.0.0.1:0", server(t, "udp6", "[::1]:0"), &Datagrams{})
	if got := exchanged(t, p.client("127.0.0.1"), "x"); got != "x" {
		t.Errorf("%q", got)
	}
	p.close()
	if len(p.flows) != 1 || p.flows[0].Host != "::1" || p.flows[0].Sent != 1 || p.flows[0].Received != 1 {
		t.Errorf("%+v", p.flows)
	}
}

// TestDatagramsBound: more sources than that are dropped, which is said once, until there
// is room again; where nobody listens nothing is kept.
func TestDatagramsBound(t *testing.T) {
	p := newPost(t, "127.0.0.1:0", server(t, "udp4", "127.0.0.1:0"), &Datagrams{MostSources: 2, Idle: time.Second})
	exchanged(t, p.client("127.0.0.1"), "x")
	held := p.client("127.0.0.1")
	exchanged(t, held, "x")
	for range 3 {
		c := p.client("127.0.0.1")
		_, _ = c.Write([]byte("x"))
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("a third source was answered")
		}
	}
	p.mu.Lock()
	if len(p.flows) != 1 || p.flows[0].Error != errTooManySources.Error() {
		t.Errorf("%+v", p.flows)
	}
	p.mu.Unlock()
	for range 14 { // the other one is silent, and this one not
		exchanged(t, held, "x")
		time.Sleep(100 * time.Millisecond)
	}
	exchanged(t, p.client("127.0.0.1"), "x")
	p.close()
	if n := len(p.flows); n != 4 {
		t.Errorf("%d flows: %+v", n, p.flows)
	}
	nobody := newPost(t, "127.0.0.1:0", 1, &Datagrams{})
	_, _ = nobody.client("127.0.0.1").Write([]byte("x"))
	for range 500 {
		if nobody.mu.Lock(); len(nobody.flows) > 0 {
			nobody.mu.Unlock()
			break
		}
		nobody.mu.Unlock()
		time.Sleep(10 * time.Millisecond)
	}
	if nobody.close(); len(nobody.flows) != 1 || nobody.flows[0].Error != "connection refused" || len(nobody.exchanges) > 0 {
		t.Errorf("%+v", nobody.flows)
	}
}
