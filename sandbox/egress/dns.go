package egress

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"time"
)

const (
	mostQueries = 256              // that are answered at a time: a hundred programs may start at once
	longestWait = 10 * time.Second // for an answer from outside, and for a query by TCP
)

// ServeUDP answers queries until the socket is closed. Those that come while 256 are
// answered are dropped: a resolver asks again.
func (a *Answerer) ServeUDP(c net.PacketConn) error {
	turn := make(chan struct{}, mostQueries)
	buf := make([]byte, 4096)
	for {
		n, from, err := c.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		if err != nil {
			continue // that an answer did not arrive, which is told so
		}
		select {
		case turn <- struct{}{}:
		default:
			continue
		}
		query := append([]byte{}, buf[:n]...)
		go func() {
			defer func() { <-turn }()
			if answer := a.answer(query, false, asker("udp", from, c.LocalAddr())); answer != nil {
				_, _ = c.WriteTo(answer, from) // who asked may be gone
			}
		}()
	}
}

func asker(network string, from, to net.Addr) (by Asker) {
	by.Network = network
	by.From, _ = netip.ParseAddrPort(from.String()) // none is nobody's
	by.To, _ = netip.ParseAddrPort(to.String())
	return by
}

func (a *Answerer) answer(query []byte, tcp bool, by Asker) []byte {
	ctx, cancel := context.WithTimeout(context.Background(), longestWait)
	defer cancel()
	return a.answerTo(ctx, query, tcp, by)
}

// ServeTCP answers queries until the listener is closed.
func (a *Answerer) ServeTCP(l net.Listener) error {
	turn := make(chan struct{}, mostQueries)
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		if err != nil {
			time.Sleep(10 * time.Millisecond) // no descriptors, for example
			continue
		}
		select {
		case turn <- struct{}{}:
			go func() {
				defer func() { <-turn }()
				a.converse(c)
			}()
		default:
			c.Close()
		}
	}
}

// converse answers what is asked on a connection, one after the other (RFC 7766).
func (a *Answerer) converse(c net.Conn) {
	defer c.Close()
	for {
		_ = c.SetDeadline(time.Now().Add(longestWait))
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(c, query); err != nil {
			return
		}
		answer := a.answer(query, true, asker("tcp", c.RemoteAddr(), c.LocalAddr()))
		if answer == nil {
			return
		}
		if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
			return
		}
	}
}
