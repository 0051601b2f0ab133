package egress

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Redirect has every TCP connection of a sandbox that is not to its own loopback come
// to one port of it, whatever the port that was asked for, by a socket of
// NETLINK_NETFILTER of its namespace. It is for rules with more ports than can be
// listened at.
func Redirect(f *os.File, port uint16) error {
	const table, chain = "sbx", "any"
	header := func(family byte) []byte { return []byte{family, unix.NFNETLINK_V0, 0, 0} }
	// Of a batch all is done or nothing (nfnetlink's NFNL_MSG_BATCH_BEGIN), for the
	// subsystem whose number is in big-endian order behind the version.
	batch := func(kind uint16) []byte {
		return message(kind, unix.NLM_F_REQUEST, append(header(unix.AF_UNSPEC)[:2], 0, unix.NFNL_SUBSYS_NFTABLES))
	}
	add := func(kind, flags uint16, attributes []byte) []byte {
		return message(unix.NFNL_SUBSYS_NFTABLES<<8|kind, unix.NLM_F_REQUEST|unix.NLM_F_CREATE|flags, append(header(unix.NFPROTO_INET), attributes...))
	}
	m := batch(unix.NFNL_MSG_BATCH_BEGIN)
	m = append(m, add(unix.NFT_MSG_NEWTABLE, 0, attribute(nil, unix.NFTA_TABLE_NAME, zero(table)))...)
	hook := attribute(nil, unix.NFTA_HOOK_HOOKNUM, be32(unix.NF_INET_LOCAL_OUT))
	hook = attribute(hook, unix.NFTA_HOOK_PRIORITY, be32(priorityNAT))
	c := attribute(nil, unix.NFTA_CHAIN_TABLE, zero(table))
	c = attribute(c, unix.NFTA_CHAIN_NAME, zero(chain))
	c = attribute(c, unix.NFTA_CHAIN_HOOK|unix.NLA_F_NESTED, hook)
	c = attribute(c, unix.NFTA_CHAIN_TYPE, zero("nat"))
	m = append(m, add(unix.NFT_MSG_NEWCHAIN, 0, c)...)
	rules := redirection(port)
	for i, rule := range rules {
		r := attribute(nil, unix.NFTA_RULE_TABLE, zero(table))
		r = attribute(r, unix.NFTA_RULE_CHAIN, zero(chain))
		r = attribute(r, unix.NFTA_RULE_EXPRESSIONS|unix.NLA_F_NESTED, rule)
		flags := uint16(unix.NLM_F_APPEND)
		if i == len(rules)-1 {
			flags |= unix.NLM_F_ACK
		}
		m = append(m, add(unix.NFT_MSG_NEWRULE, flags, r)...)
	}
	if err := ask(f, append(m, batch(unix.NFNL_MSG_BATCH_END)...)); err != nil {
		return fmt.Errorf("redirect connections (nf_tables): %w", err)
	}
	return nil
}

// priorityNAT is NF_IP_PRI_NAT_DST, as 32 bits.
const priorityNAT = 1<<32 - 100

