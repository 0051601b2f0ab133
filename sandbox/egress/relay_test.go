package egress

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A world is a server with a listener of the sandbox's, and hosts outside.
type world struct {
	t       *testing.T
	s       *Server
	outside map[netip.AddrPort]func(net.Conn)
	mu      sync.Mutex
	dialled []string
	flows   []Flow
}

func newWorld(t *testing.T, allow, deny, private []string, names table) *world {
	w := &world{t: t, outside: map[netip.AddrPort]func(net.Conn){}}
	w.s = &Server{
		Policy: Policy{Allow: rules(t, allow...), Deny: rules(t, deny...), Private: rules(t, private...)}, Names: &Names{}, Resolver: names,
		Dial: w.dial, Patience: 2 * time.Second,
		Own: ownedBy("203.0.113.200"),
		Log: func(f Flow) { w.mu.Lock(); defer w.mu.Unlock(); w.flows = append(w.flows, f) },
	}
	t.Cleanup(w.s.Close)
	return w
}

// pair are the two ends of a connection.
func pair(t testing.TB) (*net.TCPConn, *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return a.(*net.TCPConn), b.(*net.TCPConn)
}

func (w *world) dial(_ context.Context, to netip.AddrPort) (net.Conn, error) {
	w.mu.Lock()
	w.dialled = append(w.dialled, to.String())
	host := w.outside[to]
	w.mu.Unlock()
	if host == nil {
		return nil, fmt.Errorf("%s: %w", to, syscall.ECONNREFUSED)
	}
	near, far := pair(w.t)
	go host(far)
	return near, nil
}

// asking is a connection whose other end is what the sandbox asked for.
type asking struct {
	*net.TCPConn
	to netip.AddrPort
}

func (a asking) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(a.to) }

// ask connects, as the sandbox does, and gives the program's end.
func (w *world) ask(host string, port uint16) *net.TCPConn {
	w.t.Helper()
	a, err := netip.ParseAddr(host)
	if err != nil {
		if a, _, err = w.s.Names.Address(host); err != nil {
			w.t.Fatal(err)
		}
	}
	program, ours := pair(w.t)
	w.s.begin()
	w.s.flows.Go(w.s.flow(asking{ours, netip.AddrPortFrom(a, port)}).run)
	return program
}

