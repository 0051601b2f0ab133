package egress

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// client connects to the sandbox's proxy, and gives the program's end.
func (w *world) client() *net.TCPConn {
	w.t.Helper()
	program, ours := pair(w.t)
	w.s.begin()
	w.s.flows.Go(w.s.proxied(asking{ours, address("127.0.0.1:1080")}).run)
	_ = program.SetDeadline(time.Now().Add(10 * time.Second))
	return program
}

// ofSOCKS is what a client says to have a connection to a name, an address or whatever b
// is of the kind.
func ofSOCKS(command, kind byte, b string, port uint16) string {
	if kind == socksName {
		b = string([]byte{byte(len(b))}) + b
	}
	return string([]byte{5, 1, 0, 5, command, 0, kind}) + b + string([]byte{byte(port >> 8), byte(port)})
}

func connectTo(to string) string {
	return "CONNECT " + to + " HTTP/1.1\r\nHost: " + to + "\r\nUser-Agent: x\r\n\r\n"
}

const (
	established  = "HTTP/1.1 200 Connection established\r\n\r\n"
	socksOpened  = "\x05\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"
	socksNothing = "\x00\x01\x00\x00\x00\x00\x00\x00"
)

func proxyWorld(t *testing.T) *world {
	w := newWorld(t, []string{"a.example.com", "b.example.com", "ssh.example.com:22", "any.example.com:*", "192.0.2.9:5432", "[2001:db8::9]:5432", "home.example.com:*", "void.example.com", "dead.example.com:99", "www.example.com:8080"},
		[]string{"any.example.com:25", "bad.example.com"}, nil,
		table{"a.example.com": {netip.MustParseAddr("192.0.2.1")}, "b.example.com": {netip.MustParseAddr("192.0.2.1")}, "ssh.example.com": {netip.MustParseAddr("192.0.2.2")}, "any.example.com": {netip.MustParseAddr("192.0.2.3")},
			"home.example.com": {netip.MustParseAddr("127.0.0.1")}, "dead.example.com": {netip.MustParseAddr("192.0.2.77")}, "www.example.com": {netip.MustParseAddr("192.0.2.4")}})
	for _, to := range []string{"192.0.2.1:443", "192.0.2.1:80", "192.0.2.2:22", "192.0.2.3:31337", "192.0.2.9:5432", "[2001:db8::9]:5432", "192.0.2.4:8080"} {
		w.outside[address(to)] = echo
	}
	return w
}

