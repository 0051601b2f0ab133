package sandbox

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sbxrun/sbx/sandbox/egress"
	"github.com/sbxrun/sbx/userns"
)

// A network serves what a sandbox may reach.
type network struct {
	policy   egress.Policy
	forwards map[userns.FD]HostPort
	server   *egress.Server
	answerer *egress.Answerer
	six      bool    // the sandbox has IPv6
	all      uint16  // where connections to all ports come
	owners   *owners // or nil
	waiting  []waiting
	closers  []io.Closer
	served   sync.WaitGroup

	mu      sync.Mutex
	refused map[string]bool // names, and where datagrams were to go
	failed  map[string]bool // those that are allowed and could not be asked for
	log     *flowLog
}

func (c *Cmd) newNetwork(host Host, spec Spec) (*network, error) {
	policy, err := spec.Egress.policy()
	if err != nil {
		return nil, err
	}
	n := &network{policy: policy, six: host.IPv6, refused: map[string]bool{}, failed: map[string]bool{}, log: &c.log}
	n.forwards = map[userns.FD]HostPort{}
	for _, p := range spec.Egress.HostPorts {
		n.forwards[p.socket()], n.forwards[p.socket6()] = p, p
	}
	names := &egress.Names{}
	resolver, dial := c.Resolver, c.Dial
	if resolver == nil {
		resolver = egress.HostResolver{}
	}
	resolver = egress.NewCache(resolver)
	if dial == nil {
		dial = egress.HostDial
	}
	n.server = &egress.Server{Policy: policy, Names: names, Resolver: resolver, Dial: dial, Own: egress.HostOwn, Log: n.log.note}
	n.answerer = &egress.Answerer{Policy: policy, Names: names, Resolver: resolver, NoSix: !n.six, Host: ownName(spec), Refused: n.refuse, Failed: n.fail}
	if c.Upstream != nil {
		n.server.Upstream, n.answerer.Elsewhere = c.Upstream, c.Upstream.Finds
	}
	return n, nil
}

// ownName is the sandbox's host name, as the DNS has names. Without one of its own it has
// the machine's.
func ownName(spec Spec) string {
	name := spec.OCI.Hostname
	if name == "" {
		name, _ = os.Hostname() // who has none is asked for none
	}
	name, _ = egress.ParseName(name)
	return name
}

// refuse notes a name that was asked for and is not allowed. A resolver asks for each
// twice, for both families, and again with the search list.
func (n *network) refuse(name string, by egress.Asker) {
	if !n.first(n.refused, name) {
		return
	}
	f := egress.Flow{Start: time.Now(), Host: name, Error: "no rule allows the name"}
	if n.owners != nil {
		f.PID, f.Command = n.owners.find(by.Network, by.From, by.To)
	}
	n.log.note(f)
}

// fail notes a name that is allowed, and that could not be asked for.
func (n *network) fail(name string, err error) {
	if n.first(n.failed, name) {
		n.log.note(egress.Flow{Start: time.Now(), Host: name, Allowed: true, Error: err.Error()})
	}
}

// refuseUDP notes datagrams that were to go somewhere, once for each place. The sandbox's
// own servers are not our matter.
func (n *network) refuseUDP(to netip.AddrPort) {
	a := to.Addr()
	if a.IsLoopback() || a == egress.Inside4 || a == egress.Inside6 {
		return
	}
	host := a.String()
	if name, ok := n.server.Names.Name(a); ok {
		host = name
	}
	if n.first(n.refused, fmt.Sprintf("%s udp %d", host, to.Port())) {
		n.log.note(egress.Flow{Start: time.Now(), Host: host, Port: to.Port(), Network: "udp", Error: "datagrams are not carried: programs take TCP instead"})
	}
}

// first tells whether a name is a new one of some, or there are too many to tell.
func (n *network) first(names map[string]bool, name string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if names[name] {
		return false
	}
	if len(names) < mostRefused {
		names[name] = true
	}
	return true
}

