package sandbox

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// A PublishedPort is one of the sandbox's that is reached at one of the host's.
type PublishedPort struct {
	Address netip.Addr // of the host
	Host    uint16     // zero is any that is free
	Sandbox uint16
	UDP     bool
}

// maxPublished bounds them. Each is a descriptor, and is listened at from the start.
const maxPublished = 512

var errPublished = errors.New("want [IP:]HOST:SANDBOX[/tcp|udp], each a port from 1 to 65535 or FIRST-LAST, or no HOST for any that is free")

// ParsePublished reads [[IP:]HOST:]SANDBOX[/tcp|udp] as docker does: both may be as long
// a range, HOST may be empty or 0, and an IPv6 address is in brackets. Without an
// address it is 127.0.0.1: who publishes to others has to say so.
func ParsePublished(text string) ([]PublishedPort, error) {
	ports, err := parsePublished(text)
	if err != nil {
		return nil, fmt.Errorf("published port %q: %w", text, err)
	}
	return ports, nil
}

func parsePublished(text string) (all []PublishedPort, err error) {
	rest, protocol, said := strings.Cut(text, "/")
	if said && protocol != "tcp" && protocol != "udp" {
		return nil, errPublished
	}
	address, rest, err := publishedAddress(rest)
	if err != nil {
		return nil, err
	}
	host, inside, two := strings.Cut(rest, ":")
	if !two {
		host, inside = "", rest
	}
	to, err := portRange(inside)
	if err != nil {
		return nil, err
	}
	var from ports
	if host != "" && host != "0" {
		if from, err = portRange(host); err != nil {
			return nil, err
		}
		if from.last-from.first != to.last-to.first {
			return nil, errors.New("the two ranges are not as long as each other")
		}
	}
	if to.last-to.first >= maxPublished {
		return nil, fmt.Errorf("more than %d ports", maxPublished)
	}
	for i := range to.last - to.first + 1 {
		p := PublishedPort{Address: address, Sandbox: to.first + i, UDP: protocol == "udp"}
		if from.first != 0 {
			p.Host = from.first + i
		}
		all = append(all, p)
	}
	return all, nil
}

// publishedAddress parts the address off.
func publishedAddress(text string) (address netip.Addr, rest string, err error) {
	bracketed, isSix := strings.CutPrefix(text, "[")
	switch {
	case isSix:
		text, rest, _ = strings.Cut(bracketed, "]:")
		if !strings.Contains(rest, ":") {
			return address, "", errPublished
		}
	case strings.Count(text, ":") > 2:
		return address, "", errors.New("an IPv6 address is in brackets, as in [::1]:8080:80")
	case strings.Count(text, ":") < 2:
		return loopback(0).Addr(), text, nil
	default:
		text, rest, _ = strings.Cut(text, ":")
	}
	if address, err = netip.ParseAddr(text); err != nil || address.Is6() != isSix {
		return address, "", fmt.Errorf("%q is no IP address of this machine", text)
	}
	return address.Unmap(), rest, nil
}

// ports are from first to last.
type ports struct{ first, last uint16 }

func portRange(text string) (ports, error) {
	first, last, isRange := strings.Cut(text, "-")
	if !isRange {
		last = first
	}
	from, err := strconv.ParseUint(first, 10, 16)
	to, err2 := strconv.ParseUint(last, 10, 16)
	if err != nil || err2 != nil || from == 0 || to < from {
		return ports{}, errPublished
	}
	return ports{uint16(from), uint16(to)}, nil
}

// String is what ParsePublished reads.
func (p PublishedPort) String() string {
	host, protocol := "", "tcp"
	if p.Host != 0 {
		host = strconv.Itoa(int(p.Host))
	}
	if p.UDP {
		protocol = "udp"
	}
	address := p.Address.String()
	if p.Address.Is6() {
		address = "[" + address + "]"
	}
	return fmt.Sprintf("%s:%s:%d/%s", address, host, p.Sandbox, protocol)
}

// at is where it is reached.
func (p PublishedPort) at() netip.AddrPort { return netip.AddrPortFrom(p.Address, p.Host) }
