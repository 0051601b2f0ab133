package sandbox

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/usernet"
	"github.com/sbxrun/sbx/userns"
)

// wired is a laptop with both drivers.
func wired() Host {
	h := laptop()
	h.ResolvConf = "search corp.example\nnameserver 127.0.0.53\noptions edns0 trust-ad\n"
	h.UserNetwork = UserHost{
		Drivers: map[usernet.Driver]string{usernet.Pasta: "/usr/bin/pasta", usernet.Slirp: "/usr/bin/slirp4netns"}, Install: "dnf install",
		Addresses: []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7"), netip.MustParseAddr("fe80::7")},
	}
	return h
}

func TestUserNetworkDriverChosen(t *testing.T) {
	none, slirp := wired(), wired()
	none.UserNetwork.Drivers = nil
	slirp.UserNetwork.Drivers = map[usernet.Driver]string{usernet.Slirp: "/usr/bin/slirp4netns"}
	for _, c := range []struct {
		host             Host
		want, got        string
		failure, mending string
	}{
		{wired(), "", "pasta", "", ""},
		{wired(), "slirp4netns", "slirp4netns", "", ""},
		{slirp, "", "slirp4netns", "", ""},
		{slirp, "pasta", "", "pasta is not installed", "as root: dnf install passt"},
		{none, "", "", "neither pasta nor slirp4netns is installed", "as root: dnf install passt"},
		{none, "slirp4netns", "", "slirp4netns is not installed", "as root: dnf install slirp4netns"},
		{wired(), "vpnkit", "", `network driver "vpnkit"`, ""},
	} {
		s := build("make")
		s.UserNetwork = &UserNetwork{Driver: c.want}
		done, _, err := Complete(s, c.host)
		switch {
		case c.failure == "" && (err != nil || done.UserNetwork.Driver != c.got):
			t.Errorf("%q: %v, %+v", c.want, err, done.UserNetwork)
		case c.failure != "" && (err == nil || !strings.Contains(err.Error(), c.failure) || Hint(err) != c.mending):
			t.Errorf("%q: %v; hint: %s", c.want, err, Hint(err))
		}
		if s.UserNetwork.Driver != c.want {
			t.Errorf("%q: the Spec that was given is changed", c.want)
		}
	}
}

// TestUserNetworkRefused: what cannot be held is not begun.
func TestUserNetworkRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Spec, *Host)
		want   string
		hint   string
	}{
		"egress":       {func(s *Spec, _ *Host) { s.Egress = &Egress{} }, "one network", ""},
		"host":         {func(s *Spec, _ *Host) { s.HostNetwork = true }, "one network", ""},
		"no addresses": {func(_ *Spec, h *Host) { h.UserNetwork.AddressesErr = errors.New("too bad") }, "own addresses", ""},
		"admin":        {func(s *Spec, _ *Host) { s.CapAdd = []string{"CAP_NET_ADMIN"} }, "CAP_NET_ADMIN", ""},
		"all":          {func(s *Spec, _ *Host) { s.CapAdd = []string{"ALL"} }, "CAP_NET_ADMIN", ""},
		"mount":        {func(s *Spec, _ *Host) { s.CapAdd = []string{"CAP_SYS_ADMIN"} }, "CAP_SYS_ADMIN", ""},
		"root with user namespaces": {func(s *Spec, _ *Host) {
			s.UserNS, s.View, s.Layers, s.IDs = true, Union, []string{"/srv/a"}, IDsSingle
		}, "root of the sandbox", "leave --allow-userns away"},
		"a name":        {func(s *Spec, _ *Host) { s.UserNetwork.Deny = []string{"telemetry.example.com"} }, "--deny telemetry.example.com", "--allow"},
		"a port":        {func(s *Spec, _ *Host) { s.UserNetwork.Deny = []string{"192.0.2.1:443"} }, "--deny 192.0.2.1:443", "--allow"},
		"a zone":        {func(s *Spec, _ *Host) { s.UserNetwork.Deny = []string{"fe80::1%eth0"} }, "--deny fe80::1%eth0", "--allow"},
		"closed device": {func(_ *Spec, h *Host) { h.UserNetwork.TunErr = tunFailure(unix.EACCES) }, "/dev/net/tun: permission denied", "chmod 0666 /dev/net/tun"},
		"no device":     {func(_ *Spec, h *Host) { h.UserNetwork.TunErr = tunFailure(unix.ENOENT) }, "/dev/net/tun: no such file", "modprobe tun"},
		"no module":     {func(_ *Spec, h *Host) { h.UserNetwork.TunErr = tunFailure(unix.ENODEV) }, "/dev/net/tun: no such device", "modprobe tun"},
	} {
		s, h := build("make"), wired()
		s.UserNetwork = &UserNetwork{}
		c.change(&s, &h)
		if _, _, err := Complete(s, h); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(Hint(err), c.hint) {
			t.Errorf("%s: %v; hint: %s", name, err, Hint(err))
		}
	}
	// With an id of one's own alone there is no root.
	s := build("make")
	s.UserNetwork, s.UserNS = &UserNetwork{}, true
	if _, _, err := Complete(s, wired()); err != nil {
		t.Error(err)
	}
}

