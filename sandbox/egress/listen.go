package egress

import (
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// backlog is how many connections may wait to be accepted.
const backlog = 4096

// Listen takes a socket of the sandbox's namespace and has it listen at an address. At
// an unspecified one of IPv6 it takes both families.
func Listen(f *os.File, at netip.AddrPort) (net.Listener, error) {
	defer f.Close()
	fd := int(f.Fd())
	err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if err == nil && at.Addr().Is6() {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0)
	}
	if err == nil {
		err = unix.Bind(fd, sockaddr(at))
	}
	if err == nil {
		err = unix.Listen(fd, backlog)
	}
	if err != nil {
		return nil, fmt.Errorf("listen at %s: %w", at, err)
	}
	return net.FileListener(f)
}

// ListenPacket does the same for UDP.
func ListenPacket(f *os.File, at netip.AddrPort) (net.PacketConn, error) {
	defer f.Close()
	if err := unix.Bind(int(f.Fd()), sockaddr(at)); err != nil {
		return nil, fmt.Errorf("bind to %s: %w", at, err)
	}
	return net.FilePacketConn(f)
}

func sockaddr(at netip.AddrPort) unix.Sockaddr {
	if at.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16()}
}
