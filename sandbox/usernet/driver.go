package usernet

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"github.com/sbxrun/sbx/userns"
)

// Driver is a program that serves the device, by its name.
type Driver string

const (
	Pasta Driver = "pasta"
	Slirp Driver = "slirp4netns"
)

// Drivers are all of them, the first choice first.
var Drivers = []Driver{Pasta, Slirp}

// Package is what distributions call what brings it.
func (d Driver) Package() string {
	if d == Pasta {
		return "passt"
	}
	return string(d)
}

// The device, and the addresses there. They are slirp's, which the other one is told of.
const (
	Device = "tap0"
	// Index is not that of a device that a kernel makes by itself in a new namespace.
	Index = 100
	MTU   = 65520
)

var (
	Address4   = netip.MustParsePrefix("10.0.2.100/24")
	Gateway4   = netip.MustParseAddr("10.0.2.2")
	NameServer = netip.MustParseAddr("10.0.2.3")
	Address6   = netip.MustParsePrefix("fd00::100/64")
	Gateway6   = netip.MustParseAddr("fd00::2")
)

// The descriptors of the plan. To the pipe the program writes when it serves the device;
// the others are the namespaces that the device is to be in.
const (
	Ready userns.FD = "pipe that says ready"
	User  userns.FD = "user namespace"
	Net   userns.FD = "network namespace"
)

// The numbers under which slirp4netns gets them, which must not be those of the plan's
// own descriptors: these are low.
const readyNumber, userNumber, netNumber = 253, 254, 255

// Plan is that of the process that becomes the driver's program, and serves the device
// of a sandbox, whose first process has that id. It stays in the foreground and dies with the
// supervisor, also where it enters a user namespace: the kernel takes that for no gain
// of rights by who owns it (cred_cap_issubset). It gets nothing of the caller's
// environment and descriptors: it reads packets of untrusted programs, in C. The steps
// of confined confine it.
func (d Driver) Plan(program string, pid int, six bool, confined ...userns.Step) userns.Plan {
	// pasta closes all descriptors but the first three. Security modules know it to go by
	// the process, and not by descriptors.
	args, pass := append(d.pasta(six), strconv.Itoa(pid)), []userns.Step{userns.Pass{FD: Ready, Number: 1}}
	if d == Slirp { // which is confined, and so may not look at the process
		args = append(d.slirp(six), "--netns-type=path", fmt.Sprintf("--userns-path=/proc/self/fd/%d", userNumber), fmt.Sprintf("/proc/self/fd/%d", netNumber), Device)
		pass = []userns.Step{userns.Pass{FD: Ready, Number: readyNumber}, userns.Pass{FD: User, Number: userNumber}, userns.Pass{FD: Net, Number: netNumber}}
	}
	steps := []userns.Step{
		userns.DieWithSupervisor{},
		userns.Chdir{Path: "/"}, userns.NoNewPrivs{}, userns.NewSession{}, userns.Stdio{}, userns.CloseOnExec{},
		userns.RestoreSignals{}, // pasta of Debian 12 ends where SIGPIPE is ignored
	}
	return userns.Plan{Steps: append(slices.Concat(steps, pass, confined),
		userns.AwaitSupervisor{},
		userns.Exec{Paths: []string{program}, Argv: append([]string{string(d)}, args...), Env: []string{"PATH=/usr/bin:/bin"}})}
}

// Confines tells whether the program takes the host's files from itself. slirp4netns
// can, but only where the sandbox has a root for it to become.
func (d Driver) Confines() bool { return d == Pasta }

func (Driver) pasta(six bool) []string {
	args := []string{
		"--foreground", "--quiet", "--pid", "/proc/self/fd/1",
		"--ns-ifname", Device, "--mtu", strconv.Itoa(MTU),
		"--address", Address4.Addr().String(), "--netmask", strconv.Itoa(Address4.Bits()), "--gateway", Gateway4.String(),
		"--dns-forward", NameServer.String(),
		// Nothing comes in, and the gateway does not stand for the host's loopback.
		"--no-map-gw", "--tcp-ports", "none", "--udp-ports", "none", "--tcp-ns", "none", "--udp-ns", "none",
	}
	if six {
		return append(args, "--address", Address6.Addr().String(), "--gateway", Gateway6.String())
	}
	return append(args, "--ipv4-only")
}

func (Driver) slirp(six bool) []string {
	args := []string{"--mtu", strconv.Itoa(MTU), "--ready-fd", strconv.Itoa(readyNumber), "--disable-host-loopback", "--enable-seccomp"}
	if six {
		args = append(args, "--enable-ipv6")
	}
	return args
}
