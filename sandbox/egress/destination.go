package egress

import (
	"encoding/binary"
	"net"

	"golang.org/x/sys/unix"
)

// A socket that has no address of its own takes datagrams at all of the host's, and an
// answer from another than the one that was asked is none to the client. So the kernel
// is asked where each was for, and told to answer from there (ip(7), IP_PKTINFO; RFC
// 3542 section 6).

// askDestination gives room for what the kernel says, where it is to.
func askDestination(p *net.UDPConn) (oob []byte, err error) {
	at, ok := p.LocalAddr().(*net.UDPAddr)
	if !ok || !at.IP.IsUnspecified() {
		return nil, nil
	}
	raw, err := p.SyscallConn()
	if err != nil {
		return nil, err
	}
	level, option := unix.IPPROTO_IP, unix.IP_PKTINFO
	if at.IP.To4() == nil {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), level, option, 1) }); err != nil {
		return nil, err
	}
	return make([]byte, unix.CmsgSpace(unix.SizeofInet6Pktinfo)), failed
}

// replyFrom makes of what the kernel said what it is to be told, or nothing. Which way
// the answer goes is for the routes to say.
func replyFrom(oob []byte) string {
	messages, err := unix.ParseSocketControlMessage(oob)
	if len(oob) == 0 || err != nil {
		return ""
	}
	for _, m := range messages {
		switch {
		case m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_PKTINFO && len(m.Data) >= unix.SizeofInet4Pktinfo:
			return string(unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: [4]byte(m.Data[4:8])}))
		case m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_PKTINFO && len(m.Data) >= unix.SizeofInet6Pktinfo:
			info := &unix.Inet6Pktinfo{Addr: [16]byte(m.Data[:16])}
			if m.Data[0] == 0xfe && m.Data[1]&0xc0 == 0x80 { // of one link
				info.Ifindex = binary.NativeEndian.Uint32(m.Data[16:20])
			}
			return string(unix.PktInfo6(info))
		}
	}
	return ""
}
