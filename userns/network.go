package userns

import "golang.org/x/sys/unix"

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
