package egress

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
)

// A company is a network whose only way out is a proxy, of HTTP or of SOCKS 5, that
// knows more names than the resolver here.
type company struct {
	t      *testing.T
	user   string // and password, or empty
	mu     sync.Mutex
	asked  []string
	heads  []string
	answer string // instead of doing what it is asked for
}

func (c *company) note(what, head string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked, c.heads = append(c.asked, what), append(c.heads, head)
}

// serve is one connection. What is behind the proxy echoes, and says something first on
// port 22.
func (c *company) serve(conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	if first, err := r.Peek(1); err != nil {
		return
	} else if first[0] == socks5 {
		c.socks(conn, r)
		return
	}
	q, err := http.ReadRequest(r)
	if err != nil {
		c.t.Error(err)
		return
	}
	c.note(q.Method+" "+q.RequestURI, strings.Join(q.Header.Values("Proxy-Authorization"), ",")+strings.Join(q.Header.Values("Authorization"), ","))
	switch want := "Basic " + base64.StdEncoding.EncodeToString([]byte(c.user)); {
	case c.answer != "":
		_, _ = io.WriteString(conn, c.answer)
		if strings.HasSuffix(c.answer, "...") {
			_, _ = io.Copy(io.Discard, r) // it hangs
		}
		return
	case c.user != "" && q.Header.Get("Proxy-Authorization") != want:
		_, _ = io.WriteString(conn, "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"company\"\r\nContent-Length: 0\r\n\r\n")
		return
	case q.Method != "CONNECT":
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nby the proxy: "+q.RequestURI+" "+q.Host)
		return
	}
	early := ""
	if strings.HasSuffix(q.RequestURI, ":22") {
		early = "SSH-2.0-early\r\n" // in one piece with the answer
	}
	_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nX: y\r\n\r\n"+early)
	behind(conn, r)
}

func behind(conn net.Conn, r io.Reader) {
	if _, err := io.Copy(conn, r); err == nil {
		_, _ = io.WriteString(conn, ", all")
	}
}

// socks is written by RFC 1928 and RFC 1929, and not with what it tests.
func (c *company) socks(conn net.Conn, r *bufio.Reader) {
	read := func(n int) string {
		b := make([]byte, n)
		_, _ = io.ReadFull(r, b)
		return string(b)
	}
	methods := read(int(read(2)[1]))
	method := "\x00"
	if c.user != "" {
		method = "\x02"
	}
	if !strings.Contains(methods, method) {
		_, _ = io.WriteString(conn, "\x05\xff")
		return
	}
	_, _ = io.WriteString(conn, "\x05"+method)
	if c.user != "" {
		name := read(int(read(2)[1]))
		if password := read(int(read(1)[0])); name+":"+password != c.user {
			_, _ = io.WriteString(conn, "\x01\x01")
			return
		}
		_, _ = io.WriteString(conn, "\x01\x00")
	}
	request := read(4)
	host := ""
	switch request[3] {
	case 1:
		host = netip.AddrFrom4([4]byte([]byte(read(4)))).String()
	case 3:
		host = read(int(read(1)[0]))
	case 4:
		host = netip.AddrFrom16([16]byte([]byte(read(16)))).String()
	}
	c.note("SOCKS "+host+":"+map[string]string{"\x01\xbb": "443", "\x00\x50": "80", "\x00\x16": "22", "\x15\x38": "5432"}[read(2)], "")
	if c.answer != "" {
		_, _ = io.WriteString(conn, c.answer)
		return
	}
	_, _ = io.WriteString(conn, "\x05\x00\x00\x03\x04host\x00\x01"+map[bool]string{true: "SSH-2.0-early\r\n"}[request[3] == 3 && strings.HasPrefix(host, "ssh")])
	behind(conn, r)
}

// behindProxy is a world whose way out is c, at a URL with the credentials.
func behindProxy(t *testing.T, c *company, scheme, credentials string) *world {
	w := newWorld(t, []string{"a.example.com", "b.example.com", "ssh.example.com:22", "192.0.2.9:5432", "[2001:db8::9]:5432", "10.0.0.1:5432", "lan.example.com", "mixed.example.com", "own.example.com", "www.example.com:8080"}, nil, nil,
		table{"proxy.example.com": {netip.MustParseAddr("2001:db8::3128"), netip.MustParseAddr("10.9.9.9")}, "lan.example.com": {netip.MustParseAddr("10.0.0.2")},
			"mixed.example.com": {netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("10.0.0.2")}, "own.example.com": {netip.MustParseAddr("192.0.2.1")}, "b.example.com": {netip.MustParseAddr("192.0.2.1")}})
	w.outside[address("10.9.9.9:3128")] = c.serve
	w.outside[address("192.0.2.1:443")] = echo
	c.t = t
	u, err := ParseUpstream(environment("ALL_PROXY="+scheme+"://"+credentials+"proxy.example.com:3128", "NO_PROXY=own.example.com"))
	if err != nil {
		t.Fatal(err)
	}
	w.s.Upstream = u
	return w
}