func TestProxy(t *testing.T) {
	hello := string(helloOf(t, &tls.Config{ServerName: "a.example.com"}))
	long := strings.Repeat("0123456789abcdef", 50_000)
	w := proxyWorld(t)
	made, _, err := w.s.Names.Address("ssh.example.com")
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		ask, answer string // of the proxy
		said, on    string // to the host
		host        string
		port        uint16
	}{
		"a tunnel to TLS":                    {connectTo("a.example.com:443"), established, hello + long, "", "a.example.com", 443},
		"in upper case":                      {connectTo("A.Example.COM.:443"), established, hello, "", "a.example.com", 443},
		"HTTP 1.0, and no host":              {"CONNECT a.example.com:443 HTTP/1.0\r\n\r\n", established, hello, "", "a.example.com", 443},
		"a tunnel to the web":                {connectTo("a.example.com:80"), established, get + get, "", "a.example.com", 80},
		"a tunnel to SSH":                    {connectTo("ssh.example.com:22"), established, "SSH-2.0-x\r\n" + long, "", "ssh.example.com", 22},
		"a port without a listener":          {connectTo("any.example.com:31337"), established, long, "", "any.example.com", 31337},
		"an address":                         {connectTo("192.0.2.9:5432"), established, "x", "", "192.0.2.9", 5432},
		"an address of IPv6":                 {connectTo("[2001:db8::9]:5432"), established, "x", "", "2001:db8::9", 5432},
		"a mapped address":                   {connectTo("[::ffff:192.0.2.9]:5432"), established, "x", "", "192.0.2.9", 5432},
		"a made-up address":                  {connectTo(made.String() + ":22"), established, "x", "", "ssh.example.com", 22},
		"SOCKS":                              {ofSOCKS(1, socksName, "a.example.com", 443), socksOpened, hello + long, "", "a.example.com", 443},
		"SOCKS to an address":                {ofSOCKS(1, socksFour, "\xc0\x00\x02\x09", 5432), socksOpened, "x", "", "192.0.2.9", 5432},
		"SOCKS to a name that is an address": {ofSOCKS(1, socksName, "192.0.2.9", 5432), socksOpened, "x", "", "192.0.2.9", 5432},
		"SOCKS to IPv6":                      {ofSOCKS(1, socksSix, string(netip.MustParseAddr("2001:db8::9").AsSlice()), 5432), socksOpened, "x", "", "2001:db8::9", 5432},
		"SOCKS to a made-up address":         {ofSOCKS(1, socksFour, string(made.AsSlice()), 22), socksOpened, "x", "", "ssh.example.com", 22},
		"more methods":                       {"\x05\x03\x02\x01\x00" + ofSOCKS(1, socksName, "ssh.example.com", 22)[3:], socksOpened, "x", "", "ssh.example.com", 22},
		"a request": {"", "", "GET http://a.example.com/x?y HTTP/1.1\r\nHost: a.example.com\r\nProxy-Connection: keep-alive\r\nProxy-Authorization: Basic eDp5\r\nAccept: */*\r\n\r\n",
			"GET /x?y HTTP/1.1\r\nHost: a.example.com\r\nAccept: */*\r\nConnection: close\r\n\r\n", "a.example.com", 80},
		"a request with a body": {"", "", "POST http://a.example.com:80 HTTP/1.1\r\nHost: A.example.com\r\nContent-Length: 3\r\n\r\nabc",
			"POST / HTTP/1.1\r\nHost: A.example.com\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc", "a.example.com", 80},
		"a request to another port": {"", "", "GET http://www.example.com:8080/ HTTP/1.1\r\nHost: www.example.com:8080\r\n\r\n", "GET / HTTP/1.1\r\nHost: www.example.com:8080\r\nConnection: close\r\n\r\n", "www.example.com", 8080},
	} {
		for _, n := range []int{1 << 20, 1} {
			c := w.client()
			head := row.ask + row.said[:min(len(row.said), 2000)] // it need not wait for the answer
			go func() {
				for part := range parts(head, n) {
					_, _ = io.WriteString(c, part)
				}
				_, _ = io.WriteString(c, row.said[len(head)-len(row.ask):])
				_ = c.CloseWrite()
			}()
			if row.on == "" {
				row.on = row.said
			}
			heard, err := io.ReadAll(c)
			c.Close()
			f := w.flow()
			if want := row.answer + row.on + ", all"; err != nil || string(heard) != want {
				t.Fatalf("%s: heard %d bytes of %d, %v: %.200q; %+v", name, len(heard), len(want), err, heard, f)
			}
			if f.Host != row.host || f.Port != row.port || f.How != "proxy" || !f.Allowed || f.Error != "" || f.Sent != int64(len(row.on)) || f.Received != int64(len(row.on)+len(", all")) || !strings.HasPrefix(f.Rule, "--allow ") {
				t.Errorf("%s: %+v", name, f)
			}
		}
	}
}

// parts cuts a text into parts of n bytes.
func parts(text string, n int) func(func(string) bool) {
	return func(yield func(string) bool) {
		for len(text) > 0 {
			part := text[:min(n, len(text))]
			if text = text[len(part):]; !yield(part) {
				return
			}
		}
	}
}

