package egress

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// Datagrams carries those of published ports. Each source outside has a socket of its
// own inside, so that a server tells its clients apart, and what it answers there goes
// to that one. Nothing is sent that nobody else sent: what a forged source is told is
// what the server would tell it.
type Datagrams struct {
	// Dial gives a UDP socket of the sandbox's, connected to an address there.
	Dial func(ctx context.Context, to netip.AddrPort) (net.Conn, error)
	// Log is told of each source that was heard of no more. It may be called at any time,
	// and at once. Nil drops it.
	Log func(Flow)
	// MostSources bounds those that there are at a time. Others are dropped meanwhile: to
	// make room for them would let a flood of forged ones end those that are real. Zero
	// is 1024.
	MostSources int
	// Idle is how long a source may be silent, and its server. Zero is a minute.
	Idle time.Duration

	mu        sync.Mutex
	exchanges map[source]*exchange
	full      bool // was said
	running   sync.WaitGroup
	buffers   sync.Pool // of *datagram
}

var errTooManySources = errors.New("too many sources of datagrams at once")

// maxDatagram is what fits into the length field of IPv4's header, which has the whole.
const maxDatagram = 1<<16 - 1

type datagram [maxDatagram]byte

// A source is one outside, and where it sent to: several sockets may be its peer.
type source struct {
	from  netip.AddrPort
	local string // a control message that says so, where that is not clear
	at    *net.UDPConn
}

// Serve carries the datagrams of a socket of the host's until it is closed.
func (d *Datagrams) Serve(p *net.UDPConn, port uint16, rule string) error {
	buf := d.buffer()
	defer d.buffers.Put(buf)
	oob, err := askDestination(p)
	for err == nil {
		var n, oobn int
		var from netip.AddrPort
		n, oobn, _, from, err = p.ReadMsgUDPAddrPort(buf[:], oob)
		if err == nil {
			d.enter(source{from, replyFrom(oob[:oobn]), p}, port, rule, buf[:n])
		} else if !errors.Is(err, net.ErrClosed) { // no memory, for example
			time.Sleep(10 * time.Millisecond)
			err = nil
		}
	}
	return err
}

func (d *Datagrams) buffer() *datagram {
	if b, ok := d.buffers.Get().(*datagram); ok {
		return b
	}
	return new(datagram)
}

// Close ends all exchanges, when each Serve has ended.
func (d *Datagrams) Close() {
	d.mu.Lock()
	for _, e := range d.exchanges {
		e.inside.Close()
	}
	d.mu.Unlock()
	d.running.Wait()
}

// enter hands a datagram in.
func (d *Datagrams) enter(from source, port uint16, rule string, b []byte) {
	d.mu.Lock()
	e, known := d.exchanges[from]
	full := !known && len(d.exchanges) >= orDefault(d.MostSources, 1024)
	first := full && !d.full
	d.full = full || known && d.full
	d.mu.Unlock()
	switch {
	case known:
		e.say(b) // which fails when the server ended, and is noticed by the reader
		return
	case full && !first:
		return
	}
	e = newExchange(from, port, rule)
	err := errTooManySources
	if !full {
		err = e.begin(d.Dial, port, b)
	}
	if err == nil {
		d.run(e)
		return
	}
	d.end(e, err)
}

// run carries the answers of an exchange that has begun.
func (d *Datagrams) run(e *exchange) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.exchanges == nil {
		d.exchanges = map[source]*exchange{}
	}
	d.exchanges[e.source] = e
	d.running.Go(func() {
		err := e.carry(d, orDefault(d.Idle, time.Minute))
		d.mu.Lock()
		delete(d.exchanges, e.source)
		d.mu.Unlock()
		e.inside.Close()
		if errors.Is(err, net.ErrClosed) {
			err = nil // the sandbox ended, which is no matter to what has no end itself
		}
		d.end(e, err)
	})
}

func (d *Datagrams) end(e *exchange, err error) {
	f := e.told()
	if err != nil {
		f.Error = reason(err)
	}
	if d.Log != nil {
		d.Log(f)
	}
}

func orDefault[T int | time.Duration](v, otherwise T) T {
	if v <= 0 {
		return otherwise
	}
	return v
}

// begin sends the first datagram, to the family that takes it. The loopback says that
// nobody listens before a write returns, nearly always; where it does so later the
// source has to say it again, as with any that is lost.
func (e *exchange) begin(dial func(context.Context, netip.AddrPort) (net.Conn, error), port uint16, b []byte) error {
	c, at, err := dialLoopback(context.Background(), port, func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
		c, err := dial(ctx, to)
		if err != nil {
			return nil, err
		}
		if _, err = c.Write(b); err == nil {
			err = pending(c)
		}
		if err != nil {
			c.Close()
			return nil, err
		}
		return c, nil
	})
	if err != nil {
		return err
	}
	e.inside, e.flow.Host = c.(*net.UDPConn), at.String()
	e.received.Add(int64(len(b)))
	return nil
}

// pending is the error that a socket has in store.
func pending(c net.Conn) error {
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { _, failed = connected(int(fd)) }); err != nil {
		return err
	}
	return failed
}
