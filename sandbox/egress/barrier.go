package egress

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// A Barrier closes addresses to all that a network namespace sends, by policies of the
// kernel's IPsec (xfrm) that forbid a destination. It goes by a netlink socket of the
// namespace.
//
// Routes would not do. A program may bind its socket to a device, and then a route that
// prohibits is no longer heard: IPv4 takes the destination to be on the link
// (ip_route_output_key_hash_rcu), IPv6 the next route of that device. Policies are
// looked up behind all that, for each socket but those of packets, which need
// CAP_NET_RAW.
type Barrier struct{ l Link }

// NewBarrier takes a socket of NETLINK_XFRM.
func NewBarrier(f *os.File) Barrier { return Barrier{Link{f}} }

// A gate is what a policy is about.
type gate struct {
	to       netip.Prefix
	device   int // that the socket is bound to, 0 for any
	protocol byte
	port     uint16 // of TCP and UDP
	kind     uint16 // of ICMPv6
}

// Of the policies that a packet matches the one of the least number is done.
const (
	onDevice = 1 + iota
	excepted
	general
)

// Close forbids a block.
func (b Barrier) Close(block netip.Prefix) error { return b.add(gate{to: block}, true, general) }

// Port lets TCP and UDP pass to one port of an address within.
func (b Barrier) Port(a netip.AddrPort) error {
	for _, protocol := range []byte{unix.IPPROTO_TCP, unix.IPPROTO_UDP} {
		if err := b.add(gate{to: single(a.Addr()), protocol: protocol, port: a.Port()}, false, excepted); err != nil {
			return err
		}
	}
	return nil
}

// Own lets pass what the namespace sends to itself, by an address within what is closed.
// Who binds a socket to the device would send it out there.
func (b Barrier) Own(a netip.Addr, device int) error {
	if err := b.add(gate{to: single(a), device: device}, true, onDevice); err != nil {
		return err
	}
	return b.add(gate{to: single(a)}, false, excepted)
}

// Neighbours lets neighbours and routers be found (RFC 4861), by multicast on the link.
func (b Barrier) Neighbours() error {
	const routerSolicitation, neighbourAdvertisement = 133, 136
	for kind := uint16(routerSolicitation); kind <= neighbourAdvertisement; kind++ {
		if err := b.add(gate{to: everywhere6, protocol: unix.IPPROTO_ICMPV6, kind: kind}, false, excepted); err != nil {
			return err
		}
	}
	return nil
}

var everywhere6 = netip.PrefixFrom(netip.IPv6Unspecified(), 0)

func single(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

const newPolicy = 0x13 // XFRM_MSG_NEWPOLICY

// add adds a policy (struct xfrm_userpolicy_info, linux/xfrm.h).
func (b Barrier) add(g gate, forbid bool, priority uint32) error {
	m := make([]byte, 168)
	copy(m, g.to.Masked().Addr().AsSlice())
	if g.port != 0 {
		binary.BigEndian.PutUint16(m[32:], g.port)
		binary.BigEndian.PutUint16(m[34:], 0xffff)
	}
	if g.kind != 0 { // is where the source port is
		binary.BigEndian.PutUint16(m[36:], g.kind)
		binary.BigEndian.PutUint16(m[38:], 0xffff)
	}
	binary.NativeEndian.PutUint16(m[40:], uint16(family(g.to.Addr())))
	m[42], m[44] = byte(g.to.Bits()), g.protocol
	binary.NativeEndian.PutUint32(m[48:], uint32(g.device))
	for i := range 4 { // the limits of bytes and packets: none
		binary.NativeEndian.PutUint64(m[56+8*i:], ^uint64(0))
	}
	const out = 1
	binary.NativeEndian.PutUint32(m[152:], priority)
	m[160] = out
	if forbid {
		m[161] = 1
	}
	return b.l.do(fmt.Sprintf("policy for %s", g.to), newPolicy, 0, m)
}
