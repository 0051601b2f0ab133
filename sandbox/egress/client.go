package egress

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A client is one of the sandbox's own proxy: a program that asks for a host by its
// name instead of connecting to it. It is told apart by its first byte.
type client struct {
	socks, http bool
	web         bool // asks by requests, and not for a tunnel
	asked       bool // for something that makes sense
	granted     bool
}

// ServeProxy accepts connections to the sandbox's own proxy, which speaks HTTP and SOCKS
// 5, and takes each to the host it asks for. Policy and judges are those of Serve.
func (s *Server) ServeProxy(l net.Listener) error { return s.accept(l, s.proxied) }

func (s *Server) proxied(c net.Conn) *connection {
	f := s.flow(c)
	f.client, f.flow.How, f.flow.Rule = &client{}, "proxy", "--proxy-env"
	return f
}

var errNeither = errors.New("it speaks neither HTTP nor SOCKS 5")

// ask finds out what is asked for. All of it must come in the time that there is.
func (c *client) ask(f *connection) error {
	if err := f.inside.SetReadDeadline(time.Now().Add(f.s.Patience)); err != nil {
		return err
	}
	t, err := c.target(f)
	if err != nil {
		return err
	}
	c.asked = true
	f.flow.Host, f.flow.Port, f.literal = t.host, t.port, t.literal
	if a, err := netip.ParseAddr(t.host); err == nil && f.s.Names != nil { // one that was made up for a name
		if name, ok := f.s.Names.Name(a); ok {
			f.flow.Host, f.literal = name, false
		}
	}
	return f.inside.SetReadDeadline(time.Time{})
}

func (c *client) target(f *connection) (target, error) {
	said, err := f.said()
	if err != nil {
		return target{}, f.unused(err)
	}
	f.held = append(f.held, said...)
	switch first := f.held[0]; {
	case first == socks5:
		return c.targetOfSOCKS(f)
	case first >= 'A' && first <= 'Z':
		c.http = true
		for {
			t, web, n, err := parseProxyRequest(f.held)
			if err == nil {
				f.held, c.web = f.held[n:], web
			}
			if !errors.Is(err, errMore) {
				return t, err
			}
			if err := f.more(); err != nil {
				return t, err
			}
		}
	}
	return target{}, errNeither
}

func (c *client) targetOfSOCKS(f *connection) (t target, err error) {
	for {
		nobody, n, err := parseMethods(f.held)
		if err == nil {
			f.held = f.held[n:]
			c.socks = true
			if !nobody {
				return t, &errSOCKS{noMethod, "it would prove who it is, and nobody asks"}
			}
			if _, err := f.inside.Write([]byte{socks5, byNobody}); err != nil {
				return t, err
			}
			break
		}
		if !errors.Is(err, errMore) {
			return t, err
		}
		if err := f.more(); err != nil {
			return t, err
		}
	}
	for {
		t, n, err := parseSOCKS(f.held)
		if err == nil {
			f.held = f.held[n:]
		}
		if !errors.Is(err, errMore) {
			return t, err
		}
		if err := f.more(); err != nil {
			return t, err
		}
	}
}

func (f *connection) more() error {
	said, err := f.said()
	f.held = append(f.held, said...)
	return err
}

// parseProxyRequest reads a request of HTTP to a proxy. One for a tunnel is taken off,
// its n bytes; another is for the host, which gets it.
func parseProxyRequest(b []byte) (t target, web bool, n int, err error) {
	const tunnel = "CONNECT "
	if !strings.HasPrefix(string(b[:min(len(b), len(tunnel))]), tunnel[:min(len(b), len(tunnel))]) {
		r, _, err := ParseRequest(b)
		if err != nil {
			return t, true, 0, err
		}
		if r.line.authority == "" || r.Port == 443 {
			return t, true, 0, fmt.Errorf("%w to a proxy", errNotHTTP)
		}
		t, err := parseTarget(r.Host, r.Port)
		return t, true, 0, err
	}
	lines, n, err := parseHead(b)
	if err != nil {
		return t, false, 0, err
	}
	words := strings.Split(lines[0], " ")
	if len(words) != 3 || words[2] != "HTTP/1.1" && words[2] != "HTTP/1.0" {
		return t, false, 0, errNotHTTP
	}
	h, err := parseFields(lines[1:])
	if err != nil {
		return t, false, 0, err
	}
	if h.chunked || h.length > 0 || h.hosts > 1 { // what follows is the tunnel's (RFC 9110 section 9.3.6)
		return t, false, 0, errNotHTTP
	}
	if t, err = parseAuthority(words[1], 0); err != nil {
		err = fmt.Errorf("%w: it asks for %q: %w", errNotHTTP, words[1], err)
	}
	return t, false, n, err
}

// grant tells the client that the host is there.
func (c *client) grant(f *connection) error {
	answer := []byte("HTTP/1.1 200 Connection established\r\n\r\n")
	if c.socks {
		answer = socksAnswer(socksGranted)
	}
	c.granted = true
	_, err := f.inside.Write(answer)
	return err
}

// lastWords is how long a client may take to hear why it is refused.
const lastWords = time.Second

// refuse tells the client what went wrong, if it can still be told.
func (c *client) refuse(f *connection, err error) bool {
	if c.granted || f.outside != nil && c.web || !c.http && !c.socks || errors.Is(err, errEnded) {
		return false
	}
	code, status, text := c.excuse(f, err)
	answer := socksAnswer(code)
	if code == noMethod {
		answer = answer[:2]
	}
	if c.http {
		text = strings.Map(visible, text)
		answer = fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\nsbx: %s\n", status, text, len(text)+len("sbx: \n"), text)
	}
	_ = f.inside.SetDeadline(time.Now().Add(lastWords))
	if _, err := f.inside.Write(answer); err != nil || closeWrite(f.inside) != nil {
		return false
	}
	// What is unread when it is closed would make a reset of the end.
	_, _ = io.Copy(io.Discard, io.LimitReader(f.inside, 2<<20))
	return true
}

// excuse says what the client may know: neither the caller's addresses nor the caller's
// proxy.
func (c *client) excuse(f *connection, err error) (code byte, status int, text string) {
	var private *errPrivate
	var socks *errSOCKS
	var errno syscall.Errno
	to := net.JoinHostPort(f.flow.Host, strconv.Itoa(int(f.flow.Port)))
	switch {
	case errors.As(err, &socks):
		return socks.code, 0, ""
	case errors.Is(err, errRefused) && f.flow.Rule == "":
		return socksForbidden, 403, "no rule of sbx allows it; --allow " + to + " would"
	case errors.Is(err, errRefused):
		return socksForbidden, 403, "refused by " + f.flow.Rule
	case errors.As(err, &private):
		return socksForbidden, 403, to + " is no public address; --allow-private " + to + " would allow it"
	case !c.asked || errors.Is(err, errNotHTTP):
		return socksFailed, 400, err.Error()
	case errors.Is(err, ErrNoName):
		return socksUnreachable, 502, "there is no " + f.flow.Host
	case errors.As(err, &errno) && f.via == nil:
		if code = socksUnreachable; errno == syscall.ECONNREFUSED {
			code = socksRefused
		}
		return code, 502, to + ": " + errno.Error()
	}
	var another *errAnother
	if errors.As(err, &another) {
		return socksForbidden, 403, err.Error()
	}
	return socksUnreachable, 502, to + " cannot be reached"
}
