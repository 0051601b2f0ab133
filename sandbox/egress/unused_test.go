package egress

import (
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
)

// TestUnused: a connection that its client closes or resets without a byte is no refusal, and
// one that said half of something is.
func TestUnused(t *testing.T) {
	hello := string(helloOf(t, &tls.Config{ServerName: "a.example.com"}))
	ends := map[string]func(*net.TCPConn){
		"closed": func(c *net.TCPConn) { c.Close() }, "half closed": func(c *net.TCPConn) { _ = c.CloseWrite() },
		"reset": func(c *net.TCPConn) { reset(c); c.Close() },
	}
	for name, row := range map[string]struct {
		host    string
		port    uint16
		said    string
		allowed bool
		error   string
	}{
		"TLS": {"a.example.com", 443, "", true, "closed unused"}, "the web": {"a.example.com", 80, "", true, "closed unused"},
		"half a hello": {"a.example.com", 443, hello[:9], false, ""}, "a name of no rule": {"b.example.com", 443, "", false, "no rule allows it"},
	} {
		for how, end := range ends {
			w := newWorld(t, []string{"a.example.com"}, nil, nil, table{"a.example.com": {netip.MustParseAddr("192.0.2.1")}})
			c := w.ask(row.host, row.port)
			_, _ = io.WriteString(c, row.said)
			end(c)
			f := w.flow()
			c.Close()
			if f.Allowed != row.allowed || !strings.Contains(f.Error, row.error) || f.Address != "" || len(w.dialled) > 0 {
				t.Errorf("%s, %s: %+v", name, how, f)
			}
		}
	}
}

// TestUnusedAtTheEnd: one that is open when the sandbox ends is no refusal either.
func TestUnusedAtTheEnd(t *testing.T) {
	w := newWorld(t, []string{"a.example.com"}, nil, nil, nil)
	c := w.ask("a.example.com", 443)
	defer c.Close()
	until(t, func() (some bool) { w.s.open.Range(func(any, any) bool { some = true; return false }); return some })
	w.s.Close()
	if f := w.flow(); !f.Allowed || f.Error != errEnded.Error() {
		t.Errorf("%+v", f)
	}
}

// TestDeniedAddress: a name that leads to an address which a rule forbids is a refusal.
func TestDeniedAddress(t *testing.T) {
	w := newWorld(t, []string{"a.example.com:22"}, []string{"192.0.2.1"}, nil, table{"a.example.com": {netip.MustParseAddr("192.0.2.1")}})
	c := w.ask("a.example.com", 22)
	defer c.Close()
	if f := w.flow(); f.Allowed || !strings.Contains(f.Error, "--deny 192.0.2.1") {
		t.Errorf("%+v", f)
	}
}

// TestForwardFamilies: a port of the host's loopback is that of ::1 where nobody listens at
// 127.0.0.1.
func TestForwardFamilies(t *testing.T) {
	for host, to := range map[string]string{"127.0.0.1": "127.0.0.1:3000", "::1": "[::1]:3000", "": "127.0.0.1:3000"} {
		w := newWorld(t, nil, nil, nil, nil)
		if host != "" {
			w.outside[address(to)] = echo
		}
		program, ours := pair(t)
		w.s.begin()
		w.s.flows.Go(w.s.forwarded(ours, address("127.0.0.1:3000"), "--host-port 3000").run)
		_ = program.CloseWrite()
		heard, err := io.ReadAll(program)
		f := w.flow()
		if host != "" && (string(heard) != ", all" || err != nil || f.Host != host || f.Error != "") {
			t.Errorf("%s: %q, %v, %+v", host, heard, err, f)
		}
		if host == "" && (!strings.Contains(f.Error, syscall.ECONNREFUSED.Error()) || len(w.dialled) != 2) {
			t.Errorf("nobody: %+v, %q", f, w.dialled)
		}
		program.Close()
	}
}
