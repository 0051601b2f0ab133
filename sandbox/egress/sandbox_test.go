package egress_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/egress"
)

// An internet is what the sandboxes of a test reach: names, and servers at addresses
// that nobody has.
type internet struct {
	names   map[string][]netip.Addr
	servers map[string]string // address outside: where it really is
	mu      sync.Mutex
	dialled []string
	asked   []string

	upstream *egress.Upstream
	trace    func(string)
}

func (i *internet) Lookup(_ context.Context, name string) ([]netip.Addr, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.asked = append(i.asked, name)
	if a, ok := i.names[name]; ok {
		return a, nil
	}
	return nil, egress.ErrNoName
}

func (i *internet) dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	i.mu.Lock()
	i.dialled = append(i.dialled, to.String())
	server, ok := i.servers[to.String()]
	i.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("%s: nobody is there", to)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", server)
}

func newInternet(t *testing.T) *internet {
	say := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "this is %s\n", r.Host) })
	plain, secure := httptest.NewServer(say), httptest.NewUnstartedServer(say)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := raw.Accept()
			if err != nil {
				return
			}
			fmt.Fprintln(c, "this is a server that speaks first")
			c.Close()
		}
	}()
	t.Cleanup(func() { plain.Close(); secure.Close(); raw.Close() })
	one, two := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	return &internet{
		names: map[string][]netip.Addr{"good.example.com": {one}, "bad.example.com": {one}, "six.example.com": {two}, "home.example.com": {netip.MustParseAddr("127.0.0.1")}},
		servers: map[string]string{"192.0.2.1:80": plain.Listener.Addr().String(), "192.0.2.1:443": secure.Listener.Addr().String(),
			"[2001:db8::1]:443": secure.Listener.Addr().String(), "192.0.2.1:2000": raw.Addr().String(), "192.0.2.9:2000": raw.Addr().String()},
	}
}

// run runs a shell line in a sandbox with that internet.
func (i *internet) run(t *testing.T, e sandbox.Egress, env []string, line string) (string, []egress.Flow, error) {
	t.Helper()
	return i.runIn(t, t.TempDir(), e, env, line)
}

// runIn does the same in a project that is there, with mounts.
func (i *internet) runIn(t *testing.T, project string, e sandbox.Egress, env []string, line string, mounts ...specs.Mount) (string, []egress.Flow, error) {
	t.Helper()
	c := sandbox.New(t.Context(), sandbox.Spec{Project: project, Egress: &e})
	c.Spec.OCI.Process = &specs.Process{Args: []string{"sh", "-c", line}, Env: append(sandbox.Environment(sandbox.HostView, os.Environ(), nil), env...)}
	c.Spec.OCI.Mounts = mounts
	c.Resolver, c.Dial, c.Upstream, c.Trace = i, i.dial, i.upstream, i.trace
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err := c.Run()
	return out.String(), c.Flows(), err
}

// attacks are what a program can try from inside. Nothing of them may reach anything.
var networkAttacks = []struct{ name, line string }{
	{"an address instead of the name", "curl -sk -m 5 https://192.0.2.1"},
	{"an address with the name in the hello", "curl -sk -m 5 --resolve bad.example.com:443:192.0.2.1 https://bad.example.com"},
	{"another name at the allowed address", "curl -sk -m 5 --connect-to bad.example.com:443:good.example.com:443 https://bad.example.com"},
	{"another host at the allowed address", "curl -s -m 5 -H 'Host: bad.example.com' http://good.example.com"},
	{"a second host on one connection", `printf 'GET / HTTP/1.1\r\nHost: bad.example.com\r\n\r\n' | timeout 5 python3 -c '
import socket,sys
s = socket.create_connection(("good.example.com", 80)); s.sendall(b"GET / HTTP/1.1\r\nHost: good.example.com\r\n\r\n" + sys.stdin.buffer.read())
b = b""
while True:
    p = s.recv(4096)
    if not p: break
    b += p
print(b.decode().replace("this is good", ""))'`},
	{"no name", "python3 -c 'import ssl,socket; print(ssl._create_unverified_context().wrap_socket(socket.create_connection((\"good.example.com\", 443), 5)).version(), \"this is TLS\")'"},
	{"a tunnel", "curl -sk -m 5 -p -x http://good.example.com:80 https://bad.example.com"},
	{"another port", "python3 -c 'import socket; print(socket.create_connection((\"good.example.com\", 2000), 5).recv(100))'"},
	{"IPv6", "curl -sk -m 5 'https://[2001:db8::1]'"},
	{"a mapped address", "curl -sk -m 5 'https://[::ffff:192.0.2.1]'"},
	{"metadata", "curl -s -m 5 http://169.254.169.254"},
	{"a made-up address of no name", "curl -sk -m 5 https://198.18.200.1"},
	{"the listener", "curl -sk -m 5 https://127.0.0.1"},
	{"DNS elsewhere", "python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(2); s.sendto(b\"x\", (\"192.0.2.1\", 53)); print(s.recv(9), \"this is\")'"},
	{"a resolver of its own choice", "python3 -c 'import socket; s = socket.create_connection((\"192.0.2.1\", 53), 2); print(\"this is\")'"},
	{"ICMP", "python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1); s.sendto(b\"x\", (\"192.0.2.1\", 0)); print(\"this is sent\")'"},
	{"an unprivileged ping", "python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 1); s.sendto(b\"\\x08\\0\\0\\0\\0\\0\\0\\0\", (\"192.0.2.1\", 0)); s.settimeout(2); print(s.recv(99), \"this is\")'"},
	{"a packet socket", "python3 -c 'import socket; s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); print(\"this is open\")'"},
	{"SCTP", "python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132); s.connect((\"192.0.2.1\", 80)); print(\"this is\")'"},
	{"MPTCP", "python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262); s.settimeout(2); s.connect((\"192.0.2.1\", 80)); print(\"this is\")'"},
	{"a route", "python3 -c 'import socket,struct; s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0); s.send(struct.pack(\"=IHHIIBBBBBBBBI\", 36, 24, 0x405, 1, 0, 2, 0, 0, 0, 254, 4, 0, 1, 0) + struct.pack(\"=HHI\", 8, 4, 1)); e = struct.unpack(\"=i\", s.recv(999)[16:20])[0]; print(\"this is error\" if e == 0 else \"refused\", e); exit(1)'"},
	{"a long name", "getent hosts $(printf 'a%.0s' $(seq 60)).$(printf 'b%.0s' $(seq 60)).bad.example.com"},
	{"a name below an allowed one", "getent hosts secret.good.example.com"},
	{"a name that leads home", "curl -sk -m 5 https://home.example.com"},
}

