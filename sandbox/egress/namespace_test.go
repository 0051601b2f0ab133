package egress

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/idmap"
	"github.com/sbxrun/sbx/userns"
)

// inside marks the run of this program as a command in a sandbox: its value is what it
// is to do.
const inside = "SBX_EGRESS_INSIDE"

func TestMain(m *testing.M) {
	if what := os.Getenv(inside); what != "" {
		os.Exit(program(what))
	}
	if os.Getenv(moving) != "" {
		if err := move(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// program does what a program in a sandbox would, with a resolver that asks as C's does,
// and says how it went.
func program(what string) int {
	var steps [][3]string // network, address, what is said
	if err := json.Unmarshal([]byte(what), &steps); err != nil {
		fmt.Println(err)
		return 1
	}
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, "127.0.0.1:53")
	}}
	d := net.Dialer{Resolver: resolver, Timeout: 5 * time.Second}
	for _, s := range steps {
		fmt.Println(attempt(d, s[0], s[1], s[2]))
	}
	return 0
}

func attempt(d net.Dialer, network, to, say string) string {
	c, err := d.Dial(network, to)
	if err != nil {
		return cause(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(c, say); err != nil {
		return cause(err)
	}
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.CloseWrite()
	}
	heard, err := io.ReadAll(c)
	if err != nil {
		return cause(err)
	}
	return fmt.Sprintf("heard %d bytes", len(heard))
}

// cause is an error without addresses.
func cause(err error) string {
	var name *net.DNSError
	var errno syscall.Errno
	switch {
	case errors.As(err, &name):
		return name.Err
	case errors.As(err, &errno):
		return errno.Error()
	}
	return err.Error()
}

const link, dnsUDP, dnsTCP userns.FD = "link", "resolver", "resolver by TCP"

// sandboxed runs this program in a network namespace whose network is w's.
func (w *world) sandboxed(t *testing.T, ports []uint16, steps [][3]string) []string {
	t.Helper()
	what, err := json.Marshal(steps)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	open := []userns.Step{userns.Socket{Domain: unix.AF_NETLINK, Type: unix.SOCK_RAW, As: link},
		userns.Socket{Domain: unix.AF_INET, Type: unix.SOCK_DGRAM, As: dnsUDP}, userns.Socket{Domain: unix.AF_INET, Type: unix.SOCK_STREAM, As: dnsTCP}}
	send := []userns.Step{userns.Send{FD: link}, userns.Send{FD: dnsUDP}, userns.Send{FD: dnsTCP, Await: len(ports) == 0}}
	for i, port := range ports {
		fd := userns.FD(fmt.Sprint("port ", port))
		open = append(open, userns.Socket{Domain: unix.AF_INET6, Type: unix.SOCK_STREAM, As: fd})
		send = append(send, userns.Send{FD: fd, Await: i == len(ports)-1})
	}
	first := []userns.Step{userns.DieWithSupervisor{}, userns.MapSelf{UID: idmap.Single(0, uint32(os.Getuid())), GID: idmap.Single(0, uint32(os.Getgid()))}}
	last := []userns.Step{userns.AwaitSupervisor{}, userns.Stdio{}, userns.CloseOnExec{}, userns.RestoreSignals{},
		userns.Exec{Paths: []string{self}, Argv: []string{self}, Env: []string{inside + "=" + string(what)}}}
	r, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	answerer := &Answerer{Policy: w.s.Policy, Names: w.s.Names, Resolver: w.s.Resolver}
	var closers []io.Closer
	receive := func(fd userns.FD, f *os.File, _ *userns.Process) error {
		var c io.Closer
		var err error
		switch fd {
		case link:
			l := NewLink(f)
			return errors.Join(l.Up(), l.Own(Made4), l.Own(Made6), f.Close())
		case dnsUDP:
			var p net.PacketConn
			if p, err = datagramsAt(f, netip.MustParseAddrPort("127.0.0.1:53")); err == nil {
				c = p
				go func() { _ = answerer.ServeUDP(p) }()
			}
		case dnsTCP:
			var l net.Listener
			if l, err = listening(f, netip.MustParseAddrPort("127.0.0.1:53")); err == nil {
				c = l
				go func() { _ = answerer.ServeTCP(l) }()
			}
		default:
			var port uint16
			_, _ = fmt.Sscanf(string(fd), "port %d", &port)
			var l net.Listener
			if l, err = listening(f, netip.AddrPortFrom(netip.IPv6Unspecified(), port)); err == nil {
				c = l
				go func() { _ = w.s.Serve(l) }()
			}
		}
		if c != nil {
			closers = append(closers, c)
		}
		return err
	}
	plan := userns.Plan{Namespaces: userns.User | userns.Net, Steps: append(append(append(first, open...), send...), last...)}
	p, err := plan.Start(userns.Input{Stdout: out, Stderr: out, Receive: receive})
	if err != nil {
		if os.Getenv("SBX_MUST_WORK") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	out.Close()
	defer func() {
		for _, c := range closers {
			c.Close()
		}
	}()
	said, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if status, err := p.Wait(); err != nil || status != 0 {
		t.Fatalf("%v, %v: %s", status, err, said)
	}
	return strings.Split(strings.TrimSpace(string(bytes.TrimSpace(said))), "\n")
}

// TestNamespace: a program that knows of no proxy reaches what is allowed, by the
// name, and nothing else.
func TestNamespace(t *testing.T) {
	w := newWorld(t, []string{"a.example.com:443", "a.example.com:22", "*.wild.example.org:22", "192.0.2.9:22", "absent.example.com"}, []string{"bad.wild.example.org"}, nil,
		table{"a.example.com": {netip.MustParseAddr("192.0.2.1")}, "x.wild.example.org": {netip.MustParseAddr("2001:db8::1")}, "lan.wild.example.org": {netip.MustParseAddr("10.0.0.1")}})
	for _, to := range []string{"192.0.2.1:443", "192.0.2.1:22", "[2001:db8::1]:22"} {
		w.outside[address(to)] = echo
	}
	tests := []struct{ network, to, say, want string }{
		{"tcp", "a.example.com:22", "hello", "heard 10 bytes"}, {"tcp4", "a.example.com:22", "hello", "heard 10 bytes"}, {"tcp6", "a.example.com:22", "hello", "heard 10 bytes"},
		{"tcp", "x.wild.example.org:22", strings.Repeat("x", 100_000), "heard 100005 bytes"}, {"tcp", "a.example.com:443", "no TLS", "connection reset by peer"},
		{"tcp", "a.example.com:80", "x", "connection refused"}, {"tcp", "evil.org:443", "x", "no such host"}, {"tcp", "bad.wild.example.org:22", "x", "no such host"}, {"tcp", "absent.example.com:443", "x", "no such host"},
		{"tcp", "lan.wild.example.org:22", "x", "connection reset by peer"}, {"tcp", "192.0.2.1:22", "x", "network is unreachable"}, {"tcp", "[2001:db8::1]:22", "x", "network is unreachable"}, {"tcp", "10.0.0.1:22", "x", "network is unreachable"},
		{"tcp", "169.254.169.254:80", "x", "network is unreachable"}, {"tcp", "[::ffff:192.0.2.1]:22", "x", "network is unreachable"}, {"udp", "192.0.2.1:53", "x", "network is unreachable"},
		{"tcp", "198.18.77.77:22", "x", "connection reset by peer"}, {"tcp", "127.0.0.1:22", "x", "connection reset by peer"}, {"tcp", "[::1]:22", "x", "connection reset by peer"}, {"tcp", "127.0.0.1:99", "x", "connection refused"},
	}
	var steps [][3]string
	for _, row := range tests {
		steps = append(steps, [3]string{row.network, row.to, row.say})
	}
	for i, got := range w.sandboxed(t, []uint16{443, 22}, steps) {
		if i >= len(tests) || !strings.HasSuffix(got, tests[i].want) {
			t.Errorf("%+v: %s", tests[min(i, len(tests)-1)], got)
		}
	}
	for _, to := range w.dialled {
		if _, ok := w.outside[address(to)]; !ok {
			t.Errorf("dialled %s", to)
		}
	}
}

func listening(f *os.File, at netip.AddrPort) (net.Listener, error) {
	defer f.Close()
	if err := Listen(f, at); err != nil {
		return nil, err
	}
	return net.FileListener(f)
}

func datagramsAt(f *os.File, at netip.AddrPort) (net.PacketConn, error) {
	defer f.Close()
	if err := ListenPacket(f, at); err != nil {
		return nil, err
	}
	return net.FilePacketConn(f)
}
