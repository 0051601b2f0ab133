package egress

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

var errNoInode = errors.New("the socket is nobody's")

// Inode is that of the sandbox's own end of a connection, by which its process can be
// found, from a socket of NETLINK_SOCK_DIAG of its namespace (sock_diag(7)). The network
// is "tcp" or "udp".
func Inode(f *os.File, network string, local, remote netip.AddrPort) (uint32, error) {
	protocol := byte(unix.IPPROTO_TCP)
	if network == "udp" {
		protocol = unix.IPPROTO_UDP
		local, remote = remote, local // of UDP the kernel looks for the other end
	}
	src, dst := local.Addr().Unmap(), remote.Addr().Unmap()
	family := byte(unix.AF_INET6)
	if src.Is4() {
		family = unix.AF_INET
	}
	// struct inet_diag_req_v2, with no cookie to compare
	m := []byte{family, protocol, 0, 0, 0xff, 0xff, 0xff, 0xff}
	m = binary.BigEndian.AppendUint16(m, local.Port())
	m = binary.BigEndian.AppendUint16(m, remote.Port())
	for _, a := range []netip.Addr{src, dst} {
		m = append(m, append(a.AsSlice(), make([]byte, 16-a.BitLen()/8)...)...)
	}
	m = append(m, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	const byFamily = 20 // SOCK_DIAG_BY_FAMILY
	if err := unix.Sendto(int(f.Fd()), message(byFamily, unix.NLM_F_REQUEST, m), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return 0, err
	}
	answer, err := hear(f)
	if err != nil {
		return 0, err
	}
	const inode = unix.SizeofNlMsghdr + 68 // in struct inet_diag_msg
	switch {
	case len(answer) >= unix.SizeofNlMsghdr+4 && binary.NativeEndian.Uint16(answer[4:]) == unix.NLMSG_ERROR:
		return 0, answered(answer)
	case len(answer) < inode+4:
		return 0, errNoSense
	}
	if n := binary.NativeEndian.Uint32(answer[inode:]); n != 0 {
		return n, nil
	}
	return 0, errNoInode
}
