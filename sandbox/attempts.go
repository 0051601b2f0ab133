package sandbox

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Attempts count what a command tried of the network in vain, by the kernel's own counters of
// the sandbox's network (/proc/PID/net/snmp and snmp6). Nothing else sees them: the kernel
// refuses by itself what leads nowhere.
type Attempts struct {
	// NoRoute are those to addresses that the sandbox's network does not have.
	NoRoute int
	// NoPort are connections to ports at which nobody listens, of localhost too.
	NoPort int
	// NoServer are datagrams to such ports, as those to a name server of this machine's own.
	NoServer int
}

// counters are open files of a sandbox's network. They are opened while the command runs, at
// its side, and can be read when it and its network have ended.
type counters struct{ fds []int }

func (c *counters) open(pid int) {
	for _, name := range []string{"snmp", "snmp6"} {
		fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/net/"+name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err == nil { // it may have ended
			c.fds = append(c.fds, fd)
		}
	}
}

func (c *counters) close() {
	for _, fd := range c.fds {
		unix.Close(fd)
	}
	c.fds = nil
}

func (c *counters) read() (a Attempts) {
	buf := make([]byte, 64<<10) // more than there is
	for _, fd := range c.fds {
		n := 0
		for {
			more, err := unix.Read(fd, buf[n:])
			if err == unix.EINTR {
				continue
			}
			if err != nil || more <= 0 {
				break
			}
			n += more
		}
		a.add(string(buf[:n]))
	}
	return a
}

// add reads snmp, in which a line of names is before each line of numbers, or snmp6, which has
// a name and a number on each.
func (a *Attempts) add(text string) {
	var names []string
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case len(words) == 2 && !strings.HasSuffix(words[0], ":"):
			a.count(words[0], words[1])
		case len(names) == len(words) && len(words) > 0 && names[0] == words[0]:
			for i, name := range names[1:] {
				a.count(strings.TrimSuffix(names[0], ":")+name, words[i+1])
			}
			names = nil
		default:
			names = words
		}
	}
}

func (a *Attempts) count(name, number string) {
	n, err := strconv.Atoi(number)
	if err != nil {
		return
	}
	switch name {
	case "IpOutNoRoutes", "Ip6OutNoRoutes":
		a.NoRoute += n
	case "TcpAttemptFails":
		a.NoPort += n
	case "UdpNoPorts", "Udp6NoPorts":
		a.NoServer += n
	}
}

// Attempts are those of a command that has ended and failed, in a network that sbx made. There
// are none of one that exited with 0.
func (c *Cmd) Attempts() Attempts { return c.attempts }

// openCounters does so where the sandbox has a network of its own that is not all of the host's.
func (c *Cmd) openCounters(pid int) {
	if c.entering == nil && !c.Spec.HostNetwork && c.Spec.UserNetwork == nil {
		c.counters.open(pid)
	}
}

// readCounters reads them of a command that failed.
func (c *Cmd) readCounters(failed bool) {
	if failed {
		c.attempts = c.counters.read()
	}
	c.counters.close()
}