// flow waits for the next flow that ended.
func (w *world) flow() Flow {
	w.t.Helper()
	for range 500 {
		w.mu.Lock()
		if len(w.flows) > 0 {
			f := w.flows[0]
			w.flows = w.flows[1:]
			w.mu.Unlock()
			return f
		}
		w.mu.Unlock()
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatal("no flow ended")
	return Flow{}
}

// echo says what it hears, and then that it is done.
func echo(c net.Conn) {
	defer c.Close()
	if _, err := io.Copy(c, c); err == nil {
		_, _ = c.Write([]byte(", all"))
	}
}

func address(text string) netip.AddrPort { return netip.MustParseAddrPort(text) }

func TestRelay(t *testing.T) {
	w := newWorld(t, []string{"a.example.com", "ssh.example.com:22", "192.0.2.9:5432"}, nil, nil,
		table{"a.example.com": {netip.MustParseAddr("192.0.2.1")}, "ssh.example.com": {netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("192.0.2.2")}})
	for _, to := range []string{"192.0.2.1:443", "192.0.2.1:80", "192.0.2.2:22", "192.0.2.9:5432"} {
		w.outside[address(to)] = echo
	}
	hello := string(helloOf(t, &tls.Config{ServerName: "a.example.com"}))
	long := strings.Repeat("0123456789abcdef", 100_000)
	for name, row := range map[string]struct {
		host, said, address string
		port                uint16
	}{
		"TLS": {"a.example.com", hello + long, "192.0.2.1:443", 443}, "web": {"a.example.com", get + get, "192.0.2.1:80", 80}, "SSH": {"ssh.example.com", "SSH-2.0-x\r\n" + long, "192.0.2.2:22", 22},
		"an address": {"192.0.2.9", long, "192.0.2.9:5432", 5432}, "nothing": {"192.0.2.9", "", "192.0.2.9:5432", 5432},
	} {
		c := w.ask(row.host, row.port)
		go func() {
			_, _ = io.WriteString(c, row.said)
			_ = c.CloseWrite()
		}()
		heard, err := io.ReadAll(c)
		c.Close()
		if want := row.said + ", all"; err != nil || string(heard) != want {
			t.Fatalf("%s: heard %d bytes of %d, %v; %+v", name, len(heard), len(want), err, w.flow())
		}
		f := w.flow()
		remote := f.Address != "" && f.Host == row.host && f.Port == row.port
		if !remote || !f.Allowed || f.Error != "" || f.Sent != int64(len(row.said)) || f.Received != int64(len(heard)) || f.Rule == "" {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestRefused(t *testing.T) {
	hello := func(name string) string {
		return string(helloOf(t, &tls.Config{ServerName: name, InsecureSkipVerify: name == ""}))
	}
	names := table{"a.example.com": {netip.MustParseAddr("192.0.2.1")}, "b.example.com": {netip.MustParseAddr("192.0.2.1")}, "home.example.com": {netip.MustParseAddr("127.0.0.1")}, "lan.example.com": {netip.MustParseAddr("10.1.2.3")},
		"meta.example.com": {netip.MustParseAddr("169.254.169.254")}, "mapped.example.com": {netip.MustParseAddr("::ffff:10.0.0.1")}, "six.example.com": {netip.MustParseAddr("::1"), netip.MustParseAddr("fe80::1")},
		"own.example.com": {netip.MustParseAddr("203.0.113.200")}, "made.example.com": {netip.MustParseAddr("198.18.1.0")}, "denied.example.com": {netip.MustParseAddr("192.0.2.66")}, "void.example.com": nil, "dead.example.com": {netip.MustParseAddr("192.0.2.77")}}
	for name, row := range map[string]struct {
		host  string
		port  uint16
		said  string
		error string
		dials bool
	}{
		"another port": {"a.example.com", 22, "x", "no rule", false}, "a denied name": {"bad.example.com", 443, "x", "no rule", false}, "a name that nobody asked for": {"198.18.99.99", 443, "x", "no rule", false},
		"an address": {"192.0.2.1", 443, "x", "no rule", false}, "the listener": {"127.0.0.1", 443, "x", "no rule", false}, "the listener by IPv6": {"::1", 443, "x", "no rule", false},
		"fronting": {"a.example.com", 443, hello("b.example.com"), "asked for a.example.com and says b.example.com in its TLS hello", false}, "no name": {"a.example.com", 443, hello(""), "names no host", false},
		"no TLS": {"a.example.com", 443, "CONNECT x:443 HTTP/1.1\r\n\r\n", "does not begin as TLS", false}, "another host": {"a.example.com", 80, strings.Replace(get, "a.ex", "b.ex", 1), "says b.example.com in its Host", false},
		"silence": {"a.example.com", 443, "", "closed unused", false}, "half a hello": {"a.example.com", 443, hello("a.example.com")[:20], "nothing was said", false},
		"loopback": {"home.example.com", 22, "x", "the machine itself", false}, "private": {"lan.example.com", 443, hello("lan.example.com"), "a private network", false}, "metadata": {"meta.example.com", 80, strings.Replace(get, "a.ex", "meta.ex", 1), "169.254.169.254", false},
		"v4-mapped": {"mapped.example.com", 22, "x", "a private network", false}, "IPv6": {"six.example.com", 22, "x", "leads to no public address", false}, "this machine": {"own.example.com", 22, "x", "this machine", false},
		"a made-up address": {"made.example.com", 22, "x", "the sandbox's own block", false}, "a denied address": {"denied.example.com", 22, "x", "--deny 192.0.2.66", false}, "no address": {"void.example.com", 22, "x", "has no address", false},
		"no such name": {"nix.example.com", 22, "x", "no such host", false}, "nobody there": {"dead.example.com", 22, "x", "connection refused", true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, []string{"a.example.com", "b.example.com", "lan.example.com", "meta.example.com", "*.example.com:22", "127.0.0.1", "::1"}, []string{"bad.example.com", "192.0.2.66", "a.example.com:22"}, nil, names)
			w.outside[address("192.0.2.1:443")], w.outside[address("192.0.2.1:80")] = echo, echo
			c := w.ask(row.host, row.port)
			defer c.Close()
			_, _ = io.WriteString(c, row.said)
			_ = c.CloseWrite()
			_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
			// That it was reset, reading says only if writing did not say it before.
			if heard, _ := io.ReadAll(c); len(heard) > 0 {
				t.Errorf("heard %q", heard)
			}
			f := w.flow()
			if !strings.Contains(f.Error+f.Rule, row.error) || (len(w.dialled) > 0) != row.dials || f.Sent+f.Received != 0 || f.Address != "" {
				t.Errorf("%+v, dialled %q", f, w.dialled)
			}
		})
	}
}

// TestRebinding: a name that leads home the second time is looked at the second time.
func TestRebinding(t *testing.T) {
	names := table{"a.example.com": {netip.MustParseAddr("192.0.2.1")}}
	w := newWorld(t, []string{"a.example.com:22"}, nil, nil, names)
	w.outside[address("192.0.2.1:22")], w.outside[address("127.0.0.1:22")] = echo, echo
	for i, to := range []string{"192.0.2.1", "127.0.0.1"} {
		names["a.example.com"] = []netip.Addr{netip.MustParseAddr(to)}
		c := w.ask("a.example.com", 22)
		_ = c.CloseWrite()
		heard, _ := io.ReadAll(c)
		c.Close()
		if f := w.flow(); (len(heard) > 0) != (i == 0) || f.Allowed != (i == 0) {
			t.Errorf("%s: heard %q, %+v", to, heard, f)
		}
	}
}

// TestMixed: of an answer with both kinds of addresses, the public ones are dialled.
func TestMixed(t *testing.T) {
	w := newWorld(t, []string{"a.example.com:22"}, nil, nil, table{"a.example.com": {netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("192.0.2.1")}})
	w.outside[address("192.0.2.1:22")], w.outside[address("10.0.0.1:22")] = echo, echo
	c := w.ask("a.example.com", 22)
	defer c.Close()
	_ = c.CloseWrite()
	if heard, err := io.ReadAll(c); err != nil || string(heard) != ", all" || fmt.Sprint(w.dialled) != "[192.0.2.1:22]" {
		t.Errorf("%q, %v, dialled %q", heard, err, w.dialled)
	}
}

func TestPrivate(t *testing.T) {
	names := table{"db.example.com": {netip.MustParseAddr("10.0.0.1")}, "other.example.com": {netip.MustParseAddr("10.0.0.1")}}
	for _, row := range []struct {
		private, host string
		ok            bool
	}{{"db.example.com", "db.example.com", true}, {"db.example.com", "other.example.com", false}, {"10.0.0.0/8", "other.example.com", true}, {"10.0.0.1:22", "db.example.com", true}, {"10.0.0.1:23", "db.example.com", false}, {"10.0.0.1", "10.0.0.1", true}, {"10.0.0.2", "10.0.0.1", false}} {
		w := newWorld(t, []string{"*.example.com:22", "10.0.0.1:22"}, nil, []string{row.private}, names)
		w.outside[address("10.0.0.1:22")] = echo
		c := w.ask(row.host, 22)
		_ = c.CloseWrite()
		heard, _ := io.ReadAll(c)
		c.Close()
		if (string(heard) == ", all") != row.ok {
			t.Errorf("--allow-private %s, %s: %q", row.private, row.host, heard)
		}
	}
}

// TestEnds: a reset is a reset on the other side, and half an end half an end.
func TestEnds(t *testing.T) {
	w := newWorld(t, []string{"a.example.com:22"}, nil, nil, table{"a.example.com": {netip.MustParseAddr("192.0.2.1")}})
	ended := make(chan error, 1)
	w.outside[address("192.0.2.1:22")] = func(c net.Conn) {
		_, err := io.Copy(io.Discard, c)
		ended <- err
		c.Close()
	}
	c := w.ask("a.example.com", 22)
	_, _ = c.Write([]byte("x"))
	_ = c.SetLinger(0)
	time.Sleep(50 * time.Millisecond) // it is on its way
	c.Close()
	if err := <-ended; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("outside sees %v", err)
	}
	if f := w.flow(); f.Error == "" || f.Sent != 1 {
		t.Errorf("%+v", f)
	}
	w.outside[address("192.0.2.1:22")] = func(c net.Conn) {
		_, _ = c.Read(make([]byte, 1))
		reset(c)
		c.Close()
	}
	c = w.ask("a.example.com", 22)
	defer c.Close()
	_, _ = c.Write([]byte("y"))
	if heard, err := io.ReadAll(c); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("inside sees %q, %v", heard, err)
	}
}

