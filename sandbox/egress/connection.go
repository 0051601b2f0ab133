package egress

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// A connection is one of the sandbox's, or to it, on its way.
type connection struct {
	s       *Server
	inside  net.Conn
	outside net.Conn
	flow    Flow
	literal bool
	to      netip.AddrPort // where it goes whatever it is for, or none
	at      netip.AddrPort // what the sandbox connected to
	judge   judge
	held    []byte  // said, and not handed on yet
	heard   []byte  // from outside, and not handed on yet
	client  *client // of the sandbox's proxy, or nil
	via     *Proxy  // outside, or nil
	owned   <-chan struct{}
	// answered says whether the server wants another hello, once it has answered.
	answered chan bool
}

// flow begins with what the connection's address says. What the sandbox sees as the
// other end is the address that it asked for.
func (s *Server) flow(c net.Conn) *connection {
	to, err := netip.ParseAddrPort(c.LocalAddr().String())
	return s.flowTo(c, to, err)
}

// redirected is a flow that the kernel has brought here from where it was to go.
func (s *Server) redirected(c net.Conn) *connection {
	to, err := original(c)
	return s.flowTo(c, to, err)
}

func (s *Server) flowTo(c net.Conn, to netip.AddrPort, err error) *connection {
	f := &connection{s: s, inside: c, flow: Flow{Start: time.Now()}}
	if err != nil {
		return f // of no rule
	}
	f.at, f.flow.Port = to, to.Port()
	a := to.Addr().Unmap().WithZone("")
	if f.flow.Host, f.literal = a.String(), true; s.Names != nil {
		if name, ok := s.Names.Name(a); ok {
			f.flow.Host, f.literal = name, false
		}
	}
	return f
}

func (s *Server) forwarded(c net.Conn, to netip.AddrPort, rule string) *connection {
	at, _ := netip.ParseAddrPort(c.LocalAddr().String()) // of no use to know if not
	return &connection{s: s, inside: c, to: to, at: at, literal: true,
		flow: Flow{Start: time.Now(), Host: to.Addr().String(), Port: to.Port(), Allowed: true, Rule: rule}}
}

// errEnded says that the flow was ended with the sandbox.
var errEnded = errors.New("the sandbox ended")

// errRefused says that no rule allows it.
var errRefused = errors.New("no rule allows it")

func (f *connection) run() {
	f.register()
	f.owned = f.owner()
	err := f.relay()
	<-f.owned
	f.end(err)
}

// owner begins to look for the process, and says when that has ended.
func (f *connection) owner() <-chan struct{} {
	done := make(chan struct{})
	if f.s.Owner == nil || f.flow.Inbound {
		close(done)
		return done
	}
	from, err := netip.ParseAddrPort(f.inside.RemoteAddr().String())
	if err != nil {
		close(done)
		return done
	}
	go func() {
		defer close(done)
		f.flow.PID, f.flow.Command = f.s.Owner("tcp", from, f.at)
	}()
	return done
}

// sides are those that there are.
func (f *connection) sides() (all []net.Conn) {
	for _, c := range []net.Conn{f.inside, f.outside} {
		if c != nil {
			all = append(all, c)
		}
	}
	return all
}

// register has Close close the sides.
func (f *connection) register() {
	for _, c := range f.sides() {
		f.s.open.Store(c, f)
	}
}

// end closes both sides and tells of the flow. Where something went wrong the sandbox
// sees a reset: an end would be taken for all that there is.
func (f *connection) end(err error) {
	if err != nil && f.s.ctx.Err() != nil {
		err = errEnded
	}
	if err != nil {
		f.flow.Error = reason(err)
		if f.client == nil || !f.client.refuse(f, err) {
			f.abort()
		}
	}
	for _, c := range f.sides() {
		f.s.open.Delete(c)
		c.Close()
	}
	f.flow.Duration = time.Since(f.flow.Start)
	f.s.log(f.flow)
}

// reason is an error without the addresses, which are in the flow, or made up.
func reason(err error) string {
	var op *net.OpError
	var errno syscall.Errno
	var proxy *errProxy
	if errors.As(err, &proxy) {
		return (&errProxy{proxy.proxy, errors.New(reason(proxy.err))}).Error()
	}
	if errors.As(err, &op) && errors.As(err, &errno) && !errors.Is(err, context.DeadlineExceeded) {
		return errno.Error()
	}
	return err.Error()
}

// abort resets both sides.
func (f *connection) abort() {
	for _, c := range f.sides() {
		reset(c)
		c.Close()
	}
}

func reset(c net.Conn) {
	if t, ok := c.(interface{ SetLinger(seconds int) error }); ok {
		_ = t.SetLinger(0) // of a connection that is gone
	}
}
