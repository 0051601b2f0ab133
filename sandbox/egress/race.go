package egress

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// stagger is how long the next address waits for the one before (RFC 8305 section 8).
const stagger = 250 * time.Millisecond

// race dials addresses, of one family and the other in turn, until one answers (RFC
// 8305, "Happy Eyeballs"). The others are given up.
func race(ctx context.Context, addresses []netip.Addr, port uint16, dial func(context.Context, netip.AddrPort) (net.Conn, error)) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		c   net.Conn
		err error
	}
	results := make(chan result)
	try := func(a netip.Addr) {
		c, err := dial(ctx, netip.AddrPortFrom(a, port))
		select {
		case results <- result{c, err}:
		case <-ctx.Done():
			if err == nil {
				c.Close()
			}
		}
	}
	rest := inTurn(addresses)
	running := 0
	next := func() {
		if len(rest) > 0 {
			go try(rest[0])
			rest, running = rest[1:], running+1
		}
	}
	next()
	wait := time.NewTimer(stagger)
	defer wait.Stop()
	var failed error
	for {
		select {
		case <-wait.C:
			next()
		case r := <-results:
			if r.err == nil {
				return r.c, nil
			}
			if failed == nil {
				failed = r.err
			}
			running--
			if next(); running == 0 {
				return nil, failed
			}
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		wait.Reset(stagger)
	}
}

// inTurn has the families follow each other, the first address's first.
func inTurn(addresses []netip.Addr) (all []netip.Addr) {
	var one, other []netip.Addr
	for _, a := range addresses {
		if a.Is4() == addresses[0].Is4() {
			one = append(one, a)
		} else {
			other = append(other, a)
		}
	}
	for i := range max(len(one), len(other)) {
		if i < len(one) {
			all = append(all, one[i])
		}
		if i < len(other) {
			all = append(all, other[i])
		}
	}
	return all
}
