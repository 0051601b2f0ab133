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

func (f *connection) relay() (err error) {
	if f.flow.Inbound {
		return f.enter()
	}
	if f.to.IsValid() {
		ctx, cancel := context.WithTimeout(f.s.ctx, f.s.Patience)
		defer cancel()
		c, err := f.forward(ctx)
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

// forward dials where all of the listener's connections go. A service of the host's loopback
// may be at ::1 alone, as those are that listen at localhost.
func (f *connection) forward(ctx context.Context) (net.Conn, error) {
	if f.to.Addr() != loopbacks[0] {
		return f.s.Dial(ctx, f.to)
	}
	c, at, err := dialLoopback(ctx, f.to.Port(), f.s.Dial)
	if err == nil {
		f.flow.Host = at.String()
	}
	return c, err
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
			return nil, f.unused(err)
		}
	}
	return on, f.inside.SetReadDeadline(time.Time{})
}

// errUnused says that a program opened a connection and closed it without a byte.
var errUnused = errors.New("closed unused")

// unused tells what ended before anything could be judged from what was refused. Programs
// connect to both families of a host and drop the slower one (RFC 8305), or connect early.
func (f *connection) unused(err error) error {
	switch {
	case f.s.ctx.Err() != nil: // it ends with the sandbox
		f.flow.Allowed = true
	case len(f.held) == 0 && (errors.Is(err, errSilent) || errors.Is(err, syscall.ECONNRESET)):
		f.flow.Allowed = true
		return errUnused
	}
	return err
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
	if len(b) == 0 {
		return nil
	}
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
