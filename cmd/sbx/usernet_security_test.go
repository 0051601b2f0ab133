package main

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// worldPort is where the world of testdata/world answers.
const worldPort = "8000"

// userNetRows are what --net user keeps closed, with each driver. They are run in a
// world in which every place of the host and its cloud answers.
var userNetRows = func() (rows []row) {
	for _, driver := range []string{"pasta", "slirp4netns"} {
		add := func(name, tries string, views []view, cmd ...string) {
			rows = append(rows, row{
				id: "net-" + driver + "-" + name, group: "network", tries: tries + ", with " + driver, views: views, setup: inWorld, wrap: worldWrap("-", worldPort, marker),
				flags: []string{"--net", "user", "--net-driver", driver, "--userns", "single"}, cmd: append([]string{"{ATTACKS}"}, cmd...),
			})
		}
		at := func(hosts ...string) (all []string) {
			for _, host := range hosts {
				all = append(all, host+":"+worldPort)
			}
			return all
		}
		add("gateway", "connect to the host's loopback by the gateway", both, "connect", "tcp", "10.0.2.2:"+worldPort)
		add("gateway-udp", "ask the host's loopback by the gateway", hostOnly, "connect", "udp", "10.0.2.2:"+worldPort)
		add("gateway6", "connect to the host's loopback by the IPv6 gateway", hostOnly, "connect", "tcp", "[fd00::2]:"+worldPort)
		add("name-server", "connect to a port of where the name server is, which may be the host's loopback", hostOnly, "connect", "tcp", "10.0.2.3:"+worldPort)
		add("name-server-udp", "ask a port of where the name server is", hostOnly, "connect", "udp", "10.0.2.3:"+worldPort)
		add("own-address", "connect to the host by its own address", both, "connect", "tcp", "192.0.2.2:"+worldPort)
		add("own-address-udp", "ask the host by its own address", hostOnly, "connect", "udp", "192.0.2.2:"+worldPort)
		add("own-address6", "connect to the host by its own IPv6 address", hostOnly, "connect", "tcp", "[2001:db8::2]:"+worldPort)
		add("loopback", "connect to the host's 127.0.0.1", hostOnly, "connect", "tcp", "127.0.0.1:"+worldPort)
		add("metadata", "connect to where cloud machines find their secrets", both, "connect", "tcp", "169.254.169.254:"+worldPort)
		add("metadata6", "connect to where Amazon's machines find their secrets", hostOnly, "connect", "tcp", "[fd00:ec2::254]:"+worldPort)
		add("metadata-azure", "connect to where Azure's machines find their secrets", hostOnly, "connect", "tcp", "168.63.129.16:"+worldPort)
		add("metadata-alibaba", "connect to where Alibaba's machines find their secrets", hostOnly, "connect", "tcp", "100.100.100.200:"+worldPort)
		add("metadata-translated", "connect there by a translator of the network", hostOnly, "connect", "tcp", "[64:ff9b::a9fe:a9fe]:"+worldPort)
		closed := at("127.0.0.1", "10.0.2.2", "10.0.2.3", "192.0.2.2", "169.254.169.254", "168.63.129.16", "100.100.100.200", "[::1]", "[::ffff:192.0.2.2]",
			"[fd00::2]", "[fd00:ec2::254]", "[2001:db8::2]", "[64:ff9b::a9fe:a9fe]")
		add("bound", "connect to each of these by a socket that is bound to the device", both, append([]string{"connect-by", "tap0", "tcp"}, closed...)...)
		add("bound-udp", "ask each of these by a socket that is bound to the device", hostOnly, append([]string{"connect-by", "tap0", "udp"}, closed...)...)
		add("ping", "ping the host and its cloud", hostOnly, "pings", "10.0.2.2", "10.0.2.3", "192.0.2.2", "169.254.169.254", "168.63.129.16")
		add("switch", "switch the policies off", both, "open-write", "/proc/sys/net/ipv4/conf/all/disable_xfrm", "/proc/sys/net/ipv4/conf/tap0/disable_xfrm")
		rows = append(rows, row{
			id: "net-" + driver + "-mapped", group: "network", tries: "connect to the host by a mapped address, with " + driver,
			views: hostOnly, setup: inWorld, wrap: worldWrap("-", worldPort, marker),
			flags: []string{"--net", "user", "--net-driver", driver},
			cmd: []string{"python3", "-c", "import socket, sys; r = socket.socket(socket.AF_INET6).connect_ex(('::ffff:192.0.2.2', " + worldPort + ")); " +
				"print('HELD: error' if r else 'BROKE: connected', r); sys.exit(not r)"},
		})
		add("packet", "open a packet socket, which no policy holds", both, "socket", "17:3:0", "17:2:0")
		add("abstract", "connect to an abstract socket of the host", both, "abstract", "sbx-world")
	}
	return rows
}()

// worldWrap runs a command in a world.
func worldWrap(args ...string) []string {
	return append([]string{"unshare", "--user", "--map-root-user", "--net", "--mount", "{WORLD}", fmt.Sprint(os.Getuid()), fmt.Sprint(os.Getgid())}, args...)
}

func inWorld(s *scene) { s.vars["WORLD"] = needWorld(s.t) }

// needWorld skips where networks in user mode, or worlds to run them in, cannot be had.
func needWorld(t testing.TB) string {
	t.Helper()
	for _, program := range []string{"pasta", "slirp4netns", "unshare", "ip"} {
		if _, err := exec.LookPath(program); err != nil {
			skip(t, "%v", err)
		}
	}
	tun, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	if err != nil {
		skip(t, "%v", err)
	}
	tun.Close()
	return tool(t, "world")
}
