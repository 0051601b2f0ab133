package egress

import (
	"fmt"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// backlog is how many connections may wait to be accepted.
const backlog = 4096

// Listen has a socket of the sandbox's namespace listen at an address. At an unspecified
// one of IPv6 it takes both families. From then on connections wait.
func Listen(f *os.File, at netip.AddrPort) error {
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
		return fmt.Errorf("listen at %s: %w", at, err)
	}
	return nil
}

// Port is that at which a socket listens.
func Port(f *os.File) (uint16, error) {
	at, err := unix.Getsockname(int(f.Fd()))
	switch at := at.(type) {
	case *unix.SockaddrInet4:
		return uint16(at.Port), nil
	case *unix.SockaddrInet6:
		return uint16(at.Port), nil
	}
	return 0, err
}

// ListenPacket does the same for UDP.
func ListenPacket(f *os.File, at netip.AddrPort) error {
	if err := unix.Bind(int(f.Fd()), sockaddr(at)); err != nil {
		return fmt.Errorf("bind to %s: %w", at, err)
	}
	return nil
}

func sockaddr(at netip.AddrPort) unix.Sockaddr {
	if at.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16()}
}
