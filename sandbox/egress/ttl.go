package egress

import (
	"context"
	"net"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// A ttl is the least one of the records that a name server answered with, which the
// resolver of package net does not tell. It is read from the datagrams that pass. A forged
// one shortens or lengthens what a cache bounds anyway.
type ttl struct {
	mu    sync.Mutex
	known bool
	least uint32
}

type dialer = func(ctx context.Context, network, address string) (net.Conn, error)

// dial connects to name servers as another dialer does, or as the host where that is nil.
func (t *ttl) dial(next dialer) dialer {
	if next == nil {
		next = (&net.Dialer{}).DialContext
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := next(ctx, network, address)
		if p, ok := c.(net.PacketConn); ok && err == nil {
			return &watchedPackets{c, p, t}, nil
		}
		return c, err
	}
}

func (t *ttl) duration() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return time.Duration(t.least) * time.Second
}

func (t *ttl) note(answer []byte) {
	var p dnsmessage.Parser
	if _, err := p.Start(answer); err != nil || p.SkipAllQuestions() != nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		h, err := p.AnswerHeader()
		if err != nil || p.SkipAnswer() != nil {
			return
		}
		if !t.known || h.TTL < t.least {
			t.known, t.least = true, h.TTL
		}
	}
}

// watchedPackets is a connection by UDP, which package net tells apart by being a
// net.PacketConn. It only reads and writes it as a connection.
type watchedPackets struct {
	net.Conn
	packets net.PacketConn
	ttl     *ttl
}

func (w *watchedPackets) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if err == nil {
		w.ttl.note(b[:n])
	}
	return n, err
}

func (w *watchedPackets) ReadFrom(b []byte) (int, net.Addr, error)   { return w.packets.ReadFrom(b) }
func (w *watchedPackets) WriteTo(b []byte, to net.Addr) (int, error) { return w.packets.WriteTo(b, to) }
