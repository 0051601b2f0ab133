package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"
)

// moving marks the run of this program as one on a machine whose network changes.
const moving = "SBX_EGRESS_MOVING"

// TestMovingHost: a machine whose resolv.conf and addresses change during a run, as a VPN
// changes them. It is one of namespaces, since the files are the machine's own.
func TestMovingHost(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), moving+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}, GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && os.Getenv("SBX_MUST_WORK") != "1" {
		t.Skip(err)
	}
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// move is that machine.
func move() (err error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	link := NewLink(os.NewFile(uintptr(fd), "netlink"))
	if err := link.Up(); err != nil {
		return err
	}
	if err := errors.Join(unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""), unix.Mount("none", "/etc", "tmpfs", 0, "")); err != nil {
		return err
	}
	for i := range 2 { // 127.0.0.1 says 192.0.2.1, and 127.0.0.2 192.0.2.2
		if err := serveAddress(netip.AddrFrom4([4]byte{127, 0, 0, byte(i + 1)}), byte(i+1)); err != nil {
			return err
		}
	}
	use := func(text string) error {
		time.Sleep(50 * time.Millisecond) // a file is another one by its time, which goes by ticks
		return errors.Join(os.WriteFile("/etc/new", []byte(text), 0o644), os.Rename("/etc/new", "/etc/resolv.conf"))
	}
	if err := errors.Join(use("nameserver 127.0.0.1\n"), leads("192.0.2.1")); err != nil {
		return err
	}
	if err := errors.Join(use("nameserver 127.0.0.2\n"), leads("192.0.2.2")); err != nil {
		return fmt.Errorf("another resolv.conf: %w", err)
	}
	// A link to nothing is as no file: the machine's own name server (resolv.conf(5)).
	if err := errors.Join(os.Symlink("/run/of-a-service/that-is-down", "/etc/new"), os.Rename("/etc/new", "/etc/resolv.conf"), leads("192.0.2.1")); err != nil {
		return fmt.Errorf("a link to nothing: %w", err)
	}
	vpn := netip.MustParseAddr("198.51.100.7")
	block := netip.MustParsePrefix("203.0.113.0/24") // all of which is the machine's
	six := netip.MustParseAddr("2001:db8::7")
	for _, a := range []netip.Addr{vpn, six, block.Addr().Next()} {
		if err := HostOwn(a); err != nil {
			return fmt.Errorf("%s is the machine's before it is: %w", a, err)
		}
	}
	if err := errors.Join(link.Add(vpn), link.Add(six), link.Own(block)); err != nil {
		return err
	}
	for _, a := range []netip.Addr{vpn, six, block.Addr().Next(), netip.MustParseAddr("64:ff9b::c633:6407")} {
		if err := Public(a, HostOwn); err == nil || !strings.Contains(err.Error(), "is this machine") {
			return fmt.Errorf("%s came, and is not the machine's: %v", a, err)
		}
	}
	for _, a := range []string{"198.51.100.8", "2001:db8::8"} {
		if err := Public(netip.MustParseAddr(a), HostOwn); err != nil {
			return err
		}
	}
	return nil
}

// leads waits until a name leads to an address, for as long as the resolver may take to
// see another file.
func leads(want string) error {
	var got []netip.Addr
	var err error
	for range 150 {
		if got, err = (HostResolver{}).Lookup(context.Background(), "a.example.com"); err == nil && len(got) == 1 && got[0].String() == want {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("the name leads to %v, %v, and not to %s", got, err, want)
}

// serveAddress is a name server for which each name has one address.
func serveAddress(at netip.Addr, last byte) error {
	c, err := net.ListenPacket("udp", netip.AddrPortFrom(at, 53).String())
	if err != nil {
		return err
	}
	go func() {
		b := make([]byte, 4096)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(b[:n]) != nil {
				continue
			}
			answer := saying(m, 0)
			if m.Questions[0].Type == dnsmessage.TypeA {
				answer = saying(m, 0, &dnsmessage.AResource{A: [4]byte{192, 0, 2, last}})
			}
			if packed, err := answer.Pack(); err == nil && strings.HasSuffix(m.Questions[0].Name.String(), "example.com.") {
				_, _ = c.WriteTo(packed, from)
			}
		}
	}()
	return nil
}
