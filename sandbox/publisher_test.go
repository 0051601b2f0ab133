package sandbox

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/egress"
)

// serving is a sandbox whose command is a program of Python's, with ports of it.
func serving(t *testing.T, program string, ports ...string) *Cmd {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		skip(t, err)
	}
	s := published(t, nil, ports...)
	s.Project = t.TempDir()
	s.OCI.Process = &specs.Process{Args: []string{"python3", "-c", program}, Env: Environment(HostView, os.Environ(), nil)}
	h, err := Probe(s)
	if err != nil {
		t.Fatal(err)
	}
	needSandbox(t, h, s)
	c := New(t.Context(), s)
	c.Stderr = os.Stderr
	return c
}

// start starts it, and waits for what it says.
func start(t *testing.T, c *Cmd) {
	t.Helper()
	r, w := io.Pipe()
	c.Stdout = w
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan error, 1)
	go func() {
		_, err := io.ReadFull(r, make([]byte, 6))
		ready <- err
	}()
	select {
	case err := <-ready:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(time.Minute):
		_ = c.Signal(unix.SIGKILL) // it is a failure already
		t.Fatalf("the server is not ready: %v", c.Wait())
	}
	go func() { _, _ = io.Copy(io.Discard, r) }()
}

// end kills it.
func end(t *testing.T, c *Cmd) {
	t.Helper()
	var exit *ExitError
	if err := errors.Join(c.Signal(unix.SIGKILL), c.Wait()); !errors.As(err, &exit) {
		t.Error(err)
	}
}

const echoServer = `
import socket, threading
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("127.0.0.1", 7))
s = socket.create_server(("127.0.0.1", 7), backlog=500)
def datagrams():
    while True:
        b, a = u.recvfrom(65536); u.sendto(b, a)
def echo(c):
    while b := c.recv(65536): c.sendall(b)
    c.close()
threading.Thread(target=datagrams, daemon=True).start()
print("ready", flush=True)
while True: threading.Thread(target=echo, args=(s.accept()[0],), daemon=True).start()
`

func say(t *testing.T, network string, to netip.AddrPort, text string) string {
	t.Helper()
	c, err := net.Dial(network, to.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	heard := make([]byte, len(text))
	if _, err := io.ReadFull(c, heard); err != nil {
		t.Fatalf("%s: %v", network, err)
	}
	return string(heard)
}

// TestPublishLeavesNothing: a sandbox that was connected to, and ended with connections
// open, leaves no descriptor, no process and no port.
func TestPublishLeavesNothing(t *testing.T) {
	round := func() []PublishedPort {
		c := serving(t, echoServer, ":7", ":7/udp")
		start(t, c)
		ports := c.Published()
		for i, network := range []string{"tcp", "udp"} {
			for n := range 40 { // more than one batch
				if text := fmt.Sprint(network, n); say(t, network, ports[i].at(), text) != text {
					t.Errorf("%s was answered with another", text)
				}
			}
		}
		open, err := net.Dial("tcp", ports[0].at().String())
		if err != nil {
			t.Fatal(err)
		}
		defer open.Close()
		_, _ = open.Write([]byte("x"))
		_, _ = open.Read(make([]byte, 1))
		end(t, c)
		if n, err := open.Read(make([]byte, 1)); err == nil {
			t.Errorf("%d bytes of a sandbox that has ended", n)
		}
		counts := map[string]int{}
		for _, f := range c.Flows() {
			if f.Inbound && f.Allowed {
				counts[f.Rule[len(f.Rule)-3:]]++
			}
		}
		if counts["tcp"] != 41 || counts["udp"] < 30 || counts["udp"] > 40 { // a source's port may be another's before
			t.Errorf("flows: %v", counts)
		}
		return ports
	}
	round() // the runtime's own descriptors are there now
	settled(t, "")
	before := look(t).descriptors
	ports := round()
	if after := settled(t, before); after != before {
		t.Errorf("left open\n%s\nafter\n%s", after, before)
	}
	if c, err := net.Dial("tcp", ports[0].at().String()); err == nil {
		c.Close()
		t.Error("the port is still there")
	}
	if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); err != unix.ECHILD {
		t.Errorf("a process is left: %d, %v", pid, err)
	}
}

// settled are the descriptors, when the pipes of splice(2) that the net package keeps for
// a while are gone: when they are what is wanted, or after a while.
func settled(t *testing.T, want string) (fds string) {
	t.Helper()
	for range 500 {
		runtime.GC()
		if fds = look(t).descriptors; fds == want {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fds
}

// TestLastWords: what a server says before it ends is heard.
func TestLastWords(t *testing.T) {
	c := serving(t, `
import socket
s = socket.create_server(("127.0.0.1", 7))
print("ready", flush=True)
c = s.accept()[0]
c.sendall(b"x" * 3000000)
`, ":7")
	start(t, c)
	conn, err := net.Dial("tcp", c.Published()[0].at().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	heard, ended := make(chan int64, 1), make(chan error, 1)
	go func() {
		n, err := io.Copy(io.Discard, conn)
		heard <- n
		ended <- err
	}()
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
	if n, err := <-heard, <-ended; n != 3000000 || err != nil {
		t.Errorf("heard %d bytes, %v", n, err)
	}
}

// TestPublishRefused: a port that cannot be had is told of before anything runs, with
// what mends it, and those that were taken are given back.
func TestPublishRefused(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := portOf(taken.Addr())
	for name, c := range map[string]struct {
		ports      []string
		want, hint string
	}{
		"taken":    {[]string{":7", fmt.Sprintf("%d:7", port)}, fmt.Sprintf("publish 127.0.0.1:%d:7/tcp: address already in use", port), "-p 127.0.0.1::7 takes one that is free"},
		"nobody's": {[]string{"192.0.2.1:8080:7"}, "cannot assign requested address", "no such address"},
	} {
		before := look(t).descriptors
		c2 := New(t.Context(), published(t, func(s *Spec) { s.Project = t.TempDir() }, c.ports...))
		err := c2.Start()
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(Hint(err), c.hint) {
			t.Errorf("%s: %v; hint %q", name, err, Hint(err))
		}
		if after := look(t).descriptors; after != before {
			t.Errorf("%s: left open\n%s\nafter\n%s", name, after, before)
		}
	}
	if err := unix.EACCES; !strings.Contains(publishHint(PublishedPort{Host: 80, Sandbox: 80, Address: netip.MustParseAddr("127.0.0.1")}, err), "-p 127.0.0.1:8080:80") {
		t.Error("no hint for a port that is root's")
	}
}

// TestPublishedAtOnce: flows of several ways are told of one at a time.
func TestPublishedAtOnce(t *testing.T) {
	c := serving(t, echoServer, ":7")
	at := 0
	c.Flow = func(egress.Flow) { at++ } // the race detector looks
	start(t, c)
	done := make(chan string)
	for n := range 200 {
		go func() { done <- say(t, "tcp", c.Published()[0].at(), fmt.Sprintf("%0100d", n)) }()
	}
	heard := map[string]bool{}
	for range 200 {
		heard[<-done] = true
	}
	end(t, c)
	if len(heard) != 200 || at != 200 {
		t.Errorf("%d were answered, %d were told of", len(heard), at)
	}
}
