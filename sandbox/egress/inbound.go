package egress

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// The sandbox's loopback. A server that is to be reached from outside may listen at the
// one of IPv6 alone, as those do that ask for localhost.
var loopbacks = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}

// Publish accepts connections of the host's until the listener is closed, and takes each
// to a port of the sandbox's loopback, by Dial. It goes nowhere else.
func (s *Server) Publish(l net.Listener, port uint16, rule string) error {
	return s.accept(l, func(c net.Conn) *connection { return s.inbound(c, port, rule) })
}

func (s *Server) inbound(c net.Conn, port uint16, rule string) *connection {
	return &connection{s: s, outside: c, flow: Flow{
		Start: time.Now(), Host: loopbacks[0].String(), Port: port, Address: c.RemoteAddr().String(), Allowed: true, Inbound: true, Rule: rule,
	}}
}

// enter connects to the sandbox. Where nobody listens there the client sees a reset, as
// it does of a port that docker publishes: who waits for a server asks again.
func (f *connection) enter() error {
	ctx, cancel := context.WithTimeout(f.s.ctx, f.s.Patience)
	defer cancel()
	c, at, err := dialLoopback(ctx, f.flow.Port, f.s.Dial)
	if err != nil {
		return err
	}
	f.inside, f.flow.Host = c, at.String()
	f.register()
	if f.s.ctx.Err() != nil { // Close may have missed it
		return f.s.ctx.Err()
	}
	return f.both(nil)
}

// dialLoopback tries the second family where the first refuses.
func dialLoopback(ctx context.Context, port uint16, dial func(context.Context, netip.AddrPort) (net.Conn, error)) (c net.Conn, at netip.Addr, err error) {
	for _, a := range loopbacks {
		c, e := dial(ctx, netip.AddrPortFrom(a, port))
		if e == nil {
			return c, a, nil
		}
		if err == nil { // of the first: there may be no IPv6
			err = e
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			break
		}
	}
	return nil, netip.Addr{}, err
}

// Drain lets what a sandbox that has ended has still said go out, for so long: a server
// may answer and end. What its clients say is heard by nobody any more. The listeners
// must have been closed.
func (s *Server) Drain(limit time.Duration) {
	s.begin()
	s.open.Range(func(c, of any) bool {
		if half, ok := c.(interface{ CloseRead() error }); ok && of.(*connection).flow.Inbound && c == of.(*connection).outside {
			_ = half.CloseRead() // it is gone
		}
		return true
	})
	done := make(chan struct{})
	go func() { s.flows.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(limit):
	}
}
