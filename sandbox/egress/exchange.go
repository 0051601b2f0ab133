package egress

import (
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// An exchange is what one source of datagrams and a server say to each other.
type exchange struct {
	source
	inside         *net.UDPConn
	flow           Flow
	heard          atomic.Int64 // when one of them was, last, from the start on
	sent, received atomic.Int64
}

func newExchange(from source, port uint16, rule string) *exchange {
	return &exchange{source: from, flow: Flow{
		Start: time.Now(), Network: "udp", Host: loopbacks[0].String(), Port: port, Address: from.from.String(), Allowed: true, Inbound: true, Rule: rule,
	}}
}

// hears notes that one was heard. The wall's clock may be set meanwhile.
func (e *exchange) hears() { e.heard.Store(int64(time.Since(e.flow.Start))) }

func (e *exchange) lastHeard() time.Time { return e.flow.Start.Add(time.Duration(e.heard.Load())) }

func (e *exchange) told() Flow {
	f := e.flow
	f.Sent, f.Received, f.Duration = e.sent.Load(), e.received.Load(), time.Since(f.Start)
	return f
}

func (e *exchange) say(b []byte) {
	e.hears()
	if _, err := e.inside.Write(b); err == nil {
		e.received.Add(int64(len(b)))
	}
}

// carry hands answers out until nobody has said anything for so long, or the server is
// no more. A buffer is held only while there is an answer.
func (e *exchange) carry(d *Datagrams, idle time.Duration) error {
	raw, err := e.inside.SyscallConn()
	if err != nil {
		return err
	}
	for {
		if err := e.inside.SetReadDeadline(e.lastHeard().Add(idle)); err != nil {
			return err
		}
		var failed error
		err := raw.Read(func(fd uintptr) bool {
			failed = e.answer(d, int(fd))
			return failed != unix.EAGAIN
		})
		if errors.Is(err, os.ErrDeadlineExceeded) && time.Since(e.lastHeard()) < idle {
			continue
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err == nil {
			err = failed
		}
		if err != nil {
			return err
		}
	}
}

// answer hands one out. That a client is gone, or its network, is not the server's matter.
func (e *exchange) answer(d *Datagrams, inside int) error {
	buf := d.buffer()
	defer d.buffers.Put(buf)
	n, err := unix.Read(inside, buf[:])
	if err != nil {
		return err
	}
	e.hears()
	if _, _, err := e.at.WriteMsgUDPAddrPort(buf[:n], []byte(e.local), e.from); err == nil {
		e.sent.Add(int64(n))
	}
	return nil
}
