package egress

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
)

// helloOf is what Go's client says first.
func helloOf(t testing.TB, config *tls.Config) []byte {
	t.Helper()
	client, server := net.Pipe()
	defer server.Close()
	go func() {
		_ = tls.Client(client, config).Handshake() // it fails, since nobody answers
		client.Close()
	}()
	head := make([]byte, 5)
	if _, err := io.ReadFull(server, head); err != nil {
		t.Fatal(err)
	}
	body := make([]byte, int(head[3])<<8|int(head[4]))
	if _, err := io.ReadFull(server, body); err != nil {
		t.Fatal(err)
	}
	return append(head, body...)
}

// inRecords parts a hello into records of n bytes.
func inRecords(hello []byte, n int) (b []byte) {
	for rest := hello[5:]; len(rest) > 0; {
		part := rest[:min(n, len(rest))]
		b = append(b, 22, 3, 1, byte(len(part)>>8), byte(len(part)))
		b, rest = append(b, part...), rest[len(part):]
	}
	return b
}

func TestHello(t *testing.T) {
	hello := helloOf(t, &tls.Config{ServerName: "Registry.Example.com"})
	for _, b := range [][]byte{hello, inRecords(hello, 1), inRecords(hello, 100), append(bytes.Clone(hello), "more"...)} {
		h, err := ParseHello(b)
		if err != nil || h.Name != "registry.example.com" || h.Encrypted {
			t.Errorf("%+v, %v", h, err)
		}
	}
	for n := range len(hello) {
		if _, err := ParseHello(hello[:n]); err != errMore {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
	if h, err := ParseHello(helloOf(t, &tls.Config{InsecureSkipVerify: true})); err != nil || h.Name != "" {
		t.Errorf("without a name: %+v, %v", h, err)
	}
	if h, err := ParseHello(helloOf(t, &tls.Config{ServerName: "x.org", MaxVersion: tls.VersionTLS12})); err != nil || h.Name != "x.org" {
		t.Errorf("TLS 1.2: %+v, %v", h, err)
	}
	at := bytes.Index(hello, []byte("registry.example.com"))
	if at < 0 {
		at = bytes.Index(hello, []byte("Registry.Example.com"))
	}
	changed := func(at int, to ...byte) []byte { b := bytes.Clone(hello); copy(b[at:], to); return b }
	for name, b := range map[string][]byte{
		"HTTP": []byte("GET / HTTP/1.1\r\n"), "SSH": []byte("SSH-2.0-x\r\n"), "zeros": make([]byte, 100), "SSL 2": {0x80, 0x2e, 1, 0, 2, 0, 0x15}, "an alert": {21, 3, 1, 0, 2, 2, 40}, "another handshake": changed(5, 2),
		"an empty record": {22, 3, 1, 0, 0}, "a large record": {22, 3, 1, 0xff, 0xff}, "a large hello": changed(6, 0xff), "a short hello": changed(6, 0, 0, 1), "a zero in the name": changed(at, 0), "a long name": changed(at-2, 0xff, 0xff),
		"a name of another kind": changed(at-3, 1), "a short list": changed(at-5, 0, 2),
	} {
		if h, err := ParseHello(b); err == nil || errors.Is(err, errMore) {
			t.Errorf("%s: %+v, %v", name, h, err)
		}
	}
}

// feed gives a judge what is said in parts of n bytes, and collects what goes on. A server
// answers a hello at once, and wants no other.
func feed(j judge, said string, n int) (on string, err error) {
	var held []byte
	for len(said) > 0 {
		part := said[:min(n, len(said))]
		held, said = append(held, part...), said[len(part):]
		out, used, err := j.pass(held)
		if err != nil {
			return on, err
		}
		on += string(out)
		held = held[used:]
		if t, ok := j.(*tlsJudge); ok && t.state == awaiting {
			t.state = judged
			on, held = on+string(held), nil
		}
	}
	return on, nil
}

func TestTLSJudge(t *testing.T) {
	hello := string(helloOf(t, &tls.Config{ServerName: "a.example.com"})) + "the rest"
	nameless := string(helloOf(t, &tls.Config{InsecureSkipVerify: true}))
	for _, n := range []int{1, 100, 1 << 20} {
		for name, row := range map[string]struct {
			j    judge
			said string
			ok   bool
		}{
			"the name": {judgeFor("a.example.com", 443, false), hello, true}, "another name": {judgeFor("b.example.com", 443, false), hello, false}, "no name": {judgeFor("a.example.com", 443, false), nameless, false},
			"a name to an address": {judgeFor("192.0.2.1", 443, true), hello, false}, "no name to an address": {judgeFor("192.0.2.1", 443, true), nameless, true},
			"no TLS": {judgeFor("a.example.com", 443, false), "SSH-2.0-OpenSSH\r\n", false}, "HTTP": {judgeFor("a.example.com", 443, false), "CONNECT b:443 HTTP/1.1\r\n\r\n", false},
			"SSH elsewhere": {judgeFor("a.example.com", 22, false), "SSH-2.0-OpenSSH\r\n", true}, "TLS elsewhere": {judgeFor("a.example.com", 8443, false), hello, true},
			"another name elsewhere": {judgeFor("b.example.com", 8443, false), hello, false}, "no name elsewhere": {judgeFor("a.example.com", 5432, false), nameless, true},
		} {
			on, err := feed(row.j, row.said, n)
			if (err == nil) != row.ok || row.ok && on != row.said || !row.ok && on != "" {
				t.Errorf("%s, %d bytes at a time: %d of %d bytes go on, %v", name, n, len(on), len(row.said), err)
			}
		}
	}
}

const get = "GET / HTTP/1.1\r\nHost: a.example.com\r\n\r\n"

func TestWebJudge(t *testing.T) {
	for name, row := range map[string]struct{ said, on string }{
		"a request":  {get, get},
		"two":        {get + get, get + get},
		"upper case": {"GET /x?y HTTP/1.0\r\nHOST:A.Example.COM:80\r\nAccept: */*\r\n\r\n", "GET /x?y HTTP/1.0\r\nHOST:A.Example.COM:80\r\nAccept: */*\r\n\r\n"},
		"a body":     {"POST / HTTP/1.1\r\nHost: a.example.com\r\nContent-Length: 5\r\n\r\nGET /" + get, "POST / HTTP/1.1\r\nHost: a.example.com\r\nContent-Length: 5\r\n\r\nGET /" + get},
		"chunks": {"PUT / HTTP/1.1\r\nHost: a.example.com\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nMore: x\r\n\r\n" + get,
			"PUT / HTTP/1.1\r\nHost: a.example.com\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nMore: x\r\n\r\n" + get},
		"a whole target": {"GET http://a.example.com/x HTTP/1.1\r\nHost: a.example.com\r\n\r\n", "GET http://a.example.com/x HTTP/1.1\r\nHost: a.example.com\r\n\r\n"},
		"an upgrade": {"GET / HTTP/1.1\r\nHost: a.example.com\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nConnection: Upgrade\r\n\r\n",
			"GET / HTTP/1.1\r\nHost: a.example.com\r\nConnection: Upgrade\r\n\r\n"},
	} {
		for _, n := range []int{1, 7, 1 << 20} {
			if on, err := feed(judgeFor("a.example.com", 80, false), row.said, n); err != nil || on != row.on {
				t.Errorf("%s, %d bytes at a time: %q, %v", name, n, on, err)
			}
		}
	}
	head := func(lines ...string) string {
		return "GET / HTTP/1.1\r\n" + strings.Join(append(lines, "", ""), "\r\n")
	}
	for name, said := range map[string]string{
		"another host": head("Host: b.example.com"), "another one second": get + head("Host: b.example.com"), "no host": head("Accept: x"), "two hosts": head("Host: a.example.com", "Host: b.example.com"),
		"the same twice": head("Host: a.example.com", "Host: a.example.com"), "another port": head("Host: a.example.com:8080"), "another target": strings.Replace(get, " / ", " http://b.example.com/ ", 1), "a user in it": strings.Replace(get, " / ", " http://a.example.com@b.example.com/ ", 1),
		"a tunnel": "CONNECT b.example.com:443 HTTP/1.1\r\nHost: a.example.com\r\n\r\n", "HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "no HTTP": "SSH-2.0-x\r\n\r\n\r\n", "TLS": "\x16\x03\x01\x00\x05\r\n\r\n", "line feeds": "GET / HTTP/1.1\nHost: b.example.com\n\n",
		"a bare return": head("Host: a.example.com\rHost: b.example.com"), "a zero": head("Host: a.example.com\x00"), "a fold": head("Host: a.example.com", " b"), "a space before the colon": head("Host : a.example.com"), "no colon": head("Host: a.example.com", "x"),
		"two lengths": head("Host: a.example.com", "Content-Length: 1", "Content-Length: 1"), "both lengths": head("Host: a.example.com", "Content-Length: 1", "Transfer-Encoding: chunked"), "a length below zero": head("Host: a.example.com", "Content-Length: -1"),
		"a length with a sign": head("Host: a.example.com", "Content-Length: +1"), "an empty length": head("Host: a.example.com", "Content-Length:"), "another coding": head("Host: a.example.com", "Transfer-Encoding: gzip, chunked"), "a tab in the coding": head("Host: a.example.com", "Transfer-Encoding: chunked\x0b"),
		"chunks in 1.0": "GET / HTTP/1.0\r\nHost: a.example.com\r\nTransfer-Encoding: chunked\r\n\r\n", "a chunk of no number": head("Host: a.example.com", "Transfer-Encoding: chunked") + "x\r\n", "a chunk that is too long": head("Host: a.example.com", "Transfer-Encoding: chunked") + "1\r\nab\r\n",
		"a request smuggled": head("Host: a.example.com", "Content-Length: 0") + head("Host: b.example.com"), "an endless head": "GET / HTTP/1.1\r\n" + strings.Repeat("X: yyyyyyyyyyyyyyyyyyyyy\r\n", 4000), "two spaces": strings.Replace(get, " / ", "  / ", 1),
	} {
		for _, n := range []int{1, 1 << 20} {
			if on, err := feed(judgeFor("a.example.com", 80, false), said, n); err == nil || strings.Contains(on, "b.example.com") {
				t.Errorf("%s, %d bytes at a time: %q, %v", name, n, on, err)
			}
		}
	}
}

func FuzzHello(f *testing.F) {
	f.Add(helloOf(f, &tls.Config{ServerName: "a.example.com"}))
	f.Add(inRecords(helloOf(f, &tls.Config{InsecureSkipVerify: true}), 30))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseHello(b)
		if err == nil && h.Name != "" {
			if again, err := ParseName(h.Name); err != nil || again != h.Name {
				t.Errorf("%q: %q, %v", h.Name, again, err)
			}
		}
		if errors.Is(err, errMore) && len(b) > 2*maxHello+recordHeader*maxHello {
			t.Errorf("%d bytes are not enough", len(b))
		}
	})
}

// FuzzWeb: whatever the parts are in which it comes, the same is judged and handed on.
func FuzzWeb(f *testing.F) {
	f.Add(get+"POST / HTTP/1.1\r\nHost: a.example.com\r\nContent-Length: 3\r\n\r\nabc", 3)
	f.Add("PUT / HTTP/1.1\r\nHost: a.example.com\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 1)
	f.Fuzz(func(t *testing.T, said string, n int) {
		if n < 1 {
			return
		}
		on, err := feed(judgeFor("a.example.com", 80, false), said, n)
		whole, err2 := feed(judgeFor("a.example.com", 80, false), said, 1<<20)
		if err == nil && err2 == nil && on != whole {
			t.Errorf("%q in parts of %d: %q, and at once %q", said, n, on, whole)
		}
		if (err == nil) != (err2 == nil) && !strings.HasPrefix(on, whole) {
			t.Errorf("%q in parts of %d: %v, and at once %v", said, n, err, err2)
		}
	})
}
