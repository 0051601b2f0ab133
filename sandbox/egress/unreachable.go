package egress

import (
	"encoding/binary"
	"errors"
	"math"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ListenUnreachable has a raw socket of ICMP, of either family, of the sandbox's
// namespace be told of datagrams to ports that nobody listens at, by the errors that the
// kernel sends there: of connections there are none.
func ListenUnreachable(f *os.File) error {
	fd := int(f.Fd())
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return err
	}
	// Nothing else is taken (raw(7), ICMP_FILTER; RFC 3542 section 3.2): set bits are
	// refused.
	if domain == unix.AF_INET {
		const icmpFilter = 1
		return unix.SetsockoptInt(fd, unix.SOL_RAW, icmpFilter, ^(1 << unreachable4))
	}
	var refuse unix.ICMPv6Filter
	for i := range refuse.Data {
		refuse.Data[i] = math.MaxUint32
	}
	refuse.Data[0] &^= 1 << unreachable6
	return unix.SetsockoptICMPv6Filter(fd, unix.SOL_ICMPV6, unix.ICMPV6_FILTER, &refuse)
}

const unreachable4, unreachable6 = 3, 1 // the types of the messages (RFC 792, RFC 4443)

// ServeUnreachable tells where datagrams were to go, until the socket is closed.
func ServeUnreachable(c net.PacketConn, tell func(to netip.AddrPort)) error {
	buf := make([]byte, 1280)
	for {
		n, from, err := c.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		if err != nil {
			time.Sleep(10 * time.Millisecond) // no memory, for example
			continue
		}
		a, ok := from.(*net.IPAddr)
		if to, isDatagram := unreached(buf[:n], ok && a.IP.To4() == nil); isDatagram {
			tell(to)
		}
	}
}

// unreached reads an error of ICMP, in which the beginning of the packet is that it is
// about.
func unreached(m []byte, six bool) (to netip.AddrPort, ok bool) {
	const head = 8
	var port, addr []byte
	if six {
		const fixed, noPort = 40, 4
		if len(m) < head+fixed+4 || m[0] != unreachable6 || m[1] != noPort || m[head+6] != unix.IPPROTO_UDP {
			return to, false
		}
		addr, port = m[head+24:head+40], m[head+fixed+2:]
	} else {
		const noPort = 3
		if len(m) < head+20 || m[0] != unreachable4 || m[1] != noPort || m[head+9] != unix.IPPROTO_UDP {
			return to, false
		}
		length := int(m[head]&0xf) * 4
		if length < 20 || len(m) < head+length+4 {
			return to, false
		}
		addr, port = m[head+16:head+20], m[head+length+2:]
	}
	a, ok := netip.AddrFromSlice(addr)
	return netip.AddrPortFrom(a.Unmap(), binary.BigEndian.Uint16(port)), ok
}
