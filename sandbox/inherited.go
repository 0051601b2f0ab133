package sandbox

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// checkInherited refuses standard streams that are TCP sockets where there is to be no
// TCP: connect(2) with AF_UNSPEC takes a socket off its peer, and then it can listen or
// connect elsewhere, without socket(2), which the filter refuses.
func (s Spec) checkInherited(files ...*os.File) error {
	if !s.NoTCP {
		return nil
	}
	for i, f := range files {
		if f == nil || !isTCP(int(f.Fd())) {
			continue
		}
		name := []string{"standard input", "standard output", "standard error"}[i]
		return hinted(fmt.Errorf("%s is a TCP socket, which --no-tcp forbids", name), "put a pipe in between: cat | sbx run … | cat")
	}
	return nil
}

// isTCP tells whether a descriptor is a socket of TCP, or of MPTCP or SMC, which speak it.
func isTCP(fd int) bool {
	family, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return false // not a socket
	}
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	inet := family == unix.AF_INET || family == unix.AF_INET6 || family == unix.AF_SMC
	return inet && (err != nil || kind == unix.SOCK_STREAM)
}
