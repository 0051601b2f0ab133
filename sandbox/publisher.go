package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/egress"
	"github.com/sbxrun/sbx/sandbox/refusal"
)

// A publisher has ports of the sandbox be reached at the host's.
type publisher struct {
	ports     []PublishedPort // each with the port that it got
	listeners []net.Listener
	packets   []*net.UDPConn
	inside    inside
	server    egress.Server
	datagrams egress.Datagrams
	log       *flowLog
	served    sync.WaitGroup
}

// publish takes the ports that are to be published.
func (c *Cmd) publish(s Spec) (err error) {
	if len(s.Publish) == 0 {
		return nil
	}
	if c.publisher, err = newPublisher(s, &c.log); err != nil {
		return err
	}
	for _, line := range c.publisher.notes(s) {
		c.note("%s", line)
	}
	return nil
}

// lastWords is how long a client may take to hear what its server said before it ended.
const lastWords = 2 * time.Second

func (c *Cmd) closePublisher() {
	if c.publisher == nil {
		return
	}
	patience := lastWords
	if c.process == nil || c.ctx.Err() != nil {
		patience = 0
	}
	c.publisher.close(patience)
	c.publisher = nil
}

// Published are the ports that are published while the command runs, each with the one
// of the host's that it got.
func (c *Cmd) Published() []PublishedPort {
	if c.publisher == nil {
		return nil
	}
	return slices.Clone(c.publisher.ports)
}

// newPublisher takes the ports, before anything is run. Who connects waits until it is.
func newPublisher(s Spec, log *flowLog) (*publisher, error) {
	p := &publisher{log: log}
	p.inside.host = s.HostNetwork
	p.server.Dial, p.server.Log = p.inside.dialTCP, log.note
	p.datagrams.Dial, p.datagrams.Log = p.inside.dialUDP, log.note
	for _, port := range s.Publish {
		got, err := p.take(port)
		if err == nil && s.Egress != nil && slices.ContainsFunc(s.Egress.HostPorts, func(h HostPort) bool { return !port.UDP && h.Host == got.Host }) {
			err = fmt.Errorf("port %d, which is free, is what --host-port names", got.Host)
		}
		if err != nil {
			p.close(0)
			return nil, hinted(fmt.Errorf("publish %s: %w", port, plainCause(err)), publishHint(port, err))
		}
		p.ports = append(p.ports, got)
	}
	return p, nil
}

func (p *publisher) take(port PublishedPort) (PublishedPort, error) {
	family := "4"
	if port.Address.Is6() {
		family = "6" // and no other
	}
	if port.UDP {
		c, err := net.ListenUDP("udp"+family, net.UDPAddrFromAddrPort(port.at()))
		if err != nil {
			return port, err
		}
		p.packets = append(p.packets, c)
		port.Host = portOf(c.LocalAddr())
		return port, nil
	}
	var config net.ListenConfig
	config.SetMultipathTCP(false) // which splice(2) does not do
	l, err := config.Listen(context.Background(), "tcp"+family, port.at().String())
	if err != nil {
		return port, err
	}
	p.listeners = append(p.listeners, l)
	port.Host = portOf(l.Addr())
	return port, nil
}

func portOf(a net.Addr) uint16 {
	at, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return 0
	}
	return at.Port()
}

// plainCause is an error without the operation and its address, which are said already.
func plainCause(err error) error {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}

func publishHint(p PublishedPort, err error) string {
	other := p
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		other.Host = 0
		return fmt.Sprintf("another program has it, see ss -lntup; -p %s takes one that is free", strings.TrimSuffix(other.String(), "/tcp"))
	case errors.Is(err, unix.EACCES):
		other.Host += 8000
		return fmt.Sprintf("ports below %s are root's (net.ipv4.ip_unprivileged_port_start); take another, as -p %s",
			refusal.Setting("net.ipv4.ip_unprivileged_port_start"), strings.TrimSuffix(other.String(), "/tcp"))
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return "this machine has no such address; see ip address"
	}
	return ""
}

// notes say what nobody asked for by number.
func (p *publisher) notes(s Spec) (lines []string) {
	for i, port := range p.ports {
		if s.Publish[i].Host == 0 {
			at := port.at().String()
			if port.UDP {
				at += "/udp"
			}
			lines = append(lines, fmt.Sprintf("%s is port %d of the sandbox", at, port.Sandbox))
		}
	}
	return lines
}

// findPublished learns the network of a sandbox. The command may listen at what is published of
// it, whoever it is.
func (c *Cmd) findPublished(socket *os.File) error {
	p := c.publisher
	if err := p.inside.find(socket); err != nil {
		return err
	}
	if port := lowest(p.ports); port < rootsPorts {
		if err := p.inside.openPorts(port); err != nil {
			c.note("port %d of the sandbox takes CAP_NET_BIND_SERVICE to listen at: %v", port, err)
		}
	}
	return nil
}

// serve begins to take what comes, for a sandbox that runs.
func (p *publisher) serve() {
	tcp, udp := p.listeners, p.packets
	for _, port := range p.ports {
		rule := "-p " + port.String()
		if port.UDP {
			c := udp[0]
			udp = udp[1:]
			p.run(rule, func() error { return p.datagrams.Serve(c, port.Sandbox, rule) })
			continue
		}
		l := tcp[0]
		tcp = tcp[1:]
		p.run(rule, func() error { return p.server.Publish(l, port.Sandbox, rule) })
	}
}

func (p *publisher) run(rule string, serve func() error) {
	p.served.Go(func() {
		if err := serve(); !errors.Is(err, net.ErrClosed) {
			p.log.note(egress.Flow{Start: time.Now(), Inbound: true, Allowed: true, Rule: rule, Error: fmt.Sprintf("it ended: %v", err)})
		}
	})
}

// close gives the ports back, and ends all connections: those that a server has still
// said something on a little later.
func (p *publisher) close(patience time.Duration) {
	for _, l := range p.listeners {
		l.Close()
	}
	for _, c := range p.packets {
		c.Close()
	}
	p.served.Wait()
	if patience > 0 {
		p.server.Drain(patience)
	}
	p.server.Close()
	p.datagrams.Close()
	p.inside.close()
}