func TestUpstream(t *testing.T) {
	hello := func(name string) string {
		return string(helloOf(t, &tls.Config{ServerName: name, InsecureSkipVerify: name == ""}))
	}
	request := "GET /x HTTP/1.1\r\nHost: a.example.com\r\nProxy-Authorization: Basic bWluZQ==\r\nAuthorization: mine\r\nConnection: keep-alive\r\n\r\n"
	for _, scheme := range []string{"http", "socks5"} {
		for name, row := range map[string]struct {
			host, said, heard string
			port              uint16
			http, socks       string // that the proxy is asked for, or nothing
			error             string
		}{
			"TLS": {"a.example.com", hello("a.example.com"), hello("a.example.com") + ", all", 443, "CONNECT a.example.com:443", "SOCKS a.example.com:443", ""}, "SSH": {"ssh.example.com", "x", "SSH-2.0-early\r\nx, all", 22, "CONNECT ssh.example.com:22", "SOCKS ssh.example.com:22", ""},
			"an address": {"192.0.2.9", "x", "x, all", 5432, "CONNECT 192.0.2.9:5432", "SOCKS 192.0.2.9:5432", ""}, "IPv6": {"2001:db8::9", "x", "x, all", 5432, "CONNECT [2001:db8::9]:5432", "SOCKS 2001:db8::9:5432", ""},
			"fronting": {"a.example.com", hello("b.example.com"), "", 443, "", "", "says b.example.com"}, "a private name": {"lan.example.com", hello("lan.example.com"), "", 443, "", "", "leads to no public address"},
			"a name that is also private": {"mixed.example.com", hello("mixed.example.com"), "", 443, "", "", "leads to no public address"}, "a private address": {"10.0.0.1", "x", "", 5432, "", "", "a private network"}, "no rule": {"evil.example.com", hello("evil.example.com"), "", 443, "", "", "no rule"},
			"an exception": {"own.example.com", hello("own.example.com"), hello("own.example.com") + ", all", 443, "", "", ""}, "another host": {"a.example.com", strings.ReplaceAll(request, "a.ex", "b.ex"), "", 80, "", "", "says b.example.com"},
		} {
			t.Run(scheme+"/"+name, func(t *testing.T) {
				c := &company{user: "me:hush"}
				w := behindProxy(t, c, scheme, "me:hush@")
				program := w.ask(row.host, row.port)
				defer program.Close()
				go func() {
					_, _ = io.WriteString(program, row.said)
					_ = program.CloseWrite()
				}()
				heard, _ := io.ReadAll(program)
				f := w.flow()
				want := row.http
				if scheme == "socks5" {
					want = row.socks
				}
				if row.heard != string(heard) && len(row.heard) != len(heard) || strings.Join(c.asked, ",") != want || !strings.Contains(f.Error, row.error) || (f.Error == "") != (row.error == "") {
					t.Errorf("heard %q, the proxy was asked %q, %+v", heard, c.asked, f)
				}
				if by := scheme + "://proxy.example.com:3128"; want != "" && (f.Upstream != by || f.Address == "" || w.dialled[len(w.dialled)-1] != "10.9.9.9:3128" || f.Received != int64(len(heard))) || row.host == "own.example.com" && (f.Upstream != "" || w.dialled[0] != "192.0.2.1:443") {
					t.Errorf("%+v", f)
				}
			})
		}
	}
	// Requests of HTTP are handed over as they are, with the caller's credentials alone.
	c := &company{user: "me:hush"}
	w := behindProxy(t, c, "http", "me:hush@")
	for _, row := range []struct{ said, uri string }{{request, "http://a.example.com/x"}, {strings.Replace(request, "GET /x", "OPTIONS *", 1), "http://a.example.com"}} {
		program := w.ask("a.example.com", 80)
		_, _ = io.WriteString(program, row.said)
		heard, _ := io.ReadAll(program)
		program.Close()
		f := w.flow()
		if !strings.HasSuffix(string(heard), "by the proxy: "+row.uri+" a.example.com") || f.Error != "" || f.Upstream == "" || c.heads[len(c.heads)-1] != "Basic "+base64.StdEncoding.EncodeToString([]byte("me:hush"))+"mine" {
			t.Errorf("heard %q, %q, %+v", heard, c.heads, f)
		}
	}
	// So are those that the sandbox's own proxy is asked, to any port.
	program := w.client()
	_, _ = io.WriteString(program, "GET http://www.example.com:8080?q HTTP/1.1\r\nHost: www.example.com:8080\r\n\r\n")
	heard, _ := io.ReadAll(program)
	program.Close()
	if f := w.flow(); !strings.HasSuffix(string(heard), "by the proxy: http://www.example.com:8080/?q www.example.com:8080") || f.Upstream == "" || f.How != "proxy" {
		t.Errorf("heard %q, %+v", heard, f)
	}
	// And those within a tunnel to the web's port, which the proxy outside need not make.
	program = w.client()
	_, _ = io.WriteString(program, connectTo("a.example.com:80")+get)
	heard, _ = io.ReadAll(program)
	program.Close()
	if f := w.flow(); !strings.HasPrefix(string(heard), established) || !strings.HasSuffix(string(heard), "by the proxy: http://a.example.com/ a.example.com") || f.Error != "" {
		t.Errorf("heard %q, %+v", heard, f)
	}
	for scheme, want := range map[string]string{"http": established, "socks5": socksOpened} { // one proxy behind the other
		c := &company{}
		w := behindProxy(t, c, scheme, "")
		program := w.client()
		ask := connectTo("ssh.example.com:22")
		if scheme == "socks5" {
			ask = ofSOCKS(1, socksName, "ssh.example.com", 22)
		}
		_, _ = io.WriteString(program, ask+"x")
		_ = program.CloseWrite()
		if heard, err := io.ReadAll(program); err != nil || string(heard) != want+"SSH-2.0-early\r\nx, all" {
			t.Errorf("%s: heard %q, %v", scheme, heard, err)
		}
		program.Close()
	}
}

