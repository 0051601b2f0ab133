package main

import (
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"
)

// reach connects in an unusual manner: HOW ADDRESS MARKER. The address is of IPv4.
func reach(args []string) {
	to, err := netip.ParseAddrPort(args[1])
	must(err)
	kind, protocol := unix.SOCK_STREAM, 0
	if args[0] == "mptcp" {
		protocol = unix.IPPROTO_MPTCP
	}
	fd, err := unix.Socket(unix.AF_INET, kind, protocol)
	if err != nil {
		held("%v", err)
	}
	at := &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}
	limit := unix.NsecToTimeval(int64(awhile))
	must(unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit))
	must(unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit))
	switch args[0] {
	case "fastopen": // data in the packet that connects
		err = unix.Sendto(fd, []byte("x\n"), unix.MSG_FASTOPEN, at)
	case "foreign": // from an address that is not one's own
		_ = unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_TRANSPARENT, 1)
		must(unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_FREEBIND, 1))
		must(unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 9, 9, 9}}))
		err = unix.Connect(fd, at)
	case "source-route": // by way of an address that may be reached (RFC 791, LSRR)
		if err = unix.SetsockoptString(fd, unix.SOL_IP, unix.IP_OPTIONS, "\x83\x07\x04\x7f\x00\x00\x01\x00"); err == nil {
			err = unix.Connect(fd, at)
		}
	case "device": // by a device
		if err = unix.BindToDevice(fd, "lo"); err == nil {
			err = unix.Connect(fd, at)
		}
	default:
		err = unix.Connect(fd, at)
	}
	if err != nil {
		held("%v", err)
	}
	_, _ = unix.Write(fd, []byte("x\n"))
	b := make([]byte, 100)
	n, err := unix.Read(fd, b)
	if n > 0 && strings.Contains(string(b[:n]), args[2]) {
		broke("it answers %q", b[:n])
	}
	held("%v", err)
}

// take listens where sbx does, to have the connections of others: NETWORK ADDRESS...
func take(args []string) {
	var last error
	for _, to := range args[1:] {
		a, err := netip.ParseAddrPort(to)
		must(err)
		family, kind := unix.AF_INET, unix.SOCK_STREAM
		var at unix.Sockaddr = &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
		if family = unix.AF_INET6; a.Addr().Is4() {
			family, at = unix.AF_INET, &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
		}
		if args[0] == "udp" {
			kind = unix.SOCK_DGRAM
		}
		for _, option := range []int{0, unix.SO_REUSEADDR, unix.SO_REUSEPORT} {
			fd, err := unix.Socket(family, kind, 0)
			must(err)
			if option != 0 {
				must(unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, 1))
			}
			_ = unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_FREEBIND, 1)
			last = unix.Bind(fd, at)
			if last == nil && kind == unix.SOCK_STREAM {
				last = unix.Listen(fd, 1)
			}
			unix.Close(fd)
			if last == nil {
				broke("it listens at %s", to)
			}
		}
	}
	held("%v", last)
}

// pings sends echo requests to each address, by both kinds of sockets.
func pings(args []string) {
	echo := []byte{8, 0, 0xf7, 0xff, 0, 0, 0, 0}
	var last error
	for _, to := range args {
		a, err := netip.ParseAddr(to)
		must(err)
		for _, kind := range []int{unix.SOCK_DGRAM, unix.SOCK_RAW} {
			fd, err := unix.Socket(unix.AF_INET, kind, unix.IPPROTO_ICMP)
			if err != nil {
				last = err
				continue
			}
			limit := unix.NsecToTimeval(int64(awhile))
			must(unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit))
			if last = unix.Sendto(fd, echo, 0, &unix.SockaddrInet4{Addr: a.As4()}); last == nil {
				_, last = unix.Read(fd, make([]byte, 100))
			}
			unix.Close(fd)
			if last == nil {
				broke("%s answers", to)
			}
		}
	}
	held("%v", last)
}