func TestProxyRefuses(t *testing.T) {
	hello := string(helloOf(t, &tls.Config{ServerName: "b.example.com"}))
	forbidden, failed, bad := "HTTP/1.1 403 ", "HTTP/1.1 502 ", "HTTP/1.1 400 "
	for name, row := range map[string]struct {
		said, answer string
		error        string
	}{
		"another name": {connectTo("evil.org:443"), forbidden + "no rule of sbx allows it; --allow evil.org:443 would", "no rule"}, "another port": {connectTo("a.example.com:22"), forbidden, "no rule"}, "mail": {connectTo("a.example.com:25"), forbidden, "no rule"},
		"the DNS": {connectTo("a.example.com:53"), forbidden, "no rule"}, "mail to any": {connectTo("any.example.com:25"), forbidden + "refused by --deny any.example.com:25", "no rule"}, "a name below": {connectTo("x.a.example.com:443"), forbidden, "no rule"},
		"an address": {connectTo("192.0.2.1:443"), forbidden + "no rule of sbx allows it; --allow 192.0.2.1:443 would", "no rule"}, "a number": {connectTo("3221225985:443"), bad, "last part is a number"}, "IPv6": {connectTo("[2001:db8::1]:443"), forbidden, "no rule"},
		"the loopback": {connectTo("127.0.0.1:1080"), forbidden, "no rule"}, "localhost": {connectTo("localhost:80"), forbidden, "no rule"}, "the loopback of IPv6": {connectTo("[::1]:443"), forbidden, "no rule"}, "metadata": {connectTo("169.254.169.254:80"), forbidden, "no rule"},
		"a made-up address of no name": {connectTo("198.18.77.77:443"), forbidden, "no rule"}, "home": {connectTo("home.example.com:22"), forbidden + "home.example.com:22 is no public address", "the machine itself"},
		"no such name": {connectTo("void.example.com:443"), failed + "there is no void.example.com", "no such host"}, "nobody there": {connectTo("dead.example.com:99"), failed + "dead.example.com:99: connection refused", "connection refused"},
		"no port": {connectTo("a.example.com"), bad, "no port"}, "port 0": {connectTo("a.example.com:0"), bad, "no port"}, "a large port": {connectTo("a.example.com:65536"), bad, "no port"}, "a signed port": {connectTo("a.example.com:+443"), bad, "no port"},
		"a user": {connectTo("x@a.example.com:443"), bad, "no host name"}, "a path": {connectTo("http://a.example.com:443"), bad, ""}, "a zone": {connectTo("[fe80::1%lo]:443"), bad, "one link"}, "a zero": {connectTo("a.example.com\x00:443"), bad, "no plain HTTP"},
		"a line feed": {"CONNECT a.example.com:443 HTTP/1.1\n\n", bad, "no plain HTTP"}, "a tunnel with a length": {"CONNECT a.example.com:443 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", bad, "no plain HTTP"},
		"a tunnel with chunks": {"CONNECT a.example.com:443 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", bad, "no plain HTTP"}, "HTTP/2": {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", bad, "no plain HTTP"},
		"no target": {get, bad, "no plain HTTP request to a proxy"}, "another host": {"GET http://a.example.com/ HTTP/1.1\r\nHost: b.example.com\r\n\r\n", bad, "no plain HTTP"}, "another port of it": {"GET http://a.example.com/ HTTP/1.1\r\nHost: a.example.com:8080\r\n\r\n", bad, "no plain HTTP"},
		"TLS by requests": {"GET https://a.example.com/ HTTP/1.1\r\nHost: a.example.com\r\n\r\n", bad, "no plain HTTP"}, "HTTP on the port of TLS": {"GET http://a.example.com:443/ HTTP/1.1\r\nHost: a.example.com:443\r\n\r\n", bad, "no plain HTTP"},
		"two lengths": {"POST http://a.example.com/ HTTP/1.1\r\nHost: a.example.com\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", bad, "no plain HTTP"}, "both lengths": {"POST http://a.example.com/ HTTP/1.1\r\nHost: a.example.com\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", bad, "no plain HTTP"},
		"a request to another name": {"GET http://evil.org/ HTTP/1.1\r\nHost: evil.org\r\n\r\n", forbidden, "no rule"}, "a megabyte of head": {"CONNECT a.example.com:443 HTTP/1.1\r\n" + strings.Repeat("X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n", 16<<10), bad, "longer than"},

		"another name, by SOCKS": {ofSOCKS(1, socksName, "evil.org", 443), "\x05\x00\x05\x02" + socksNothing, "no rule"}, "an address, by SOCKS": {ofSOCKS(1, socksFour, "\xc0\x00\x02\x01", 443), "\x05\x00\x05\x02" + socksNothing, "no rule"},
		"BIND": {ofSOCKS(2, socksName, "a.example.com", 443), "\x05\x00\x05\x07" + socksNothing, "command 2"}, "UDP": {ofSOCKS(3, socksName, "a.example.com", 443), "\x05\x00\x05\x07" + socksNothing, "command 3"}, "an address of no kind": {ofSOCKS(1, 2, "xxxx", 443), "\x05\x00\x05\x08" + socksNothing, "kind 2"},
		"lines in a name": {ofSOCKS(1, socksName, "a.example.com\r\nHost: evil.org", 443), "\x05\x00\x05\x02" + socksNothing, "no host name"}, "a zero in a name": {ofSOCKS(1, socksName, "a.example.com\x00.evil.org", 443), "\x05\x00\x05\x02" + socksNothing, "no host name"},
		"an empty name": {ofSOCKS(1, socksName, "", 443), "\x05\x00\x05\x02" + socksNothing, "no host name"}, "port 0, by SOCKS": {ofSOCKS(1, socksName, "a.example.com", 0), "\x05\x00\x05\x02" + socksNothing, "no port"}, "home, by SOCKS": {ofSOCKS(1, socksName, "home.example.com", 22), "\x05\x00\x05\x02" + socksNothing, "the machine itself"},
		"no such name, by SOCKS": {ofSOCKS(1, socksName, "void.example.com", 443), "\x05\x00\x05\x04" + socksNothing, "no such host"}, "nobody there, by SOCKS": {ofSOCKS(1, socksName, "dead.example.com", 99), "\x05\x00\x05\x05" + socksNothing, "connection refused"},
		"a password": {"\x05\x01\x02", "\x05\xff", "prove who it is"}, "SOCKS 4": {"\x04\x01\x01\xbb\xc0\x00\x02\x01x\x00", "", "neither HTTP nor SOCKS"}, "TLS": {hello, "", "neither HTTP nor SOCKS"}, "SOCKS 4 behind SOCKS 5": {"\x05\x01\x00\x04\x01\x00\x01\xc0\x00\x02\x01\x01\xbb", "\x05\x00\x05\x01" + socksNothing, "no request of SOCKS"},

		"fronting": {connectTo("a.example.com:443") + hello, established, "says b.example.com in its TLS hello"}, "fronting, by SOCKS": {ofSOCKS(1, socksName, "a.example.com", 443) + hello, socksOpened, "says b.example.com in its TLS hello"},
		"another host in a tunnel": {connectTo("b.example.com:80") + get, established, "says a.example.com in its Host"}, "a tunnel in a tunnel": {connectTo("a.example.com:443") + connectTo("evil.org:443"), established, "does not begin as TLS"},
		"a tunnel in a tunnel to the web": {connectTo("a.example.com:80") + connectTo("evil.org:443"), established, "asks for a tunnel"}, "half a hello": {connectTo("a.example.com:443") + hello[:50], established, "nothing was said"},
		"half a request": {"CONNECT a.example", "", "nothing was said"}, "half of SOCKS": {ofSOCKS(1, socksName, "a.example.com", 443)[:9], "\x05\x00", "nothing was said"}, "nothing": {"", "", "closed unused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := proxyWorld(t)
			out := &asked{Resolver: w.s.Resolver}
			w.s.Resolver = out
			c := w.client()
			defer c.Close()
			go func() {
				_, _ = io.WriteString(c, row.said)
				_ = c.CloseWrite()
			}()
			heard, _ := io.ReadAll(c)
			if !strings.HasPrefix(string(heard), row.answer) || row.answer == "" && len(heard) > 0 && row.said != "CONNECT a.example" && row.error != "nothing was said" && row.error != "closed unused" {
				t.Errorf("heard %q", heard)
			}
			f := w.flow()
			if f.How != "proxy" || !strings.Contains(f.Error, row.error) || f.Error == "" || f.Sent+f.Received != 0 {
				t.Errorf("%+v", f)
			}
			for _, to := range w.dialled {
				if (row.answer == established || row.answer == socksOpened) == (to == "192.0.2.1:443" || to == "192.0.2.1:80") || to == "192.0.2.77:99" {
					continue
				}
				t.Errorf("dialled %s", to)
			}
			for _, name := range out.names {
				if !w.s.Policy.Resolves(name) {
					t.Errorf("asked for %s", name)
				}
			}
			if strings.Contains(string(heard), "127.0.0.1 is") {
				t.Errorf("the program is told an address of the caller's: %q", heard)
			}
		})
	}
}

