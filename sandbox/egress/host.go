package egress

import (
	"context"
	"errors"
	"net"
	"net/netip"
)

// HostResolver asks as programs of the host do, by its resolv.conf and its hosts. It looks
// at resolv.conf again at most every five seconds, and then sees the one that is there.
type HostResolver struct {
	// Search has the search list of resolv.conf be tried, for what the caller named.
	Search bool
	// Dial connects to a name server of resolv.conf. Nil is as the host does.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Lookup gives the addresses of a name. It is a whole one, unless Search is set.
func (h HostResolver) Lookup(ctx context.Context, name string) ([]netip.Addr, error) {
	r := net.Resolver{PreferGo: true, Dial: h.Dial}
	if !h.Search {
		name += "."
	}
	addresses, err := r.LookupNetIP(ctx, "ip", name)
	var failed *net.DNSError
	if errors.As(err, &failed) && failed.IsNotFound {
		return nil, ErrNoName
	}
	return addresses, err
}

// HostDial connects from the host.
func HostDial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "tcp", to.String())
}

// HostAddresses are those of the host's interfaces.
func HostAddresses() []netip.Addr {
	all, _ := OwnAddresses() // without them the rest is judged
	return all
}

// OwnAddresses are all that the host's devices have.
func OwnAddresses() (all []netip.Addr, err error) {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	for _, a := range list {
		if n, ok := a.(*net.IPNet); ok {
			if addr, ok := netip.AddrFromSlice(n.IP); ok {
				all = append(all, addr.Unmap())
			}
		}
	}
	return all, nil
}