func tunFailure(err error) error { return &fs.PathError{Op: "open", Path: "/dev/net/tun", Err: err} }

// TestClosed: of what is the host's, or is denied, nothing is left open, and nothing is
// closed twice, which the kernel refuses.
func TestClosed(t *testing.T) {
	n := UserNetwork{Deny: []string{"10.1.2.3/8", "192.0.2.7", "169.254.0.0/16"}}
	closed, err := n.closed(wired().UserNetwork)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range closed {
		if slices.Contains(closed[:i], p) || p != p.Masked() {
			t.Errorf("%s is there twice, or is no block", p)
		}
	}
	for text, want := range map[string]bool{
		"127.0.0.1": true, "0.0.0.0": true, "10.0.2.2": true, "192.0.2.7": true, "169.254.169.254": true, "10.200.0.1": true, "255.255.255.255": true, "224.0.0.251": true,
		"::1": true, "::": true, "::ffff:192.0.2.1": true, "fe80::7": true, "2001:db8::7": true, "fd00::2": true, "fd00:ec2::254": true, "64:ff9b::a9fe:a9fe": true, "2002:a9fe:a9fe::1": true,
		"192.0.2.8": false, "192.168.0.1": false, "172.17.0.2": false, "1.0.0.1": false, "2001:db8::8": false, "fd12::1": false, "64:ff9b::c000:201": false,
	} {
		a := netip.MustParseAddr(text)
		if got := slices.ContainsFunc(closed, func(p netip.Prefix) bool { return p.Contains(a) }); got != want {
			t.Errorf("%s: closed is %t", text, got)
		}
	}
}

func TestDefaultRoute6(t *testing.T) {
	const (
		zeros  = "00000000000000000000000000000000"
		refuse = zeros + " 00 " + zeros + " 00 " + zeros + " ffffffff 00000001 00000000 00200200       lo\n"
		link   = "fe800000000000000000000000000000 40 " + zeros + " 00 " + zeros + " 00000100 00000001 00000000 00000001     eth0\n"
		all    = zeros + " 00 " + zeros + " 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0\n"
		one    = zeros + " 80 " + zeros + " 00 " + zeros + " 00000400 00000001 00000000 00000003     eth0\n"
	)
	for table, want := range map[string]bool{"": false, refuse: false, link + refuse: false, one: false, link + all + refuse: true, "nonsense\n": false} {
		if got := defaultRoute6(table); got != want {
			t.Errorf("%t for\n%s", got, table)
		}
	}
}

func TestInstaller(t *testing.T) {
	for tool, want := range map[string]string{"apt-get": "apt-get install", "pacman": "pacman -S", "apk": "apk add", "none": "install"} {
		if got := installer(func(name string) bool { return name == tool }); got != want {
			t.Errorf("%s: %s", tool, got)
		}
	}
}

func TestUserResolver(t *testing.T) {
	want := "nameserver 10.0.2.3\nsearch corp.example\noptions edns0 trust-ad\n"
	if got := userResolver(wired().ResolvConf); !strings.HasSuffix(got, want) || strings.Contains(got, "127.") {
		t.Errorf("%q", got)
	}
}

// TestComplaint: what a program prints is not for the terminal to obey.
func TestComplaint(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("sent tapfd=5 for tap0\nFailed to send 7 bytes to syslog\n  bad\x1b[2J \nparent failed\n"); err != nil {
		t.Fatal(err)
	}
	if got := (&daemon{said: f}).complaint(); got != `bad\x1b[2J; parent failed` {
		t.Errorf("%s", got)
	}
}

// TestNoPolicies: on a kernel without them the error says what the kernel needs.
func TestNoPolicies(t *testing.T) {
	s := build("make")
	s.UserNetwork = &UserNetwork{}
	found := 0
	for i, step := range plan(t, s, wired()).Steps {
		socket, ok := step.(userns.Socket)
		if !ok {
			continue
		}
		e := &userns.StepError{Step: step, Index: i, Err: unix.EPROTONOSUPPORT}
		policies := socket.Protocol == unix.NETLINK_XFRM
		if policies {
			found++
		}
		if got := strings.Contains(Hint(explainStep(e, e, s)), "CONFIG_XFRM_USER"); got != policies {
			t.Errorf("%s, protocol %d: %t", step, socket.Protocol, got)
		}
	}
	if found != 1 {
		t.Errorf("%d sockets for policies", found)
	}
}
