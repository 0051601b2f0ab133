package sandbox

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/egress"
	"github.com/sbxrun/sbx/sandbox/usernet"
	"github.com/sbxrun/sbx/userns"
)

// UserNetwork is all that the caller reaches, but for the machine itself and its cloud's
// secrets, by a program outside that serves the sandbox's one device.
type UserNetwork struct {
	// Driver is pasta or slirp4netns. Empty is the first that is installed.
	Driver string
	// Deny are addresses, or ADDRESS/BITS, that are closed too.
	Deny []string
}

// UserHost is what of the host matters to a network in user mode.
type UserHost struct {
	// Drivers are the programs, and Install how one is installed that is missing.
	Drivers map[usernet.Driver]string
	Install string
	// TunErr is why /dev/net/tun cannot be opened, or nil.
	TunErr error
	// Addresses are the host's own, and AddressesErr why they are not known. IPv6 says
	// that it has a route to everywhere.
	Addresses    []netip.Addr
	AddressesErr error
	IPv6         bool
}

func probeUserNetwork() UserHost {
	h := UserHost{Drivers: map[usernet.Driver]string{}}
	h.Addresses, h.AddressesErr = egress.OwnAddresses()
	for _, d := range usernet.Drivers {
		if path := hostProgram(string(d)); path != "" {
			h.Drivers[d] = path
		}
	}
	if len(h.Drivers) < len(usernet.Drivers) {
		h.Install = installer(func(name string) bool { return hostProgram(name) != "" })
	}
	tun, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	if err == nil {
		tun.Close()
	}
	h.TunErr = err
	routes, _ := os.ReadFile("/proc/net/ipv6_route") // a kernel without IPv6 has none
	h.IPv6 = defaultRoute6(string(routes))
	return h
}

// hostProgram is the path of a program that the distribution brings, or empty. The
// caller's PATH is not asked, which may begin in his home.
func hostProgram(name string) string {
	for _, dir := range []string{"/usr/bin/", "/bin/", "/usr/local/bin/"} {
		if path, err := exec.LookPath(dir + name); err == nil {
			return path
		}
	}
	return ""
}

// installer is how a package is installed here.
func installer(there func(string) bool) string {
	for _, words := range []string{"apt-get install", "dnf install", "pacman -S", "zypper install", "apk add"} {
		if name, _, _ := strings.Cut(words, " "); there(name) {
			return words
		}
	}
	return "install"
}

// defaultRoute6 tells whether the kernel's table of IPv6 routes has one to everywhere.
// The one that refuses everything is lo's.
func defaultRoute6(table string) bool {
	for line := range strings.Lines(table) {
		f := strings.Fields(line) // destination, its bits, ..., flags, device
		if len(f) == 10 && strings.Trim(f[0]+f[1], "0") == "" && f[9] != "lo" {
			return true
		}
	}
	return false
}

// completeUserNetwork chooses the driver, and refuses what would not hold.
func (s *Spec) completeUserNetwork(h UserHost) error {
	if s.UserNetwork == nil {
		return nil
	}
	n := *s.UserNetwork
	s.UserNetwork = &n
	if s.HostNetwork || s.Egress != nil {
		return fmt.Errorf("a sandbox has one network: the host's, what is allowed, or one in user mode")
	}
	if h.AddressesErr != nil {
		return fmt.Errorf("the host's own addresses, which are to be closed: %w", h.AddressesErr)
	}
	if _, err := n.closed(h); err != nil {
		return err
	}
	if err := s.checkBarrier(); err != nil {
		return err
	}
	if err := s.UserNetwork.choose(h); err != nil {
		return err
	}
	return tunError(h.TunErr)
}

