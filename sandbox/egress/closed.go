package egress

import "net/netip"

// Closed are blocks that no sandbox reaches, also not one that has the whole network:
// the machine itself, the link and all on it at once, and where cloud machines find
// their secrets; with them the IPv6 addresses that carry such ones (see carriers).
var Closed = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), // Linux takes 0.0.0.0 for itself
	netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("100.100.100.200/32"), // Alibaba
	netip.MustParsePrefix("168.63.129.16/32"),   // Azure
	netip.MustParsePrefix("192.0.0.192/32"),     // Oracle
	netip.MustParsePrefix("224.0.0.0/4"),
	netip.MustParsePrefix("240.0.0.0/4"),

	netip.MustParsePrefix("::/96"),
	netip.MustParsePrefix("::ffff:0:0/96"),
	netip.MustParsePrefix("64:ff9b::a9fe:0/112"),
	netip.MustParsePrefix("64:ff9b::7f00:0/104"),
	netip.MustParsePrefix("2002:a9fe::/32"),
	netip.MustParsePrefix("2002:7f00::/24"),
	netip.MustParsePrefix("fd00:ec2::254/128"), // Amazon
	netip.MustParsePrefix("fd20:ce::254/128"),  // Google
	netip.MustParsePrefix("fd00:c1::a9fe:a9fe/128"),
	netip.MustParsePrefix("fd00:42::42/128"), // Scaleway
	netip.MustParsePrefix("fe80::/10"),
	netip.MustParsePrefix("fec0::/10"),
	netip.MustParsePrefix("ff00::/8"),
}
