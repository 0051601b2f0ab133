package egress

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"syscall"

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

// attribute adds one to a message. All that there are here are a multiple of four bytes
// long, as alignment wants.
func attribute(to []byte, kind uint16, value []byte) []byte {
	to = binary.NativeEndian.AppendUint16(to, uint16(unix.SizeofRtAttr+len(value)))
	to = binary.NativeEndian.AppendUint16(to, kind)
	return append(to, value...)
}

// do asks for something and waits for the answer.
func (l Link) do(what string, kind, flags uint16, body []byte) error {
	m := binary.NativeEndian.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(body)))
	m = binary.NativeEndian.AppendUint16(m, kind)
	m = binary.NativeEndian.AppendUint16(m, unix.NLM_F_REQUEST|unix.NLM_F_ACK|flags)
	m = append(m, make([]byte, 8)...) // sequence, port
	fd := int(l.f.Fd())
	if err := unix.Sendto(fd, append(m, body...), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, answer, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if n < unix.SizeofNlMsghdr+4 || binary.NativeEndian.Uint16(answer[4:]) != unix.NLMSG_ERROR {
		return fmt.Errorf("%s: the kernel's answer makes no sense", what)
	}
	if code := int32(binary.NativeEndian.Uint32(answer[unix.SizeofNlMsghdr:])); code != 0 {
		return fmt.Errorf("%s: %w", what, syscall.Errno(-code))
	}
	return nil
}