// TestProxySecondHost: the next request on a connection may be for the same host, and for
// no other.
func TestProxySecondHost(t *testing.T) {
	w := proxyWorld(t)
	one, other := strings.Replace(get, " / ", " http://a.example.com/ ", 1), strings.ReplaceAll(strings.Replace(get, " / ", " http://a.example.com/ ", 1), "a.ex", "b.ex")
	for said, ok := range map[string]bool{one + one: true, one + other: false, one + get: true, one + strings.ReplaceAll(get, "a.ex", "evil.ex"): false, one + connectTo("b.example.com:443"): false} {
		c := w.client()
		_, _ = io.WriteString(c, said)
		_ = c.CloseWrite()
		heard, _ := io.ReadAll(c)
		c.Close()
		f := w.flow()
		if (f.Error == "") != ok || strings.Contains(string(heard), "Host: b.ex") || strings.Contains(string(heard), "Host: evil") {
			t.Errorf("%q: heard %q, %+v", said, heard, f)
		}
	}
}

// TestProxyPatience: who does not say what it wants is let go, however slowly it says it.
func TestProxyPatience(t *testing.T) {
	w := proxyWorld(t)
	w.s.Patience = 300 * time.Millisecond
	for _, said := range []string{"", "CONNECT a.example.com:443 HTTP/1.1\r\nX: ", "\x05\xff", connectTo("a.example.com:443")} {
		c := w.client()
		_, _ = io.WriteString(c, said)
		began, stop := time.Now(), make(chan struct{})
		go func() {
			for said != "" && !strings.HasSuffix(said, "\r\n\r\n") {
				select {
				case <-stop:
					return
				case <-time.After(50 * time.Millisecond):
					_, _ = c.Write([]byte("x"))
				}
			}
		}()
		_, _ = io.Copy(io.Discard, c)
		close(stop)
		c.Close()
		if f := w.flow(); f.Error != "nothing that can be judged was said in 300ms" || f.Sent != 0 || time.Since(began) > 5*time.Second {
			t.Errorf("%q: %+v after %v", said, f, time.Since(began))
		}
	}
}

