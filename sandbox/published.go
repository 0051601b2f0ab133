package sandbox

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/userns"
)

// checkPublished refuses ports that cannot be published, or would publish something
// else than a server of the command's.
func (s Spec) checkPublished() error {
	if len(s.Publish) > maxPublished {
		return fmt.Errorf("more than %d ports are published", maxPublished)
	}
	for i, p := range s.Publish {
		if p.Host != 0 && slices.ContainsFunc(s.Publish[:i], p.clashes) {
			return fmt.Errorf("port %d of %s is published twice", p.Host, p.Address)
		}
		if s.NoTCP && !p.UDP {
			return fmt.Errorf("-p %s publishes a server that --no-tcp lets nobody be", p)
		}
		if err := s.checkReached(p); err != nil {
			return err
		}
	}
	return nil
}

// clashes tells whether both are the same port of the host.
func (p PublishedPort) clashes(other PublishedPort) bool {
	return p.UDP == other.UDP && p.at() == other.at()
}

// checkReached looks at what is behind a port. What sbx itself listens at inside leads
// out again: what is published would be a host of --allow, a service of --host-port, or
// the port itself, without end.
func (s Spec) checkReached(p PublishedPort) error {
	if s.HostNetwork {
		if slices.ContainsFunc(s.Publish, func(other PublishedPort) bool { return other.UDP == p.UDP && other.Host == p.Sandbox }) {
			return fmt.Errorf("-p %s leads to a port that is published itself: --net host has no other ports than the host's", p)
		}
		return nil
	}
	if s.Egress == nil {
		return nil
	}
	taken := []uint16{53}
	if !p.UDP {
		if s.Egress.Proxy {
			taken = append(taken, ProxyPort)
		}
		ports, _, err := s.Egress.ports()
		if err != nil {
			return err
		}
		taken = append(taken, ports...)
		for _, h := range s.Egress.HostPorts {
			if p.Host == h.Host {
				return fmt.Errorf("port %d of the host is published, and the sandbox would get it back by --host-port %s", h.Host, h)
			}
			taken = append(taken, h.Sandbox)
		}
	}
	if slices.Contains(taken, p.Sandbox) {
		return hinted(fmt.Errorf("port %d of the sandbox is listened at for something else, and cannot be published", p.Sandbox),
			"have the server listen at another port, or say which ports --allow is about: --allow HOST:443")
	}
	return nil
}

// completePublished drops what the host's network makes of no use: there the command's
// port is the host's already.
func (s *Spec) completePublished() (notes []string) {
	if !s.HostNetwork {
		return nil
	}
	s.Publish = slices.Clone(s.Publish)
	s.Publish = slices.DeleteFunc(s.Publish, func(p PublishedPort) bool {
		same := p.Host == p.Sandbox && p.Address.IsLoopback()
		if same {
			notes = append(notes, fmt.Sprintf("-p %s does nothing: with --net host the command's ports are the host's", p))
		}
		return same
	})
	for _, p := range s.Publish {
		notes = append(notes, fmt.Sprintf("-p %s leads to the host's own port %d, which with --net host is the command's", p, p.Sandbox))
	}
	return notes
}

const publishingPrefix = "socket that publishes "

// publish opens a socket, by which the supervisor finds the network.
func (c *compiler) publish() {
	if len(c.spec.Publish) == 0 || c.spec.HostNetwork {
		return
	}
	var names []string
	for _, p := range c.spec.Publish {
		names = append(names, p.String())
	}
	fd := userns.FD(publishingPrefix + strings.Join(names, " "))
	c.add(userns.Socket{Domain: unix.AF_INET, Type: unix.SOCK_DGRAM, As: fd}, userns.Send{FD: fd, Await: lowest(c.spec.Publish) < rootsPorts})
}

// rootsPorts are those below it, in a new network namespace. They are to keep users of a
// machine from posing as its services, which the sandbox has none of.
const rootsPorts = 1024

// lowest is the lowest of the sandbox's ports.
func lowest(all []PublishedPort) uint16 {
	return slices.MinFunc(all, func(a, b PublishedPort) int { return int(a.Sandbox) - int(b.Sandbox) }).Sandbox
}
