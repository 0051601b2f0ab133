package egress

import (
	"errors"
	"net/netip"
	"strconv"
)

// A target is a host and a port, as a program names them.
type target struct {
	host    string // a name, or an address
	literal bool
	port    uint16
}

var errNoPort = errors.New("no port from 1 to 65535")

// parseTarget reads a host, which may be an address.
func parseTarget(host string, port uint16) (target, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return addressTarget(a, port)
	}
	name, err := ParseName(host)
	if err == nil && port == 0 {
		err = errNoPort
	}
	if err != nil {
		return target{}, err
	}
	return target{host: name, port: port}, nil
}

func addressTarget(a netip.Addr, port uint16) (target, error) {
	switch {
	case port == 0:
		return target{}, errNoPort
	case a.Zone() != "":
		return target{}, errors.New("an address of one link")
	}
	return target{a.Unmap().String(), true, port}, nil
}

// parseAuthority reads HOST[:PORT]. Without a default there must be a port.
func parseAuthority(text string, port uint16) (target, error) {
	host, digits, err := split(text)
	if err != nil {
		return target{}, err
	}
	if digits != "" {
		n, err := strconv.ParseUint(digits, 10, 16)
		if err != nil {
			return target{}, errNoPort
		}
		port = uint16(n)
	}
	return parseTarget(host, port)
}