// TestProxyHalf: half an end is half an end, also through a proxy.
func TestProxyHalf(t *testing.T) {
	w := proxyWorld(t)
	w.outside[address("192.0.2.2:22")] = func(c net.Conn) {
		defer c.Close()
		_, _ = io.WriteString(c, "SSH-2.0-first\r\n") // before the client says anything
		_ = c.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, c)
	}
	c := w.client()
	defer c.Close()
	_, _ = io.WriteString(c, connectTo("ssh.example.com:22"))
	heard, err := io.ReadAll(c)
	if err != nil || string(heard) != established+"SSH-2.0-first\r\n" {
		t.Errorf("%q, %v", heard, err)
	}
	_, _ = io.WriteString(c, "still here")
	_ = c.CloseWrite()
	if f := w.flow(); f.Error != "" || f.Sent != int64(len("still here")) {
		t.Errorf("%+v", f)
	}
}

// TestProxyEnds: flows of the proxy end with the server, in whatever state they are.
func TestProxyEnds(t *testing.T) {
	w := proxyWorld(t)
	w.outside[address("192.0.2.2:22")] = func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
	said := []string{"", "CONNECT ", connectTo("a.example.com:443"), connectTo("ssh.example.com:22")}
	for _, said := range said {
		c := w.client()
		defer c.Close()
		_, _ = io.WriteString(c, said)
	}
	time.Sleep(300 * time.Millisecond)
	w.s.Close()
	for range said {
		if f := w.flow(); f.Error != errEnded.Error() {
			t.Errorf("%+v", f)
		}
	}
}

// FuzzProxy: what a program says to the proxy is parsed the same in whatever parts it
// comes, and gives a name or an address.
func FuzzProxy(f *testing.F) {
	for _, said := range []string{connectTo("a.example.com:443"), strings.Replace(get, " / ", " http://a.example.com/ ", 1), ofSOCKS(1, socksName, "a.example.com", 443)[3:], ofSOCKS(1, socksSix, strings.Repeat("x", 16), 1)[3:], "\x05\x02\x00\x02"} {
		f.Add([]byte(said), 3)
	}
	check := func(t *testing.T, said []byte, n int, parse func([]byte) (target, int, error)) {
		to, used, err := parse(said)
		if used < 0 || used > len(said) || errors.Is(err, errMore) && len(said) > 2*maxHead {
			t.Errorf("%q: %d bytes are used of %d, %v", said, used, len(said), err)
		}
		if err == nil {
			again, err := parseTarget(to.host, to.port)
			if err != nil || again != to || strings.ContainsAny(to.host, "\r\n \x00@/") || to.port == 0 {
				t.Errorf("%q: %+v, and again %+v, %v", said, to, again, err)
			}
		}
		if part := said[:min(max(n, 0), len(said))]; err == nil && len(part) < used {
			if to, _, err := parse(part); err == nil || !errors.Is(err, errMore) {
				t.Errorf("%q: a part says %+v, %v", part, to, err)
			}
		}
	}
	f.Fuzz(func(t *testing.T, said []byte, n int) {
		check(t, said, n, func(b []byte) (target, int, error) {
			to, _, n, err := parseProxyRequest(b)
			return to, n, err
		})
		check(t, said, n, parseSOCKS)
		if _, n, err := parseMethods(said); n > len(said) || errors.Is(err, errMore) && len(said) > 257 {
			t.Errorf("%q: %d, %v", said, n, err)
		}
		if bytes.HasPrefix(said, []byte("\x05")) {
			if _, _, _, err := parseProxyRequest(said); err == nil {
				t.Errorf("%q is of HTTP, and of SOCKS", said)
			}
		}
	})
}