// redirection are the rules: what is for the sandbox itself stays, all other TCP comes to
// the port.
func redirection(port uint16) [][]byte {
	own := func(family byte, offset uint32, a []byte) []byte {
		rule := load("meta", unix.NFTA_META_KEY, unix.NFT_META_NFPROTO)
		rule = append(rule, equals([]byte{family})...)
		p := attribute(nil, unix.NFTA_PAYLOAD_DREG, be32(unix.NFT_REG_1))
		p = attribute(p, unix.NFTA_PAYLOAD_BASE, be32(unix.NFT_PAYLOAD_NETWORK_HEADER))
		p = attribute(p, unix.NFTA_PAYLOAD_OFFSET, be32(offset))
		p = attribute(p, unix.NFTA_PAYLOAD_LEN, be32(uint32(len(a))))
		rule = append(rule, expression("payload", p)...)
		rule = append(rule, equals(a)...)
		accept := attribute(nil, unix.NFTA_VERDICT_CODE, be32(unix.NFT_RETURN&(1<<32-1)))
		accept = attribute(nil, unix.NFTA_DATA_VERDICT|unix.NLA_F_NESTED, accept)
		i := attribute(nil, unix.NFTA_IMMEDIATE_DREG, be32(unix.NFT_REG_VERDICT))
		i = attribute(i, unix.NFTA_IMMEDIATE_DATA|unix.NLA_F_NESTED, accept)
		return append(rule, expression("immediate", i)...)
	}
	const at4, at6 = 16, 24 // the destination, in the headers of IPv4 and IPv6
	loopback6 := netip.IPv6Loopback().As16()
	rules := [][]byte{
		own(unix.NFPROTO_IPV4, at4, []byte{127}), own(unix.NFPROTO_IPV4, at4, Inside4.AsSlice()),
		own(unix.NFPROTO_IPV6, at6, loopback6[:]), own(unix.NFPROTO_IPV6, at6, Inside6.AsSlice()),
	}
	all := load("meta", unix.NFTA_META_KEY, unix.NFT_META_L4PROTO)
	all = append(all, equals([]byte{unix.IPPROTO_TCP})...)
	i := attribute(nil, unix.NFTA_IMMEDIATE_DREG, be32(unix.NFT_REG_1))
	i = attribute(i, unix.NFTA_IMMEDIATE_DATA|unix.NLA_F_NESTED, attribute(nil, unix.NFTA_DATA_VALUE, binary.BigEndian.AppendUint16(nil, port)))
	all = append(all, expression("immediate", i)...)
	all = append(all, expression("redir", attribute(nil, unix.NFTA_REDIR_REG_PROTO_MIN, be32(unix.NFT_REG_1)))...)
	return append(rules, all)
}

func be32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

func zero(s string) []byte { return append([]byte(s), 0) }

// expression is one of a rule's, with its attributes.
func expression(name string, attributes []byte) []byte {
	e := attribute(nil, unix.NFTA_EXPR_NAME, zero(name))
	e = attribute(e, unix.NFTA_EXPR_DATA|unix.NLA_F_NESTED, attributes)
	return attribute(nil, unix.NFTA_LIST_ELEM|unix.NLA_F_NESTED, e)
}

// load puts what a key stands for into the first register, and equals goes on with the
// rule where that is so.
func load(name string, kind uint16, key uint32) []byte {
	return expression(name, attribute(attribute(nil, kind, be32(key)), unix.NFTA_META_DREG, be32(unix.NFT_REG_1)))
}

func equals(value []byte) []byte {
	c := attribute(nil, unix.NFTA_CMP_SREG, be32(unix.NFT_REG_1))
	c = attribute(c, unix.NFTA_CMP_OP, be32(unix.NFT_CMP_EQ))
	return expression("cmp", attribute(c, unix.NFTA_CMP_DATA|unix.NLA_F_NESTED, attribute(nil, unix.NFTA_DATA_VALUE, value)))
}

// original is where a connection was to go before it was redirected.
func original(c net.Conn) (to netip.AddrPort, err error) {
	conn, ok := c.(syscall.Conn)
	if !ok {
		return to, fmt.Errorf("%T is no socket", c)
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return to, err
	}
	local, err := netip.ParseAddrPort(c.LocalAddr().String())
	if err != nil {
		return to, err
	}
	const originalDst = 80 // SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST; the wrappers below are those of structs as large
	var failed error
	err = raw.Control(func(fd uintptr) {
		if local.Addr().Unmap().Is4() {
			var in *unix.IPv6Mreq // begins as sockaddr_in does: family, port, address
			if in, failed = unix.GetsockoptIPv6Mreq(int(fd), unix.SOL_IP, originalDst); failed == nil {
				b := in.Multiaddr
				to = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), binary.BigEndian.Uint16(b[2:]))
			}
			return
		}
		var in *unix.IPv6MTUInfo // begins with a sockaddr_in6
		if in, failed = unix.GetsockoptIPv6MTUInfo(int(fd), unix.SOL_IPV6, originalDst); failed == nil {
			port := binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, in.Addr.Port))
			to = netip.AddrPortFrom(netip.AddrFrom16(in.Addr.Addr), port)
		}
	})
	if err == nil {
		err = failed
	}
	return to, err
}
