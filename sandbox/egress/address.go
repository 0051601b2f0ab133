package egress

import (
	"fmt"
	"net/netip"
)

// block is one of addresses that is no part of the public Internet.
type block struct {
	prefix netip.Prefix
	what   string
}

// blocks are those of the registries of special-purpose addresses (RFC 6890 and
// those after it), and what cloud machines find their secrets under. The blocks for
// documentation are left out: no network has them, and tests may.
var blocks = []block{
	{netip.MustParsePrefix("0.0.0.0/8"), "this network"},
	{netip.MustParsePrefix("10.0.0.0/8"), "a private network"},
	{netip.MustParsePrefix("100.64.0.0/10"), "a provider's own network"},
	{netip.MustParsePrefix("127.0.0.0/8"), "the machine itself"},
	{netip.MustParsePrefix("169.254.0.0/16"), "the link, where cloud machines find their secrets"},
	{netip.MustParsePrefix("172.16.0.0/12"), "a private network"},
	{netip.MustParsePrefix("192.0.0.0/24"), "a protocol's own block"},
	{netip.MustParsePrefix("192.88.99.0/24"), "a relay"},
	{netip.MustParsePrefix("192.168.0.0/16"), "a private network"},
	{netip.MustParsePrefix("198.18.0.0/15"), "the sandbox's own block"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved"},
	{netip.MustParsePrefix("168.63.129.16/32"), "where Azure's machines find their secrets"},

	{netip.MustParsePrefix("::/128"), "no address"},
	{netip.MustParsePrefix("::1/128"), "the machine itself"},
	{netip.MustParsePrefix("64:ff9b:1::/48"), "a translator of the local network"},
	{netip.MustParsePrefix("100::/64"), "discarded"},
	{netip.MustParsePrefix("2001::/23"), "a protocol's own block"},
	{netip.MustParsePrefix("5f00::/16"), "a provider's own network"},
	{netip.MustParsePrefix("fc00::/7"), "a private network"},
	{netip.MustParsePrefix("fe80::/10"), "the link"},
	{netip.MustParsePrefix("fec0::/10"), "a private network"},
	{netip.MustParsePrefix("ff00::/8"), "multicast"},
}

// carriers are blocks whose addresses have one of IPv4 in them, to which they lead,
// and the byte at which it begins: translators (RFC 6052) and 6to4 (RFC 3056), and
// the compatible form of RFC 4291, which some programs still take.
var carriers = []struct {
	prefix netip.Prefix
	at     int
}{
	{netip.MustParsePrefix("64:ff9b::/96"), 12},
	{netip.MustParsePrefix("2002::/16"), 2},
	{netip.MustParsePrefix("::/96"), 12},
}

// carried is the address of IPv4 to which one of IPv6 leads, if it does.
func carried(a netip.Addr) (netip.Addr, bool) {
	for _, c := range carriers {
		if c.prefix.Contains(a) {
			b := a.As16()
			return netip.AddrFrom4([4]byte(b[c.at : c.at+4])), true
		}
	}
	return netip.Addr{}, false
}

// Public refuses an address that is not of the public Internet, or that own refuses: the
// machine's. Nil refuses none.
func Public(a netip.Addr, own func(netip.Addr) error) error {
	if !a.IsValid() || a.Zone() != "" {
		return fmt.Errorf("%s is an address of one link", a)
	}
	a = a.Unmap()
	for _, p := range blocks {
		if p.prefix.Contains(a) {
			return fmt.Errorf("%s is %s", a, p.what)
		}
	}
	if four, ok := carried(a); ok {
		if err := Public(four, own); err != nil {
			return fmt.Errorf("%s leads to an address of IPv4: %w", a, err)
		}
	}
	if own == nil {
		return nil
	}
	return own(a)
}