// TestUpstreamRefuses: what a proxy says against it is the flow's error, and no word of it
// or of the credentials comes inside.
func TestUpstreamRefuses(t *testing.T) {
	hello := string(helloOf(t, &tls.Config{ServerName: "a.example.com"}))
	web := "GET / HTTP/1.1\r\nHost: a.example.com\r\n\r\n"
	for name, row := range map[string]struct {
		scheme, credentials, user, answer string
		error                             string
	}{
		"no credentials": {"http", "", "me:hush", "", "wants credentials (407)"}, "wrong credentials": {"http", "me:wrong@", "me:hush", "", "does not take the credentials (407)"}, "a refusal": {"http", "me:hush@", "me:hush", "HTTP/1.1 403 Filtered by policy\r\n\r\n", "it refuses: 403 Filtered by policy"},
		"a bad gateway": {"http", "", "", "HTTP/1.0 502 \x1b[31mBad\xff\r\n\r\n", "it refuses: 502 ?[31mBad?"}, "no HTTP": {"http", "", "", "SSH-2.0-x\r\n\r\n", "does not speak HTTP"}, "half an answer": {"http", "", "", "HTTP/1.1 200 OK\r\n", "closed the connection"},
		"an endless answer": {"http", "", "", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("y", 40<<10), "no end"}, "a hang": {"http", "", "", "HTTP/1.1 200 OK\r\nX: ...", "does not answer"},
		"SOCKS without credentials": {"socks5", "", "me:hush", "", "wants credentials"}, "SOCKS with wrong ones": {"socks5", "me:wrong@", "me:hush", "", "does not take the credentials"}, "a refusal of SOCKS": {"socks5", "", "", "\x05\x02\x00\x01", "not allowed"}, "an unknown one": {"socks5", "", "", "\x05\x63\x00\x01\x00", "code 99"},
		"half of SOCKS": {"socks5", "", "", "\x05\x00\x00\x01\x00", "closed the connection"}, "no SOCKS": {"socks5", "", "", "HTTP/1.1 400\r\n", "does not speak SOCKS"}, "an address of no kind": {"socks5", "", "", "\x05\x00\x00\x09\x00\x00\x00", "does not speak SOCKS"},
		"no TLS here": {"https", "", "", "", "no TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &company{user: row.user, answer: row.answer}
			for _, way := range []string{"direct", "tunnel", "request"} {
				w := behindProxy(t, c, row.scheme, row.credentials)
				w.s.Patience = 2 * time.Second
				var program *net.TCPConn
				said := hello
				switch way {
				case "direct":
					program = w.ask("a.example.com", 443)
				case "tunnel":
					program, said = w.client(), connectTo("a.example.com:443")
				case "request":
					if !strings.Contains(row.error, "(407)") {
						continue // others could be the host's own answer
					}
					program, said = w.ask("a.example.com", 80), web
				}
				_, _ = io.WriteString(program, said)
				heard, _ := io.ReadAll(program)
				program.Close()
				f := w.flow()
				if !strings.Contains(f.Error, "the proxy "+row.scheme+"://proxy.example.com:3128: ") || !strings.Contains(f.Error, row.error) || !f.Allowed || f.Received != 0 {
					t.Errorf("%s: %+v", way, f)
				}
				if way == "tunnel" && !strings.HasPrefix(string(heard), "HTTP/1.1 502 a.example.com:443 cannot be reached\r\n") || way != "tunnel" && len(heard) > 0 || strings.Contains(string(heard), "proxy.example.com") {
					t.Errorf("%s: heard %q", way, heard)
				}
			}
		})
	}
}

