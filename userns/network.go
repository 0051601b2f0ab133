package userns

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// LoopbackUp brings up lo, the one interface of a new network namespace.
type LoopbackUp struct{}

func (LoopbackUp) String() string { return "bring lo up" }

func (LoopbackUp) lower(a *assembler) {
	fd := FD("socket")
	request := a.bytes(40) // struct ifreq: 16 bytes of name, then the flags
	copy(request, "lo")
	request[16] = unix.IFF_UP
	a.keep(a.syscall(unix.SYS_SOCKET, num(unix.AF_INET), num(unix.SOCK_DGRAM|unix.SOCK_CLOEXEC), num(0)), fd)
	a.syscall(unix.SYS_IOCTL, a.fd(fd), num(unix.SIOCSIFFLAGS), a.at(request))
	a.syscall(unix.SYS_CLOSE, a.fd(fd))
}

// PingGroups lets the groups from one to another open ICMP sockets in the network namespace, by
// which ping works without a raw socket (icmp(7)). A new namespace lets none. The /proc in sight
// must be a writable one; on a kernel that has no such switch, or refuses these groups, nothing
// changes.
type PingGroups struct{ From, To uint32 }

func (s PingGroups) String() string { return fmt.Sprintf("let groups %d to %d ping", s.From, s.To) }

func (s PingGroups) lower(a *assembler) {
	fd, text := FD("ping groups"), fmt.Sprintf("%d %d", s.From, s.To)
	opened := a.syscall(unix.SYS_OPENAT, cwd(), a.str("/proc/sys/net/ipv4/ping_group_range"), num(unix.O_WRONLY|unix.O_CLOEXEC), num(0))
	opened.Absent = 2
	a.keep(opened, fd)
	written := a.syscall(unix.SYS_WRITE, a.fd(fd), a.str(text), num(len(text)))
	written.Also = [3]uint16{uint16(unix.EINVAL), uint16(unix.EPERM)}
	a.syscall(unix.SYS_CLOSE, a.fd(fd))
}