// TestMany: flows beyond the bound are refused and told of, and Close ends those there are.
func TestMany(t *testing.T) {
	w := newWorld(t, []string{"192.0.2.1:22"}, nil, nil, nil)
	w.outside[address("192.0.2.1:22")] = func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
	w.s.MostFlows = 20
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- w.s.Serve(renamed{l, address("192.0.2.1:22")}) }()
	var programs []net.Conn
	for range 30 {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			continue // one that was refused at once
		}
		defer c.Close()
		_, _ = c.Write([]byte("x"))
		programs = append(programs, c)
	}
	for range 10 {
		if f := w.flow(); f.Error != errTooManyFlows.Error() || f.Allowed {
			t.Errorf("%+v", f)
		}
	}
	l.Close()
	if err := <-served; !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	w.s.Close()
	for range 20 {
		if f := w.flow(); f.Error != errEnded.Error() {
			t.Errorf("%+v", f)
		}
	}
	for _, c := range programs {
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("a program is still connected")
		}
	}
}

// renamed is a listener whose connections ask for an address.
type renamed struct {
	net.Listener
	to netip.AddrPort
}

func (r renamed) Accept() (net.Conn, error) {
	c, err := r.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return asking{c.(*net.TCPConn), r.to}, nil
}

func TestRace(t *testing.T) {
	var mu sync.Mutex
	var dialled []string
	open := 0
	dial := func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
		mu.Lock()
		dialled = append(dialled, to.Addr().String())
		mu.Unlock()
		switch to.Addr().String() {
		case "2001:db8::1": // never answers
			<-ctx.Done()
			return nil, ctx.Err()
		case "192.0.2.1":
			return nil, syscall.ECONNREFUSED
		}
		a, b := net.Pipe()
		b.Close()
		open++
		return a, nil
	}
	all := func(texts ...string) (a []netip.Addr) {
		for _, text := range texts {
			a = append(a, netip.MustParseAddr(text))
		}
		return a
	}
	if _, err := race(t.Context(), all("2001:db8::1", "2001:db8::2", "192.0.2.1", "192.0.2.2"), 1, dial); err != nil || fmt.Sprint(dialled) != "[2001:db8::1 192.0.2.1 2001:db8::2]" {
		t.Errorf("%v, dialled %q", err, dialled)
	}
	if _, err := race(t.Context(), all("192.0.2.1", "192.0.2.1"), 1, dial); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := race(ctx, all("2001:db8::1"), 1, dial); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// TestHalf: what was held back when the last judge was done goes on first.
