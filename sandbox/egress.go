package sandbox

import (
	"fmt"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/egress"
	"github.com/sbxrun/sbx/userns"
)

// Egress names what a sandbox may reach, in the words of egress.ParseRule. All else is
// refused, and not even asked for in the DNS.
type Egress struct {
	Allow []string
	// Deny wins over Allow.
	Deny []string
	// Private may be, or lead to, the caller's own machine and networks.
	Private []string
	// Owners has the process of each connection be found, for the log.
	Owners bool
	// HostPorts are services of the host's loopback, which nothing else reaches.
	HostPorts []HostPort
	// Proxy has a proxy at ProxyPort of the sandbox's loopback, of HTTP and of SOCKS 5, of
	// which ProxyEnvironment tells programs. It takes them where they may go anyway, and to
	// the ports of rules that have too many to listen at.
	Proxy bool
}

// ports are those at which connections to the outside are taken, or all.
func (e Egress) ports() (some []uint16, all bool, err error) {
	policy, err := e.policy()
	if err != nil {
		return nil, false, err
	}
	some, all = policy.Ports()
	if e.Proxy && slices.Contains(some, ProxyPort) {
		return nil, false, hinted(fmt.Errorf("port %d is where the sandbox's proxy is; another one cannot be allowed beside it", ProxyPort), "run it without --proxy-env")
	}
	if slices.Contains(some, 53) {
		return nil, false, fmt.Errorf("port 53 is where the sandbox's own name server is; another one cannot be allowed")
	}
	for i, p := range e.HostPorts {
		same := func(other HostPort) bool { return other.Sandbox == p.Sandbox }
		if slices.Contains(some, p.Sandbox) || slices.ContainsFunc(e.HostPorts[:i], same) || p.Sandbox == 53 || e.Proxy && p.Sandbox == ProxyPort {
			return nil, false, hinted(fmt.Errorf("port %d of the sandbox is listened at for something else", p.Sandbox), fmt.Sprintf("--host-port %d:OTHER", p.Host))
		}
	}
	return some, all, nil
}

func (e Egress) policy() (p egress.Policy, err error) {
	for _, part := range []struct {
		texts []string
		rules *[]egress.Rule
	}{{e.Allow, &p.Allow}, {e.Deny, &p.Deny}, {e.Private, &p.Private}} {
		for _, text := range part.texts {
			r, err := egress.ParseRule(text)
			if err != nil {
				return p, err
			}
			*part.rules = append(*part.rules, r)
		}
	}
	return p, nil
}

// The sockets of the sandbox's network, that the supervisor serves.
const (
	networkLink    userns.FD = "netlink socket"
	nameServer     userns.FD = "name server's socket"
	nameServerTCP  userns.FD = "name server's TCP socket"
	portPrefix               = "socket of port "
	allPorts       userns.FD = "socket of all ports"
	redirection    userns.FD = "netfilter's netlink socket"
	sockets        userns.FD = "socket of sockets' owners"
	unreachable4   userns.FD = "socket of ICMP's errors"
	unreachable6   userns.FD = "socket of ICMPv6's errors"
	nameServerText           = "# made by sbx: it answers for names that are allowed\nnameserver 127.0.0.1\noptions edns0\n"
)

func (p HostPort) socket() userns.FD { return userns.FD("socket of host port " + p.String()) }

// socket6 is that of ::1, which some programs take for localhost and ask no other.
func (p HostPort) socket6() userns.FD { return userns.FD("IPv6 socket of host port " + p.String()) }

func portSocket(port uint16) userns.FD { return userns.FD(portPrefix + strconv.Itoa(int(port))) }

// egress opens the sockets, and waits until they are served: what the command does
// first may be to connect.
func (c *compiler) egress() error {
	if c.spec.Egress == nil {
		c.userNetwork()
		return nil
	}
	ports, all, err := c.spec.Egress.ports()
	if err != nil {
		return err
	}
	family := unix.AF_INET
	if c.host.IPv6 {
		family = unix.AF_INET6
	}
	var sends []userns.Step
	add := func(s userns.Socket) {
		c.add(s)
		sends = append(sends, userns.Send{FD: s.As})
	}
	open := func(domain, kind int, as userns.FD) { add(userns.Socket{Domain: domain, Type: kind, As: as}) }
	open(unix.AF_NETLINK, unix.SOCK_RAW, networkLink)
	if c.spec.Egress.Owners {
		add(userns.Socket{Domain: unix.AF_NETLINK, Type: unix.SOCK_RAW, Protocol: unix.NETLINK_SOCK_DIAG, As: sockets})
	}
	add(userns.Socket{Domain: unix.AF_INET, Type: unix.SOCK_RAW, Protocol: unix.IPPROTO_ICMP, As: unreachable4})
	if c.host.IPv6 {
		add(userns.Socket{Domain: unix.AF_INET6, Type: unix.SOCK_RAW, Protocol: unix.IPPROTO_ICMPV6, As: unreachable6})
	}
	open(unix.AF_INET, unix.SOCK_DGRAM, nameServer)
	open(unix.AF_INET, unix.SOCK_STREAM, nameServerTCP)
	if all {
		open(family, unix.SOCK_STREAM, allPorts)
		add(userns.Socket{Domain: unix.AF_NETLINK, Type: unix.SOCK_RAW, Protocol: unix.NETLINK_NETFILTER, As: redirection})
	}
	for _, port := range ports {
		open(family, unix.SOCK_STREAM, portSocket(port))
	}
	if c.spec.Egress.Proxy {
		open(unix.AF_INET, unix.SOCK_STREAM, proxySocket)
	}
	for _, p := range c.spec.Egress.HostPorts {
		open(unix.AF_INET, unix.SOCK_STREAM, p.socket())
		if c.host.IPv6 {
			open(unix.AF_INET6, unix.SOCK_STREAM, p.socket6())
		}
	}
	last := sends[len(sends)-1].(userns.Send)
	last.Await = true
	sends[len(sends)-1] = last
	c.add(sends...)
	return nil
}

// nameServer has the sandbox ask the name server. In the host view the file may be a
// link to one in a private directory, where it is made. In another root it is not made:
// without one programs ask 127.0.0.1 (resolv.conf(5)).
func (c *compiler) nameServer() {
	if c.spec.Egress == nil && c.spec.UserNetwork == nil {
		return
	}
	text := nameServerText
	if c.spec.UserNetwork != nil {
		text = userResolver(c.host.ResolvConf)
	}
	path := "/etc/resolv.conf"
	if c.spec.View == HostView && c.host.Resolver != "" {
		path = c.host.Resolver
	}
	for _, m := range c.spec.OCI.Mounts {
		if m.Type == "tmpfs" && below(path, m.Destination) {
			c.add(userns.Touch{Path: path, Mode: 0o644, Below: m.Destination})
			break
		}
	}
	c.add(userns.Cover{Path: path, Text: text, Scratch: "/dev/.made"})
}
