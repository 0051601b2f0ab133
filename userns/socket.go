package userns

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Socket opens a socket, which stays in the network namespace that the child is in,
// whoever has it later (network_namespaces(7)).
type Socket struct {
	Domain, Type, Protocol int
	As                     FD
}

func (s Socket) String() string {
	kind := map[[2]int]string{
		{unix.AF_INET, unix.SOCK_STREAM}: "TCP", {unix.AF_INET6, unix.SOCK_STREAM}: "TCP over IPv6",
		{unix.AF_INET, unix.SOCK_DGRAM}: "UDP", {unix.AF_INET6, unix.SOCK_DGRAM}: "UDP over IPv6",
		{unix.AF_NETLINK, unix.SOCK_RAW}: "netlink",
		{unix.AF_INET, unix.SOCK_RAW}:    "raw", {unix.AF_INET6, unix.SOCK_RAW}: "raw, of IPv6",
	}[[2]int{s.Domain, s.Type}]
	if kind == "" {
		kind = fmt.Sprintf("domain %d, type %d", s.Domain, s.Type)
	}
	if s.Protocol != 0 {
		kind += fmt.Sprintf(", protocol %d", s.Protocol)
	}
	return fmt.Sprintf("open a socket (%s)", kind)
}

func (s Socket) lower(a *assembler) {
	a.keep(a.syscall(unix.SYS_SOCKET, num(uintptr(s.Domain)), num(uintptr(s.Type|unix.SOCK_CLOEXEC)), num(uintptr(s.Protocol))), s.As)
}