// TestUpstreamUnreached: a proxy that is not there is the reason that nothing is.
func TestUpstreamUnreached(t *testing.T) {
	w := behindProxy(t, &company{}, "http", "")
	delete(w.outside, address("10.9.9.9:3128"))
	w.ask("ssh.example.com", 22).Close()
	if f := w.flow(); !strings.HasPrefix(f.Error, "the proxy http://proxy.example.com:3128: ") || !strings.HasSuffix(f.Error, "connection refused") || f.Address != "" {
		t.Errorf("%+v", f)
	}
	if len(w.dialled) != 2 || w.dialled[0] != "[2001:db8::3128]:3128" || w.dialled[1] != "10.9.9.9:3128" { // the other family too
		t.Errorf("dialled %q", w.dialled)
	}
	w.s.Upstream.Resolver = table{}
	w.ask("ssh.example.com", 22).Close()
	if f := w.flow(); f.Error != "the proxy http://proxy.example.com:3128: no such host" {
		t.Errorf("%+v", f)
	}
}

// slow is a resolver that never answers.
type slow struct{}

func (slow) Lookup(ctx context.Context, _ string) ([]netip.Addr, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestUpstreamWithoutDNS: where names of the outside are not answered for, the proxy is
// asked all the same.
func TestUpstreamWithoutDNS(t *testing.T) {
	c := &company{}
	w := behindProxy(t, c, "http", "")
	w.s.Upstream.Resolver, w.s.Resolver = w.s.Resolver, slow{}
	w.s.Patience = 20 * time.Second
	program := w.ask("ssh.example.com", 22)
	defer program.Close()
	_ = program.CloseWrite()
	if heard, err := io.ReadAll(program); err != nil || string(heard) != "SSH-2.0-early\r\n, all" {
		t.Errorf("%q, %v", heard, err)
	}
}

// TestUpstreamSecure: a proxy of https is spoken to by what the caller has for TLS, and the
// credentials are said in it alone.
func TestUpstreamSecure(t *testing.T) {
	c := &company{user: "me:hush"}
	w := behindProxy(t, c, "https", "me:hush@")
	var secured []string
	w.s.Upstream.Secure = func(_ context.Context, conn net.Conn, host string) (net.Conn, error) {
		secured = append(secured, host+" "+conn.RemoteAddr().String())
		if len(secured) > 1 {
			return nil, errors.New("the certificate is another's")
		}
		return conn, nil
	}
	for i, want := range []string{"", "the proxy https://proxy.example.com:3128: the certificate is another's"} {
		program := w.ask("ssh.example.com", 22)
		_ = program.CloseWrite()
		heard, _ := io.ReadAll(program)
		program.Close()
		if f := w.flow(); f.Error != want || (len(heard) > 0) != (want == "") || len(secured) != i+1 || !strings.HasPrefix(secured[i], "proxy.example.com ") {
			t.Errorf("heard %q, %q, %+v", heard, secured, f)
		}
	}
}