// checkBarrier refuses what undoes an egress.Barrier: to change policies, to send past
// them, to take the mount off that makes /proc/sys read-only, or to go without it. Who
// is root in the namespace's owner may write disable_xfrm there (net_ctl_permissions).
func (s Spec) checkBarrier() error {
	for _, c := range []string{"CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN"} {
		if caps := s.OCI.Process.Capabilities; caps != nil && slices.Contains(caps.Bounding, c) {
			return fmt.Errorf("with %s the command could open what a network in user mode closes", c)
		}
	}
	if _, root := fromOCI(s.OCI.Linux.UIDMappings).ToOutside(0); root && s.UserNS {
		return hinted(fmt.Errorf("with user namespaces in it, root of the sandbox could open what a network in user mode closes"),
			"leave --allow-userns away, or name what is allowed, with --allow")
	}
	return nil
}

// choose takes the first driver that is installed.
func (n *UserNetwork) choose(h UserHost) error {
	wanted := usernet.Drivers
	if n.Driver != "" {
		wanted = []usernet.Driver{usernet.Driver(n.Driver)}
		if !slices.Contains(usernet.Drivers, wanted[0]) {
			return fmt.Errorf("network driver %q: want pasta or slirp4netns", n.Driver)
		}
	}
	for _, d := range wanted {
		if h.Drivers[d] != "" {
			n.Driver = string(d)
			return nil
		}
	}
	missing := n.Driver + " is not installed"
	if n.Driver == "" {
		missing = "neither pasta nor slirp4netns is installed, and a network in user mode needs one"
	}
	return hinted(errors.New(missing), "as root: "+h.Install+" "+wanted[0].Package())
}

func tunError(err error) error {
	if err == nil {
		return nil
	}
	hint := "as root: chmod 0666 /dev/net/tun, its mode wherever udev sets it"
	if !errors.Is(err, unix.EACCES) {
		hint = "as root: modprobe tun; a container gets the device by --device /dev/net/tun"
	}
	return hinted(fmt.Errorf("a network in user mode needs a network device: %w", err), hint)
}

// closed are the addresses that the network has not.
func (n UserNetwork) closed(h UserHost) ([]netip.Prefix, error) {
	closed := append([]netip.Prefix{usernet.Address4.Masked(), usernet.Address6.Masked()}, egress.Closed()...)
	for _, a := range h.Addresses {
		if !slices.ContainsFunc(closed, func(p netip.Prefix) bool { return p.Contains(a) }) {
			closed = append(closed, netip.PrefixFrom(a, a.BitLen()))
		}
	}
	for _, text := range n.Deny {
		p, err := netip.ParsePrefix(text)
		if a, e := netip.ParseAddr(text); e == nil && a.Zone() == "" {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil {
			return nil, hinted(fmt.Errorf("--deny %s: a network in user mode knows addresses alone, not names and ports", text),
				"want an address or ADDRESS/BITS; or name what is allowed, with --allow")
		}
		if !slices.Contains(closed, p.Masked()) { // the kernel has each policy once
			closed = append(closed, p.Masked())
		}
	}
	return closed, nil
}

// The sockets by which the supervisor sets the device up, and closes what is closed.
const (
	userLink    userns.FD = "netlink socket"
	userBarrier userns.FD = "netlink socket of policies"
)

// userNetwork waits until the network is served, and what is closed is closed.
func (c *compiler) userNetwork() {
	if c.spec.UserNetwork == nil {
		return
	}
	c.add(userns.Socket{Domain: unix.AF_NETLINK, Type: unix.SOCK_RAW, As: userLink},
		userns.Socket{Domain: unix.AF_NETLINK, Type: unix.SOCK_RAW, Protocol: unix.NETLINK_XFRM, As: userBarrier},
		userns.Send{FD: userLink}, userns.Send{FD: userBarrier, Await: true})
}

// userResolver is the resolv.conf of a network in user mode: the driver's name server,
// which asks the host's, and how the host asks.
func userResolver(host string) string {
	text := "# made by sbx: who is asked there asks as the host does\nnameserver " + usernet.NameServer.String() + "\n"
	for line := range strings.Lines(host) {
		line = strings.TrimSpace(line)
		if word, _, _ := strings.Cut(line, " "); word == "search" || word == "domain" || word == "options" {
			text += line + "\n"
		}
	}
	return text
}
