package egress_test

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/egress"
)

// serving is a server's address: it serves each connection at once with others.
func serving(t *testing.T, serve func(net.Conn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); serve(c) }()
		}
	}()
	return l.Addr().String()
}

// speaker is a server that says a word to whoever comes.
func speaker(t *testing.T, word string) string {
	return serving(t, func(c net.Conn) { fmt.Fprintln(c, word) })
}

func hear(host string, port int) string {
	return fmt.Sprintf("python3 -c 'import socket; print(socket.create_connection((%q, %d), 5).recv(100).decode() or exit(3))'", host, port)
}

// TestAllPorts: where a rule names all ports, each leads to that port and no other, of
// that host and no other, and the sandbox's own servers stay its own.
func TestAllPorts(t *testing.T) {
	needRun(t)
	i := newInternet(t)
	i.servers["192.0.2.1:1"] = speaker(t, "port 1")
	i.servers["192.0.2.1:53"] = speaker(t, "port 53")
	i.servers["192.0.2.1:65535"] = speaker(t, "port 65535")
	i.servers["[2001:db8::1]:7"] = speaker(t, "six, port 7")
	i.servers["192.0.2.9:7"] = speaker(t, "literal, port 7")
	i.servers["[2001:db8::9]:7"] = speaker(t, "literal six, port 7")
	i.names["some.example.com"] = []netip.Addr{netip.MustParseAddr("192.0.2.1")}
	e := sandbox.Egress{
		Allow: []string{"good.example.com:*", "six.example.com:1-2000", "192.0.2.8/30:*", "[2001:db8::9]:*", "some.example.com:1"},
		Deny:  []string{"good.example.com:2000"},
	}
	own := `python3 -c '
import socket, sys, threading
for family, at in (socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "127.0.0.9"), (socket.AF_INET, "198.18.0.1"), (socket.AF_INET6, "::1"), (socket.AF_INET6, "fd73:6278::1"):
    l = socket.socket(family); l.bind((at, 7777)); l.listen()
    threading.Thread(target=lambda: l.accept()[0].sendall(b"own")).start()
    print(socket.create_connection((at, 7777), 5).recv(9).decode())
'`
	for _, c := range []struct{ line, hears, refused string }{
		{line: hear("good.example.com", 1), hears: "port 1"},
		{line: hear("good.example.com", 53), hears: "port 53"},
		{line: hear("good.example.com", 65535), hears: "port 65535"},
		{line: hear("six.example.com", 7), hears: "six, port 7"},
		{line: hear("192.0.2.9", 7), hears: "literal, port 7"},
		{line: hear("2001:db8::9", 7), hears: "literal six, port 7"},
		{line: hear("some.example.com", 1), hears: "port 1"},
		{line: "curl -sk https://good.example.com", hears: "this is good.example.com"},
		{line: own, hears: "own\nown\nown\nown\nown"},
		{line: hear("good.example.com", 2000), refused: "--deny good.example.com:2000"},
		{line: hear("some.example.com", 2), refused: "no rule allows it"},
		{line: hear("six.example.com", 2001), refused: "no rule allows it"},
		{line: hear("bad.example.com", 1), refused: "no rule allows the name"},
		{line: "curl -sk --connect-to good.example.com:443:good.example.com:443 -H 'Host: x' https://good.example.com --resolve bad.example.com:443:198.18.1.0 https://bad.example.com --fail-early", hears: "this is x"},
		{line: hear("198.18.200.1", 443), refused: "no rule allows it"},
		{line: hear("192.0.2.1", 1)}, // no route: nothing sees it
		// The port that all come to is one of the sandbox's own, and leads nowhere.
		{line: "python3 -c 'import socket; [print(s.connect_ex((\"127.0.0.1\", int(l.split()[1].split(\":\")[1], 16))) or s.recv(9) or exit(3)) for l in open(\"/proc/net/tcp6\").readlines()[1:] for s in [socket.socket()] if l.split()[3] == \"0A\"]'", refused: "no rule allows it"},
	} {
		out, flows, err := i.run(t, e, nil, c.line)
		switch {
		case c.hears != "" && !strings.Contains(out, c.hears):
			t.Errorf("%s: %v: %s\n%+v", c.line, err, out, flows)
		case c.hears == "" && err == nil:
			t.Errorf("%s: %s\n%+v", c.line, out, flows)
		case c.refused != "" && !slices.ContainsFunc(flows, func(f egress.Flow) bool { return !f.Allowed && (f.Rule == c.refused || f.Error == c.refused) }):
			t.Errorf("%s: %s\n%+v", c.line, out, flows)
		}
	}
}
