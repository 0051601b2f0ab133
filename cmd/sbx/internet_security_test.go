package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// An internet is what a row has outside: a name server, and servers at addresses that
// nobody has (RFC 5737, RFC 3849). Testdata/upstream runs the command of the row in a
// sandbox that has it; without a sandbox the same attack speaks to the same servers. A
// server answers with the marker what a sandbox that is allowed good.example.com may not
// have.
type internet struct {
	s       *scene
	servers map[string]string // an address that nobody has: where it is here
	mu      sync.Mutex
	asked   []string // names, as they came
	turns   map[string]int
}

// reaching has a scene with an internet.
func reaching(s *scene) {
	i := &internet{s: s, servers: map[string]string{}, turns: map[string]int{}}
	s.internet = i
	s.vars["MY_DNS"] = i.serveNames()
	web := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil && r.Host != "good.example.com" || r.TLS != nil && r.TLS.ServerName != "good.example.com" {
			fmt.Fprintln(w, marker)
		}
	})
	plain, secure, raw, front := httptest.NewServer(web), httptest.NewUnstartedServer(web), i.serveRaw("127.0.0.1:0"), i.serveFront()
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	s.t.Cleanup(func() { plain.Close(); secure.Close() })
	_, s.vars["PORT"], _ = net.SplitHostPort(raw)
	if l, err := net.Listen("tcp6", "[::1]:"+s.vars["PORT"]); err == nil {
		i.answerRaw(l)
	}
	for host, at := range map[string]string{"good.example.com": "192.0.2.1", "bad.example.com": "192.0.2.2", "bad6": "[2001:db8::2]", "mapped": "[::ffff:192.0.2.2]"} {
		for port, server := range map[string]string{"80": plain.Listener.Addr().String(), "443": secure.Listener.Addr().String(), "8443": secure.Listener.Addr().String(), "53": raw, "853": raw, "2000": raw} {
			i.server(host+":"+port, at+":"+port, server)
		}
	}
	for _, port := range []string{"80", "443"} {
		i.server("front.example.com:"+port, "192.0.2.3:"+port, front)
		i.server("", "169.254.169.254:"+port, raw)
	}
	i.server("", "192.0.2.9:"+s.vars["PORT"], front) // which says nothing
	i.server("", "169.254.169.254:"+s.vars["PORT"], raw)
	i.server("retry.example.com:443", "192.0.2.4:443", i.serveRetry())
	serveUDP(s)
	for _, to := range []string{"192.0.2.2:53", "192.0.2.2:443", "198.18.1.0:443"} {
		s.outsideVars["udp "+to] = s.vars["SOCKET"]
		s.vars["udp "+to] = to
	}
	i.write()
}

// server has one at an address. A row names it {HOST:PORT} or {ADDRESS:PORT}, which is
// where it is here if there is no sandbox.
func (i *internet) server(name, at, here string) {
	i.servers[at] = here
	for _, v := range []string{name, at} {
		i.s.vars[v] = v
		i.s.outsideVars[v] = here
	}
}

// write tells testdata/upstream of it.
func (i *internet) write() {
	i.s.vars["MY_LOG"] = filepath.Join(i.s.vars["DIR"], "outside.log")
	i.s.vars["INTERNET"] = filepath.Join(i.s.vars["DIR"], "outside.json")
	b, err := json.Marshal(map[string]any{"Resolver": i.s.vars["MY_DNS"], "Servers": i.servers, "Log": i.s.vars["MY_LOG"]})
	i.s.check(err)
	i.s.check(os.WriteFile(i.s.vars["INTERNET"], b, 0o644))
	i.s.vars["DNS"], i.s.outsideVars["DNS"] = "127.0.0.1:53", i.s.vars["MY_DNS"]
}

// launch is the command that runs a row's in a sandbox with this internet outside.
func (i *internet) launch(r row) []string {
	argv := []string{tool(i.s.t, "upstream")}
	for _, flag := range r.flags { // those of sbx, with the package flag's names
		argv = append(argv, i.s.path(strings.Replace(flag, "--allow-private", "--private", 1)))
	}
	return append(append(argv, i.s.vars["INTERNET"]), i.s.expand(r.cmd)...)
}

// serveRaw answers whatever is said with the marker.
func (i *internet) serveRaw(at string) string {
	l, err := net.Listen("tcp4", at)
	i.s.check(err)
	return i.answerRaw(l)
}

func (i *internet) answerRaw(l net.Listener) string {
	return i.each(l, func(c net.Conn) {
		if n, _ := c.Read(make([]byte, 1000)); n > 0 {
			fmt.Fprintln(c, marker)
		}
	})
}

// serveFront is a server that has many sites, and reads requests in its own way: it
// answers with the marker as soon as it has seen another name.
func (i *internet) serveFront() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	i.s.check(err)
	return i.each(l, func(c net.Conn) {
		b, buf := []byte{}, make([]byte, 4096)
		for {
			n, err := c.Read(buf)
			if b = append(b, buf[:n]...); strings.Contains(string(b), "bad.example.com") {
				fmt.Fprintln(c, marker)
				return
			}
			if err != nil {
				return
			}
		}
	})
}

// serveRetry is a server of TLS that wants a second hello (RFC 8446 section 4.1.4), and goes
// by the name in that one, as OpenSSL's does.
func (i *internet) serveRetry() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	i.s.check(err)
	return i.each(l, func(c net.Conn) {
		b := make([]byte, 16<<10)
		if _, err := io.ReadAtLeast(c, b, 5+4+2+32+1+32); err != nil {
			return
		}
		session := b[43 : 43+1+32] // with its length
		hello := append([]byte{3, 3}, "\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c"...)
		hello = append(append(hello, session...), 0x13, 1, 0, 0, 12, 0, 43, 0, 2, 3, 4, 0, 51, 0, 2, 0, 0x17) // TLS 1.3, by P-256
		hello = append([]byte{2, 0, 0, byte(len(hello))}, hello...)
		_, _ = c.Write(append([]byte{22, 3, 3, 0, byte(len(hello))}, hello...))
		for {
			n, err := c.Read(b)
			if err != nil {
				return
			}
			if strings.Contains(string(b[:n]), "other.example.com") {
				fmt.Fprintln(c, marker)
				return
			}
		}
	})
}

// each serves connections until the test ends.
func (i *internet) each(l net.Listener, serve func(net.Conn)) string {
	i.s.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(20 * time.Second))
				serve(c)
			}()
		}
	}()
	return l.Addr().String()
}

// dialledOnly judges by what was dialled outside, beside the addresses that a row may reach.
func dialledOnly(s *scene, addresses ...string) string {
	b, _ := os.ReadFile(s.vars["MY_LOG"]) // which is there if there is a sandbox
	for line := range strings.Lines(string(b)) {
		if to, ok := strings.CutPrefix(strings.TrimSpace(line), "dialled "); ok && !slices.Contains(addresses, to) {
			return to + " was dialled"
		}
	}
	return ""
}
