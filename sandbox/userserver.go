package sandbox

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sbxrun/sbx/sandbox/egress"
	"github.com/sbxrun/sbx/sandbox/hint"
	"github.com/sbxrun/sbx/sandbox/landlock"
	"github.com/sbxrun/sbx/sandbox/usernet"
	"github.com/sbxrun/sbx/userns"
)

// userServer serves a sandbox a network in user mode.
type userServer struct {
	network UserNetwork
	host    Host
	link    *os.File
	driver  *daemon
	served  bool
}

// take makes use of a socket of the sandbox's. Behind the second one the command runs.
func (u *userServer) take(fd userns.FD, f *os.File, p *userns.Process) error {
	if fd == userLink {
		u.link = f
		return nil
	}
	defer f.Close()
	b := egress.NewBarrier(f)
	if err := u.closeOff(b); err != nil {
		return err
	}
	if err := u.start(p); err != nil {
		return err
	}
	err := u.setUp(egress.NewLink(u.link), b)
	u.served = err == nil
	return err
}

// closeOff closes what is closed.
func (u *userServer) closeOff(b egress.Barrier) error {
	closed, err := u.network.closed(u.host.UserNetwork)
	if err != nil {
		return err
	}
	for _, p := range closed {
		if p.Addr().Is6() && !u.host.UserNetwork.IPv6 {
			continue // the driver passes none on
		}
		if err := b.Close(p); err != nil {
			return err
		}
	}
	return b.Port(netip.AddrPortFrom(usernet.NameServer, 53))
}

// start starts the driver's program, which makes the device.
func (u *userServer) start(p *userns.Process) error {
	driver := usernet.Driver(u.network.Driver)
	ready, end, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("%s: %w", driver, err)
	}
	defer ready.Close()
	given, err := namespaces(p)
	given[usernet.Ready] = end
	defer func() {
		for _, f := range given {
			f.Close()
		}
	}()
	if err != nil {
		return fmt.Errorf("%s: %w", driver, err)
	}
	var confined []userns.Step
	if !driver.Confines() && u.host.Landlock >= landlock.Floor {
		confined = append(confined, driverFiles(u.host))
	}
	plan := driver.Plan(u.host.UserNetwork.Drivers[driver], p.PID(), u.host.UserNetwork.IPv6, confined...)
	if u.driver, err = startDaemon(string(driver), plan, userns.Input{Files: given}); err != nil {
		return err
	}
	end.Close() // of what the program holds alone the end is heard
	return u.driver.ready(ready)
}

// namespaces are those of a sandbox in which the device is to be.
func namespaces(p *userns.Process) (given map[userns.FD]*os.File, err error) {
	given = map[userns.FD]*os.File{}
	for name, file := range map[userns.FD]string{usernet.User: "user", usernet.Net: "net"} {
		f, err := os.Open(fmt.Sprintf("/proc/%d/ns/%s", p.PID(), file))
		if err != nil {
			return given, err
		}
		given[name] = f
	}
	return given, nil
}

// driverFiles confines a driver's program to what it needs of the host: itself, the
// device, and whom to ask for names.
func driverFiles(h Host) userns.Step {
	p := landlock.Policy{Files: landlock.AllFiles, Scopes: landlock.Signals | landlock.AbstractSockets}
	dirs := []string{"/usr", "/lib", "/lib64", "/etc"}
	if resolv, err := filepath.EvalSymlinks("/etc/resolv.conf"); err == nil {
		dirs = append(dirs, filepath.Dir(resolv)) // which is written anew when the network changes
	}
	for _, dir := range dirs {
		if fi, err := os.Stat(dir); err == nil && fi.IsDir() {
			p.Rules = append(p.Rules, landlock.Rule{Path: dir, Mount: -1, Rights: landlock.Read | landlock.Execute})
		}
	}
	p.Rules = append(p.Rules, landlock.Rule{Path: "/dev/net/tun", Mount: -1, Rights: landlock.Read | landlock.WriteFiles | landlock.Devices, Leaf: true})
	p, _ = p.Restrict(h.Landlock)
	return landlockStep(p, nil)
}

// setUp gives the device addresses and routes.
func (u *userServer) setUp(l egress.Link, b egress.Barrier) error {
	if err := l.Up(); err != nil {
		return err
	}
	device, err := l.Index(usernet.Device)
	if err != nil {
		return err
	}
	if err := l.Device(device, usernet.MTU); err != nil {
		return err
	}
	if err := errors.Join(l.Address(device, usernet.Address4), l.Default(device, usernet.Gateway4)); err != nil || !u.host.UserNetwork.IPv6 {
		return err
	}
	for _, a := range []netip.Addr{netip.IPv6Loopback(), usernet.Address6.Addr()} {
		if err := b.Own(a, device); err != nil {
			return err
		}
	}
	return errors.Join(b.Neighbours(), l.Address(device, usernet.Address6), l.Default(device, usernet.Gateway6))
}

// close ends the driver's program. It says what it said where it had ended before.
func (u *userServer) close() (early string) {
	if u.link != nil {
		u.link.Close()
	}
	if u.driver == nil {
		return ""
	}
	said := u.driver.complaint()
	if u.driver.kill() && u.served {
		return fmt.Sprintf("%s ended before the command, and the network with it: %s", u.driver.name, orNone(said))
	}
	return ""
}

// readyWithin is how long a program may take to serve the device.
const readyWithin = 20 * time.Second

func (d *daemon) ready(r *os.File) error {
	if err := r.SetReadDeadline(time.Now().Add(readyWithin)); err != nil {
		return err
	}
	_, err := r.Read(make([]byte, 16))
	switch said := d.complaint(); {
	case errors.Is(err, io.EOF):
		_, _ = d.process.Wait() // by then it has said why
		said = d.complaint()
		return hinted(fmt.Errorf("%s serves no network: %s", d.name, orNone(said)), driverHint(d.name, said))
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%s is not ready after %v: %s", d.name, readyWithin, orNone(said))
	}
	return err
}

// complaint is what a program said, less what it says when all is well.
func (d *daemon) complaint() string {
	var said []string
	for line := range strings.Lines(d.output()) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.Contains(line, "bytes to syslog") && !strings.Contains(line, "tapfd=") {
			said = append(said, hint.SafeText(line))
		}
	}
	return strings.Join(said, "; ")
}

func driverHint(name, said string) string {
	switch {
	case strings.Contains(said, "routable interface"), strings.Contains(said, "external interface"):
		return "pasta needs a default route; --net-driver slirp4netns does without"
	case strings.Contains(said, "ermission denied"):
		return "AppArmor, or another security module, may confine " + name + "; see the journal for DENIED"
	}
	return ""
}
