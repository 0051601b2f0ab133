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
