package egress

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
)

// maxPorts bounds those that are listened at. Each is a descriptor.
const maxPorts = 512

// Ports are those that some rule allows, in order. Of more than can be listened at it
// is none, and all: connections have to be redirected.
func (p Policy) Ports() (some []uint16, all bool) {
	for _, r := range p.Allow {
		if r.ports == (ports{}) {
			some = append(some, 80, 443)
			continue
		}
		if int(r.ports.last)-int(r.ports.first) >= maxPorts {
			return nil, true
		}
		for port := int(r.ports.first); port <= int(r.ports.last); port++ {
			some = append(some, uint16(port))
		}
	}
	slices.Sort(some)
	if some = slices.Compact(some); len(some) > maxPorts {
		return nil, true
	}
	return some, false
}

// errLoop says that a rule names what the sandbox has itself.
var errLoop = errors.New("that is the sandbox itself, which needs no rule")

// Literals are the blocks of addresses that rules name: the sandbox has to be routed to
// us when it asks for one.
func (p Policy) Literals() (blocks []netip.Prefix, err error) {
	for _, r := range p.Allow {
		switch {
		case r.all:
			blocks = append(blocks, netip.PrefixFrom(netip.IPv4Unspecified(), 0), netip.PrefixFrom(netip.IPv6Unspecified(), 0))
		case !r.addresses.IsValid():
		case r.addresses.Addr().IsLoopback():
			return nil, fmt.Errorf("%q: %w", r.text, errLoop)
		default:
			blocks = append(blocks, r.addresses)
		}
	}
	return blocks, nil
}