func TestHalf(t *testing.T) {
	w := newWorld(t, []string{"a.example.com"}, nil, nil, table{"a.example.com": {netip.MustParseAddr("192.0.2.1")}})
	w.outside[address("192.0.2.1:443")] = echo
	said := append(helloOf(t, &tls.Config{ServerName: "a.example.com"}), "application data"...)
	c := w.ask("a.example.com", 443)
	defer c.Close()
	go func() {
		for part := range slices.Chunk(said, 50) {
			_, _ = c.Write(part)
			time.Sleep(time.Millisecond)
		}
		_ = c.CloseWrite()
	}()
	if heard, err := io.ReadAll(c); err != nil || !bytes.Equal(heard, append(said, ", all"...)) {
		t.Errorf("heard %d bytes of %d, %v", len(heard), len(said), err)
	}
}

// TestForward: all goes to the one address, which no rule has to name and nobody judges.
func TestForward(t *testing.T) {
	w := newWorld(t, nil, nil, nil, nil)
	w.outside[address("127.0.0.1:5432")] = echo
	w.s.begin()
	for said, to := range map[string]string{"GET / HTTP/1.1\r\nHost: any\r\n\r\n": "127.0.0.1:5432", "x": "127.0.0.1:1"} {
		program, ours := pair(t)
		w.s.flows.Go(w.s.forwarded(ours, address(to), "--host-port").run)
		_, _ = io.WriteString(program, said)
		_ = program.CloseWrite()
		heard, _ := io.ReadAll(program)
		program.Close()
		f, there := w.flow(), to == "127.0.0.1:5432"
		if (string(heard) == said+", all") != there || (f.Error == "") != there || f.Rule != "--host-port" || there && f.Sent != int64(len(said)) {
			t.Errorf("%s: heard %q, %+v", to, heard, f)
		}
	}
}
