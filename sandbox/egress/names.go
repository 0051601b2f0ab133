package egress

import (
	"errors"
	"net/netip"
	"sync"
)

// Made are the addresses that stand for names: a block of IPv4 that is for tests of
// networks (RFC 2544), and one of IPv6 that is local by its form (RFC 4193).
var (
	Made4 = netip.MustParsePrefix("198.18.0.0/15")
	Made6 = netip.MustParsePrefix("fd73:6278::/64")
)

// The sandbox's own addresses are of the same blocks.
var (
	Inside4 = netip.MustParseAddr("198.18.0.1")
	Inside6 = netip.MustParseAddr("fd73:6278::1")
)

// maxNames is how many names have an address. There is room for more in the block; a
// sandbox that asks for so many is up to something else.
const maxNames = 65536

var errTooManyNames = errors.New("more names than 65536 were asked for")

// Names give each name an address of each family, the same one each time. The zero
// value has none.
type Names struct {
	mu    sync.Mutex
	names []string
	index map[string]int
}

// first leaves the beginning of the block to what is not a name.
const first = 256

// Address gives the addresses of a name.
func (n *Names) Address(name string) (four, six netip.Addr, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	i, ok := n.index[name]
	if !ok {
		if len(n.names) == maxNames {
			return four, six, errTooManyNames
		}
		if n.index == nil {
			n.index = map[string]int{}
		}
		i = len(n.names)
		n.names, n.index[name] = append(n.names, name), i
	}
	return made(i), made6(i), nil
}

func made(i int) netip.Addr {
	b := Made4.Addr().As4()
	i += first
	b[1] += byte(i >> 16)
	b[2], b[3] = byte(i>>8), byte(i)
	return netip.AddrFrom4(b)
}

func made6(i int) netip.Addr {
	b := Made6.Addr().As16()
	i += first
	b[13], b[14], b[15] = byte(i>>16), byte(i>>8), byte(i)
	return netip.AddrFrom16(b)
}

// Name finds the name that an address stands for.
func (n *Names) Name(a netip.Addr) (string, bool) {
	a = a.Unmap()
	i := -1
	switch {
	case Made4.Contains(a):
		b := a.As4()
		i = int(b[1]-Made4.Addr().As4()[1])<<16 | int(b[2])<<8 | int(b[3])
	case Made6.Contains(a):
		b := a.As16()
		for _, zero := range b[8:13] {
			if zero != 0 {
				return "", false
			}
		}
		i = int(b[13])<<16 | int(b[14])<<8 | int(b[15])
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if i -= first; i < 0 || i >= len(n.names) {
		return "", false
	}
	return n.names[i], true
}
