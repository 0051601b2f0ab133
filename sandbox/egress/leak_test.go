package egress_test

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sbxrun/sbx/sandbox/egress"
)

// TestProxyLeaks: whatever becomes of a flow, no descriptor is left of it, on either side
// and on neither proxy's.
func TestProxyLeaks(t *testing.T) {
	answers := map[string]string{"refuses.example.com": "HTTP/1.1 403 No\r\n\r\n", "cuts.example.com": "HTTP/1.1 200", "drips.example.com": "", "good.example.com": "HTTP/1.1 200 OK\r\n\r\nhello"}
	company := serving(t, func(c net.Conn) {
		b := make([]byte, 1000)
		n, _ := c.Read(b)
		for host, answer := range answers {
			if strings.Contains(string(b[:n]), host) {
				_, _ = io.WriteString(c, answer)
				if answer == "" {
					_, _ = io.Copy(io.Discard, c) // it hangs
				}
			}
		}
	})
	u, err := egress.ParseUpstream(func(name string) string {
		return map[string]string{"HTTPS_PROXY": "http://192.0.2.1:1", "NO_PROXY": "dead.example.com"}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	rule, err := egress.ParseRule("*.example.com:22")
	if err != nil {
		t.Fatal(err)
	}
	i := &internet{names: map[string][]netip.Addr{"dead.example.com": {netip.MustParseAddr("192.0.2.9")}}, servers: map[string]string{"192.0.2.1:1": company}}
	flows := make(chan egress.Flow, 1000)
	s := &egress.Server{Policy: egress.Policy{Allow: []egress.Rule{rule}}, Names: &egress.Names{}, Resolver: i, Dial: i.dial, Upstream: u, Patience: 200 * time.Millisecond, Log: func(f egress.Flow) { flows <- f }}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.ServeProxy(l) }()
	round := func() {
		n := 0
		for _, host := range []string{"good", "refuses", "cuts", "drips", "dead", "evil.org"} {
			for _, ask := range []string{"CONNECT %s:22 HTTP/1.1\r\n\r\n", "\x05\x01\x00\x05\x01\x00\x03%c%s\x00\x16", "CONNECT %s"} {
				host := host
				if !strings.Contains(host, ".") {
					host += ".example.com"
				}
				c, err := net.Dial("tcp", l.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				if strings.HasPrefix(ask, "\x05") {
					fmt.Fprintf(c, ask, len(host), host)
				} else {
					fmt.Fprintf(c, ask, host)
				}
				_ = c.(*net.TCPConn).CloseWrite()
				_, _ = io.Copy(io.Discard, c)
				c.Close()
				n++
			}
		}
		for range n {
			select {
			case <-flows:
			case <-time.After(10 * time.Second):
				t.Fatal("a flow has not ended")
			}
		}
	}
	round()
	before := descriptors(t)
	for range 5 {
		round()
	}
	after := descriptors(t)
	for range 1000 { // the other ends are closed a little later
		if after <= before {
			break
		}
		runtime.GC() // which closes the pipes that package net keeps for splice(2)
		time.Sleep(20 * time.Millisecond)
		after = descriptors(t)
	}
	if after > before {
		t.Errorf("%d descriptors are open, and %d were", after, before)
	}
	l.Close()
	s.Close()
}

func descriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}
