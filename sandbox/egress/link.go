package egress

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// loopback is lo's index: it is the first interface of every network namespace.
const loopback = 1

// A Link sets the network of a sandbox up, by a netlink socket of its namespace
// (rtnetlink(7)). Who made the user namespace may, from outside.
type Link struct{ f *os.File }

// NewLink takes a socket of NETLINK_ROUTE.
func NewLink(f *os.File) Link { return Link{f} }

// Up brings lo up.
func (l Link) Up() error {
	var info [unix.SizeofIfInfomsg]byte
	binary.NativeEndian.PutUint32(info[4:], loopback)
	binary.NativeEndian.PutUint32(info[8:], unix.IFF_UP)  // flags
	binary.NativeEndian.PutUint32(info[12:], unix.IFF_UP) // which of them change
	return l.do("bring lo up", unix.RTM_NEWLINK, 0, info[:])
}

// Widen has lo carry more at a time, where the kernel knows of such: connections go
// through it before they go out, and what that takes is for the most part by the packet.
// Larger ones than this gain less, since nobody reads so much at once.
func (l Link) Widen() {
	var info [unix.SizeofIfInfomsg]byte
	binary.NativeEndian.PutUint32(info[4:], loopback)
	m := info[:]
	for _, kind := range []uint16{unix.IFLA_GSO_MAX_SIZE, unix.IFLA_GSO_IPV4_MAX_SIZE} {
		m = attribute(m, kind, binary.NativeEndian.AppendUint32(nil, 2*math.MaxUint16))
	}
	_ = l.do("widen lo", unix.RTM_NEWLINK, 0, m) // Linux 5.19 is the first that can
}

// Own has all addresses of a block be the sandbox's own.
func (l Link) Own(block netip.Prefix) error {
	family, a := byte(unix.AF_INET6), block.Addr().AsSlice()
	if block.Addr().Is4() {
		family = unix.AF_INET
	}
	route := []byte{family, byte(block.Bits()), 0, 0, unix.RT_TABLE_LOCAL, unix.RTPROT_STATIC, unix.RT_SCOPE_HOST, unix.RTN_LOCAL, 0, 0, 0, 0}
	route = attribute(route, unix.RTA_DST, a)
	route = attribute(route, unix.RTA_OIF, binary.NativeEndian.AppendUint32(nil, loopback))
	return l.do("route "+block.String(), unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, route)
}

// Add gives lo an address more. A program that asks for addresses of a name is given
// none of a family of which the machine has 127.0.0.1 or ::1 alone (getaddrinfo(3),
// AI_ADDRCONFIG).
func (l Link) Add(a netip.Addr) error {
	family := byte(unix.AF_INET6)
	if a.Is4() {
		family = unix.AF_INET
	}
	m := []byte{family, byte(a.BitLen()), unix.IFA_F_NODAD, unix.RT_SCOPE_UNIVERSE}
	m = binary.NativeEndian.AppendUint32(m, loopback)
	m = attribute(m, unix.IFA_LOCAL, a.AsSlice())
	m = attribute(m, unix.IFA_ADDRESS, a.AsSlice())
	return l.do("address "+a.String(), unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, m)
}

// do asks for something and waits for the answer.
func (l Link) do(what string, kind, flags uint16, body []byte) error {
	if err := ask(l.f, message(kind, unix.NLM_F_REQUEST|unix.NLM_F_ACK|flags, body)); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
