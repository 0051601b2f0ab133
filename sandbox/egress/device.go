package egress

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Index is a device's number.
func (l Link) Index(name string) (int, error) {
	index, err := l.index(name)
	if err != nil {
		return 0, fmt.Errorf("device %s: %w", name, err)
	}
	return index, nil
}

func (l Link) index(name string) (int, error) {
	m := attribute(make([]byte, unix.SizeofIfInfomsg), unix.IFLA_IFNAME, append([]byte(name), 0))
	if err := unix.Sendto(int(l.f.Fd()), message(unix.RTM_GETLINK, unix.NLM_F_REQUEST, m), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return 0, err
	}
	answer, err := hear(l.f)
	switch {
	case err != nil:
		return 0, err
	case len(answer) < unix.SizeofNlMsghdr+unix.SizeofIfInfomsg:
		return 0, errNoSense
	case binary.NativeEndian.Uint16(answer[4:]) == unix.NLMSG_ERROR:
		return 0, cmp.Or(answered(answer), errNoSense)
	}
	return int(binary.NativeEndian.Uint32(answer[unix.SizeofNlMsghdr+4:])), nil
}

// Device brings a device up, with an MTU.
func (l Link) Device(index, mtu int) error {
	m := make([]byte, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(m[4:], uint32(index))
	binary.NativeEndian.PutUint32(m[8:], unix.IFF_UP)
	binary.NativeEndian.PutUint32(m[12:], unix.IFF_UP)
	m = attribute(m, unix.IFLA_MTU, binary.NativeEndian.AppendUint32(nil, uint32(mtu)))
	return l.do("bring the device up", unix.RTM_NEWLINK, 0, m)
}

// Address gives a device an address, and a route to the block that it is in.
func (l Link) Address(index int, a netip.Prefix) error {
	m := []byte{family(a.Addr()), byte(a.Bits()), unix.IFA_F_NODAD, unix.RT_SCOPE_UNIVERSE}
	m = binary.NativeEndian.AppendUint32(m, uint32(index))
	m = attribute(m, unix.IFA_LOCAL, a.Addr().AsSlice())
	m = attribute(m, unix.IFA_ADDRESS, a.Addr().AsSlice())
	return l.do("address "+a.String(), unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, m)
}

// Default has all that no other route is for go by a gateway.
func (l Link) Default(index int, gateway netip.Addr) error {
	m := []byte{family(gateway), 0, 0, 0, unix.RT_TABLE_MAIN, unix.RTPROT_STATIC, unix.RT_SCOPE_UNIVERSE, unix.RTN_UNICAST, 0, 0, 0, 0}
	m = attribute(m, unix.RTA_GATEWAY, gateway.AsSlice())
	m = attribute(m, unix.RTA_OIF, binary.NativeEndian.AppendUint32(nil, uint32(index)))
	return l.do("default route by "+gateway.String(), unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, m)
}

func family(a netip.Addr) byte {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}