// TestNetworkAttacks: what is not allowed is not reached, whatever is tried.
func TestNetworkAttacks(t *testing.T) {
	needRun(t)
	for _, program := range []string{"curl", "python3"} {
		need(t, program)
	}
	for _, a := range networkAttacks {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			i := newInternet(t)
			out, flows, err := i.run(t, sandbox.Egress{Allow: []string{"good.example.com", "home.example.com"}}, nil, a.line)
			if err == nil && a.name != "a second host on one connection" || strings.Contains(out, "this is") {
				t.Errorf("%v: %s\n%+v", err, out, flows)
			}
			for _, f := range flows {
				if f.Allowed && f.Received > 0 && a.name != "a second host on one connection" && a.name != "a tunnel" {
					t.Errorf("reached %+v", f)
				}
			}
			for _, name := range i.asked {
				if name != "good.example.com" && name != "home.example.com" {
					t.Errorf("asked for %s", name)
				}
			}
		})
	}
}

// TestLiteral: addresses that are allowed are reached, and no others.
func TestLiteral(t *testing.T) {
	needRun(t)
	i := newInternet(t)
	read := func(host string) string {
		return fmt.Sprintf("python3 -c 'import socket; print(socket.create_connection((%q, 2000), 5).recv(100).decode())'", host)
	}
	for host, ok := range map[string]bool{"192.0.2.9": true, "192.0.2.1": false, "good.example.com": true} {
		out, flows, err := i.run(t, sandbox.Egress{Allow: []string{"192.0.2.8/30:2000", "good.example.com:2000"}}, nil, read(host))
		if (err == nil) != ok || strings.Contains(out, "speaks first") != ok {
			t.Errorf("%s: %v: %s\n%+v", host, err, out, flows)
		}
	}
}

// TestNames: the sandbox's own name server is the one that is asked.
func TestNames(t *testing.T) {
	needRun(t)
	i := newInternet(t)
	out, _, err := i.run(t, sandbox.Egress{Allow: []string{"good.example.com"}}, nil, "cat /etc/resolv.conf; getent ahostsv4 good.example.com; getent hosts bad.example.com; getent hosts localhost")
	if err != nil || !strings.Contains(out, "nameserver 127.0.0.1") || !strings.Contains(out, "198.18.1.0") || strings.Contains(out, "192.0.2.1") {
		t.Errorf("%v: %s", err, out)
	}
}

func needRun(t *testing.T) {
	t.Helper()
	c := sandbox.New(t.Context(), sandbox.Spec{})
	c.Spec.OCI.Process = &specs.Process{Args: []string{"true"}, Env: sandbox.Environment(sandbox.HostView, os.Environ(), nil)}
	if err := c.Run(); err != nil {
		skip(t, err)
	}
}

func skip(t *testing.T, err error) {
	t.Helper()
	if os.Getenv("SBX_MUST_WORK") == "1" {
		t.Fatal(err)
	}
	t.Skip(err)
}