// take serves a socket that the child hands out.
func (n *network) take(fd userns.FD, f *os.File, p *userns.Process) error {
	switch {
	case fd == sockets:
		n.owners = &owners{init: p.PID(), diag: f}
		n.server.Owner = n.owners.find
		return nil
	case fd == networkLink:
		return errors.Join(n.setUp(egress.NewLink(f)), f.Close())
	case fd == nameServer:
		n.laterPackets(f, n.answerer.ServeUDP)
		return egress.ListenPacket(f, loopback(53))
	case fd == unreachable4 || fd == unreachable6:
		n.laterPackets(f, func(p net.PacketConn) error { return egress.ServeUnreachable(p, n.refuseUDP) })
		return egress.ListenUnreachable(f)
	case fd == redirection:
		return errors.Join(unredirected(egress.Redirect(f, n.all)), f.Close())
	}
	at, serve := loopback(53), n.answerer.ServeTCP
	if p, ok := n.forwards[fd]; ok {
		if at = loopback(p.Sandbox); fd == p.socket6() {
			at = netip.AddrPortFrom(netip.IPv6Loopback(), p.Sandbox)
		}
		serve = func(l net.Listener) error { return n.server.Forward(l, loopback(p.Host), "--host-port "+p.String()) }
	} else if fd == proxySocket {
		at, serve = loopback(ProxyPort), n.server.ServeProxy
	} else if text, ok := strings.CutPrefix(string(fd), portPrefix); ok {
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return errors.Join(err, f.Close())
		}
		at, serve = n.everywhere(uint16(port)), n.server.Serve
	} else if fd == allPorts {
		at, serve = n.everywhere(0), n.server.ServeRedirected
	}
	n.later(f, func() (io.Closer, func() error, error) {
		l, err := net.FileListener(f)
		return l, func() error { return serve(l) }, err
	})
	err := egress.Listen(f, at)
	if err == nil && fd == allPorts {
		n.all, err = egress.Port(f)
	}
	return err
}

// A waiting socket has what comes wait, and is served when the command runs, which is
// kept waiting for no more than it needs.
type waiting struct {
	f    *os.File
	open func() (io.Closer, func() error, error)
}

func (n *network) later(f *os.File, open func() (io.Closer, func() error, error)) {
	n.waiting = append(n.waiting, waiting{f, open})
}

func (n *network) laterPackets(f *os.File, serve func(net.PacketConn) error) {
	n.later(f, func() (io.Closer, func() error, error) {
		p, err := net.FilePacketConn(f)
		return p, func() error { return serve(p) }, err
	})
}

// begin serves what waits.
func (n *network) begin() {
	for _, w := range n.waiting {
		c, run, err := w.open()
		w.f.Close()
		if err != nil {
			n.ended(err)
			continue
		}
		n.serve(c, run)
	}
	n.waiting = nil
}

// unredirected tells what to do where the kernel cannot redirect.
func unredirected(err error) error {
	if err == nil {
		return nil
	}
	return hinted(fmt.Errorf("more than 512 ports are allowed, which this kernel does not do: %w", err), "--allow HOST:FIRST-LAST, with the ports that are needed")
}

// everywhere is a port of all the sandbox's addresses.
func (n *network) everywhere(port uint16) netip.AddrPort {
	if n.six {
		return netip.AddrPortFrom(netip.IPv6Unspecified(), port)
	}
	return netip.AddrPortFrom(netip.IPv4Unspecified(), port)
}

func loopback(port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)
}

func (n *network) serve(c io.Closer, run func() error) {
	n.closers = append(n.closers, c)
	n.served.Go(func() {
		if err := run(); !errors.Is(err, net.ErrClosed) {
			n.ended(err)
		}
	})
}

func (n *network) ended(err error) {
	n.log.note(egress.Flow{Start: time.Now(), Error: fmt.Sprintf("the network ended: %v", err)})
}

// setUp has the made-up addresses, and those that rules name, lead to the sandbox itself.
func (n *network) setUp(l egress.Link) error {
	if err := l.Up(); err != nil {
		return err
	}
	l.Widen()
	blocks, err := n.policy.Literals()
	if err != nil {
		return err
	}
	for _, a := range []netip.Addr{egress.Inside4, egress.Inside6} {
		if a.Is6() && !n.six {
			continue
		}
		if err := l.Add(a); err != nil {
			return err
		}
	}
	for _, block := range append([]netip.Prefix{egress.Made4, egress.Made6}, blocks...) {
		if block.Addr().Is6() && !n.six {
			continue
		}
		if err := l.Own(block); err != nil {
			return err
		}
	}
	return nil
}

// close ends all that is served.
func (n *network) close() {
	for _, w := range n.waiting {
		w.f.Close()
	}
	for _, c := range n.closers {
		c.Close()
	}
	n.served.Wait()
	n.server.Close()
	if n.owners != nil {
		n.owners.close()
	}
}
