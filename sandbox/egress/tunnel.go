package egress

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// errProxy says that a proxy outside did not do what it was asked for.
type errProxy struct {
	proxy *Proxy
	err   error
}

func (e *errProxy) Error() string { return fmt.Sprintf("the proxy %s: %v", e.proxy, e.err) }
func (e *errProxy) Unwrap() error { return e.err }

// A way leads to a host outside.
type way struct {
	net.Conn
	address string // what was dialled
	heard   []byte // what the host said before the connection was handed over
}

// maxAnswer is how long the head of a proxy's answer may be.
const maxAnswer = 16 << 10

// lookHere is how long a name that a proxy finds may take to be found here.
const lookHere = 2 * time.Second

// checkHere judges the addresses that a name has here, of which the proxy may know
// others. Where names of the outside are unknown, which is usual behind a proxy, there is
// nothing to judge; of several addresses the proxy chooses, so none may be refused.
func (s *Server) checkHere(ctx context.Context, host string, literal bool, port uint16) error {
	ctx, cancel := context.WithTimeout(ctx, lookHere)
	defer cancel()
	addresses, err := s.lookup(ctx, host, literal)
	if err != nil {
		return nil
	}
	_, refused := s.allowed(addresses, host, literal, port)
	return refused
}

// through reaches a host by a proxy. The name goes to the proxy as it is, since it judges
// names too.
func (s *Server) through(ctx context.Context, p *Proxy, host string, port uint16, tunnel bool) (w way, err error) {
	if w, err = s.proxy(ctx, p); err == nil && tunnel {
		err = w.tunnel(ctx, p, host, port)
	}
	switch {
	case err == nil:
		return w, nil
	case ctx.Err() != nil:
		err = errors.New("it does not answer")
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("it closed the connection")
	}
	return way{}, &errProxy{p, err}
}

// tunnel has the proxy connect to the host. One that hangs is let go when the context
// ends, as is one that drips.
func (w *way) tunnel(ctx context.Context, p *Proxy, host string, port uint16) (err error) {
	stop := context.AfterFunc(ctx, func() { _ = w.SetDeadline(time.Unix(1, 0)) })
	if p.scheme == "socks5" {
		err = w.socks(p, host, port)
	} else {
		err = w.connect(p, host, port)
	}
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		w.Close()
	}
	return err
}

// proxy connects to a proxy.
func (s *Server) proxy(ctx context.Context, p *Proxy) (way, error) {
	addresses := []netip.Addr{}
	if a, err := netip.ParseAddr(p.host); err == nil {
		addresses = append(addresses, a)
	} else {
		resolver := s.Upstream.Resolver
		if resolver == nil {
			resolver = s.Resolver
		}
		if addresses, err = resolver.Lookup(ctx, p.host); err != nil {
			return way{}, err
		}
		if len(addresses) == 0 {
			return way{}, errors.New("it has no address")
		}
	}
	c, err := race(ctx, addresses, p.port, s.Dial)
	if err != nil {
		if s.Upstream.Resolver != nil {
			forget(s.Upstream.Resolver, p.host)
		}
		return way{}, err
	}
	w := way{Conn: c, address: c.RemoteAddr().String()}
	if p.scheme != "https" {
		return w, nil
	}
	if s.Upstream.Secure == nil {
		c.Close()
		return way{}, errors.New("there is no TLS for it")
	}
	if w.Conn, err = s.Upstream.Secure(ctx, c, p.host); err != nil {
		c.Close()
		return way{}, err
	}
	return w, nil
}

// connect asks a proxy of HTTP for a tunnel (RFC 9110 section 9.3.6).
func (w *way) connect(p *Proxy, host string, port uint16) error {
	to := net.JoinHostPort(host, strconv.Itoa(int(port)))
	if _, err := w.Write([]byte("CONNECT " + to + " HTTP/1.1\r\nHost: " + to + "\r\n" + p.authorization() + "\r\n")); err != nil {
		return err
	}
	var said []byte
	for {
		buf := make([]byte, 2<<10)
		n, err := w.Read(buf)
		said = append(said, buf[:n]...)
		if end := bytes.Index(said, []byte("\r\n\r\n")); end >= 0 {
			w.heard = said[end+4:]
			line, _, _ := strings.Cut(string(said), "\r\n")
			return p.granted(line)
		}
		if err == nil && len(said) > maxAnswer {
			err = errors.New("its answer has no end")
		}
		if err != nil {
			return err
		}
	}
}

// granted reads the first line of an answer.
func (p *Proxy) granted(line string) error {
	version, rest, _ := strings.Cut(line, " ")
	code, text, _ := strings.Cut(rest, " ")
	switch {
	case version != "HTTP/1.1" && version != "HTTP/1.0" || len(code) != 3:
		return errors.New("it does not speak HTTP")
	case code[0] == '2':
		return nil
	case code == "407" && p.user == nil:
		return errors.New("it wants credentials (407); they go into its URL, as http://USER:PASSWORD@HOST:PORT")
	case code == "407":
		return errors.New("it does not take the credentials (407)")
	}
	return fmt.Errorf("it refuses: %s", strings.ToValidUTF8(code+" "+strings.Map(visible, text[:min(len(text), 80)]), "?"))
}

// accepted looks whether a proxy that requests are handed to wants credentials: then it
// is no answer of the host's.
func (f *connection) accepted() error {
	const until = len("HTTP/1.1 407")
	for buf := make([]byte, 4<<10); len(f.heard) < until; {
		n, err := f.outside.Read(buf)
		f.heard = append(f.heard, buf[:n]...)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	if string(f.heard[until-4:until]) == " 407" {
		return &errProxy{f.via, f.via.granted(string(f.heard[:until]))}
	}
	return nil
}

func visible(r rune) rune {
	if r < ' ' || r >= 0x7f {
		return '?'
	}
	return r
}
