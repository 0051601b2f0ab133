package sandbox

import (
	"fmt"
	"strconv"
	"strings"
)

// A HostPort is a port of the host's loopback that the sandbox reaches at its own.
type HostPort struct{ Host, Sandbox uint16 }

// ParseHostPort reads HOST[:SANDBOX], two ports of which the second is the first by
// default.
func ParseHostPort(text string) (p HostPort, err error) {
	host, inside, two := strings.Cut(text, ":")
	if !two {
		inside = host
	}
	for _, part := range []struct {
		text string
		port *uint16
	}{{host, &p.Host}, {inside, &p.Sandbox}} {
		n, err := strconv.ParseUint(part.text, 10, 16)
		if err != nil || n == 0 {
			return HostPort{}, fmt.Errorf("host port %q: want PORT or HOST:SANDBOX, from 1 to 65535", text)
		}
		*part.port = uint16(n)
	}
	return p, nil
}

// String is what ParseHostPort reads.
func (p HostPort) String() string { return fmt.Sprintf("%d:%d", p.Host, p.Sandbox) }
