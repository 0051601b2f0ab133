package egress

import "net/netip"

// closed are blocks that are not reached by who has the whole network otherwise: the
// machine itself, the link and all on it at once, and where cloud machines find
// their secrets; with them the IPv6 addresses that carry such ones (see carriers).
var closed = []string{
	"0.0.0.0/8", // Linux takes 0.0.0.0 for itself
	"127.0.0.0/8",
	"169.254.0.0/16",
	"100.100.100.200/32", // Alibaba
	"168.63.129.16/32",   // Azure
	"192.0.0.192/32",     // Oracle
	"224.0.0.0/4",
	"240.0.0.0/4",

	"::/96",
	"::ffff:0:0/96",
	"64:ff9b::a9fe:0/112",
	"64:ff9b::7f00:0/104",
	"2002:a9fe::/32",
	"2002:7f00::/24",
	"fd00:ec2::254/128", // Amazon
	"fd20:ce::254/128",  // Google
	"fd00:c1::a9fe:a9fe/128",
	"fd00:42::42/128", // Scaleway
	"fe80::/10",
	"fec0::/10",
	"ff00::/8",
}

// Closed are the blocks. They are read when they are asked for: who has no network should
// not pay for that.
func Closed() []netip.Prefix {
	blocks := make([]netip.Prefix, len(closed))
	for i, text := range closed {
		blocks[i] = netip.MustParsePrefix(text)
	}
	return blocks
}
