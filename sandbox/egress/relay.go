package egress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
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

func (f *connection) relay() (err error) {
	if f.flow.Inbound {
		return f.enter()
	}
	if f.to.IsValid() {
		ctx, cancel := context.WithTimeout(f.s.ctx, f.s.Patience)
		defer cancel()
		c, err := f.s.Dial(ctx, f.to)
		if err != nil {
			return f.s.late(ctx, err)
		}
		if err := f.opened(way{Conn: c, address: c.RemoteAddr().String()}); err != nil {
			return err
		}
		return f.both(nil)
	}
	if f.client != nil {
		if err := f.client.ask(f); err != nil {
			return err
		}
	}
	v := f.verdict()
	f.flow.Rule = v.Rule
	if !v.Allowed {
		return errRefused
	}
	f.choose()
	if f.client != nil && !f.client.web {
		return f.tunnel()
	}
	first, err := f.first()
	if err == nil {
		err = f.reach()
	}
	if err != nil {
		return err
	}
	return f.both(first)
}

func (f *connection) verdict() Verdict {
	if !f.literal {
		return f.s.Policy.Name(f.flow.Host, f.flow.Port)
	}
	a, err := netip.ParseAddr(f.flow.Host)
	if err != nil || Made4.Contains(a) || Made6.Contains(a) || a.IsLoopback() { // of no name, or the listener itself
		return Verdict{}
	}
	return f.s.Policy.Address(a, f.flow.Port)
}

// first waits for what a program says first, on the ports on which it does, and has it
// judged before anything outside is asked for.
func (f *connection) first() (on []byte, err error) {
	on, err = f.judged(nil) // what a proxy's client said behind its request
	if err != nil || len(on) > 0 || f.flow.Port != 443 && f.flow.Port != 80 {
		return on, err
	}
	if err := f.inside.SetReadDeadline(time.Now().Add(f.s.Patience)); err != nil {
		return nil, err
	}
	for len(on) == 0 {
		said, err := f.said()
		if len(said) > 0 {
			on, err = f.judged(said)
		}
		if err != nil {
			return nil, err
		}
	}
	return on, f.inside.SetReadDeadline(time.Time{})
}

// errSilent says that a program closed its connection before anything could be judged.
var errSilent = errors.New("nothing was said")

// said waits for more, with a deadline that was set.
func (f *connection) said() ([]byte, error) {
	buf := make([]byte, 4<<10)
	n, err := f.inside.Read(buf)
	switch {
	case n > 0:
		return buf[:n], nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, fmt.Errorf("nothing that can be judged was said in %v", f.s.Patience)
	case errors.Is(err, io.EOF):
		return nil, errSilent
	}
	return nil, err
}

// judged gives what may go on of what was said until now.
func (f *connection) judged(said []byte) ([]byte, error) {
	f.held = append(f.held, said...)
	on, used, err := f.judge.pass(f.held)
	if err != nil {
		return nil, err
	}
	if j, ok := f.judge.(*tlsJudge); ok {
		f.flow.HiddenName = j.hidden
	}
	if used == 0 {
		return nil, nil
	}
	on = append([]byte{}, on...) // what is held is written over
	f.held = append(f.held[:0], f.held[used:]...)
	return on, nil
}

// both hands on in both directions until both are at their end, or one fails.
func (f *connection) both(first []byte) error {
	out := make(chan error, 1)
	f.answered = make(chan bool, 1)
	go func() {
		err := f.send(first)
		if err != nil {
			f.abort()
		} else {
			err = closeWrite(f.outside)
		}
		out <- err
	}()
	err := f.receive()
	select {
	case f.answered <- true: // nobody waits for what comes no more
	default:
	}
	if err != nil {
		f.abort()
	} else {
		err = closeWrite(f.inside)
	}
	sent := <-out
	switch {
	case f.s.ctx.Err() != nil:
		return errEnded
	case sent != nil && !errors.Is(sent, net.ErrClosed):
		return sent
	}
	return err
}

// receive hands on what comes from outside.
func (f *connection) receive() error {
	if f.forwarding() {
		if err := f.accepted(); err != nil {
			return err
		}
	}
	if err := f.hear(); err != nil {
		return err
	}
	n, err := io.Copy(f.inside, f.outside)
	f.flow.Received += n
	return err
}

// send hands on what the sandbox says. When there is nothing left to judge, the kernel
// does it: both are sockets, so io.Copy is splice(2).
func (f *connection) send(first []byte) error {
	if err := f.write(first); err != nil {
		return err
	}
	var buf []byte // most flows need none
	for {
		if err := f.awaitAnswer(); err != nil {
			return err
		}
		if j, ok := f.judge.(*tlsJudge); f.judge == nil || ok && j.state == judged && len(f.held) == 0 {
			n, err := io.Copy(f.outside, f.inside)
			f.flow.Sent += n
			return err
		}
		if buf == nil {
			buf = make([]byte, f.bite())
		}
		n, err := f.inside.Read(buf)
		if n > 0 {
			on, err := f.judged(buf[:n])
			if err == nil {
				err = f.write(on)
			}
			if err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// bite is how much is read at a time: thousands of connections may wait in it. Of those
// that are judged to their end it is more.
func (f *connection) bite() int {
	if _, ok := f.judge.(*webJudge); ok {
		return 16 << 10
	}
	return 4 << 10
}

func (f *connection) write(b []byte) error {
	n, err := f.outside.Write(b)
	f.flow.Sent += int64(n)
	return err
}

// closeWrite hands the end of one direction on.
func closeWrite(c net.Conn) error {
	half, ok := c.(interface{ CloseWrite() error })
	if !ok {
		return nil
	}
	if err := half.CloseWrite(); err != nil && !errors.Is(err, syscall.ENOTCONN) && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
