package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
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
	addresses, _, err := h.lookupTTL(ctx, name)
	return addresses, err
}

func (h HostResolver) lookupTTL(ctx context.Context, name string) ([]netip.Addr, time.Duration, error) {
	var t ttl
	r := net.Resolver{PreferGo: true, Dial: t.dial(h.Dial)}
	if !h.Search {
		name += "."
	}
	addresses, err := r.LookupNetIP(ctx, "ip", name)
	var failed *net.DNSError
	if errors.As(err, &failed) && failed.IsNotFound {
		return nil, 0, ErrNoName
	}
	return addresses, t.duration(), err
}

// HostDial connects from the host.
func HostDial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "tcp", to.String())
}

// HostOwn refuses an address that is the host's. It is asked of the routes that a
// connection would go by: what a socket of the host's would send there from that same
// address stays in the host, also where a whole block is its own.
func HostOwn(a netip.Addr) error {
	family := unix.AF_INET6
	if a.Is4() {
		family = unix.AF_INET
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0) // nothing is sent by it
	if err == unix.EAFNOSUPPORT {
		return nil // nor will the dial get there
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	switch err := unix.Connect(fd, sockaddr(netip.AddrPortFrom(a, 9))); err {
	case nil:
	case unix.ENETUNREACH, unix.EHOSTUNREACH, unix.EADDRNOTAVAIL: // as the dial will say
		return nil
	default:
		return fmt.Errorf("whose %s is: %w", a, err)
	}
	local, err := unix.Getsockname(fd)
	if err != nil {
		return err
	}
	switch from := local.(type) {
	case *unix.SockaddrInet4:
		if netip.AddrFrom4(from.Addr) != a {
			return nil
		}
	case *unix.SockaddrInet6:
		if netip.AddrFrom16(from.Addr) != a {
			return nil
		}
	}
	return fmt.Errorf("%s is this machine", a)
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
