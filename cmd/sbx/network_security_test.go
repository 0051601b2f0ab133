package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// allowed are flags that give a network.
var allowed = []string{"--allow", "good.example.com"}

// networkRows are what a command tries that has a network of what is named. They need
// nothing outside but the caller's own machine.
var networkRows = []row{
	{id: "net-loopback", group: "network", tries: "reach a port of the host's loopback that is allowed elsewhere", views: both, setup: serveLoopback, flags: []string{"--allow", "good.example.com:{PORT}"},
		cmd: []string{"{ATTACKS}", "any", "{MARKER}", "127.0.0.1:{PORT}", "127.0.0.2:{PORT}", "127.1.2.3:{PORT}", "0.0.0.0:{PORT}", "[::1]:{PORT}", "[::]:{PORT}", "[::ffff:127.0.0.1]:{PORT}"}},
	{id: "net-listeners", group: "network", tries: "reach it by the addresses at which sbx itself listens", views: both, setup: serveLoopback, flags: []string{"--allow", "good.example.com:{PORT}"},
		cmd: []string{"{ATTACKS}", "any", "{MARKER}", "198.18.0.1:{PORT}", "198.18.0.0:{PORT}", "198.18.0.255:{PORT}", "198.18.1.0:{PORT}", "198.18.1.1:{PORT}", "198.19.255.255:{PORT}",
			"[fd73:6278::1]:{PORT}", "[fd73:6278::]:{PORT}", "[fd73:6278::100]:{PORT}", "[fd73:6278::ffff:127.0.0.1]:{PORT}", "[::ffff:198.18.0.1]:{PORT}", "127.0.0.1:{PORT}"}},
	{id: "net-loopback-ports", group: "network", tries: "reach the host's loopback where all ports of another host are allowed", views: both, setup: serveLoopback, flags: []string{"--allow", "good.example.com:*"}, refusal: 125,
		cmd: []string{"{ATTACKS}", "any", "{MARKER}", "127.0.0.1:{PORT}", "127.0.0.2:{PORT}", "0.0.0.0:{PORT}", "198.18.0.1:{PORT}", "198.18.1.0:{PORT}", "[::1]:{PORT}", "[::ffff:127.0.0.1]:{PORT}"}},
	{id: "net-own-ports", group: "network", tries: "reach an address of the host's own where all ports of all hosts are allowed", views: both, setup: serveOwn, flags: []string{"--allow", "*:*"}, refusal: 125,
		cmd: []string{"{ATTACKS}", "say", "tcp", "{OWN}:{PORT}", "{MARKER}", "x"}},
	{id: "net-localhost", group: "network", tries: "reach the host's loopback where localhost is allowed, which is the sandbox's own", views: both, setup: serveLoopback, flags: []string{"--allow", "localhost:{PORT}"},
		cmd: []string{"{ATTACKS}", "say", "tcp", "localhost:{PORT}", "{MARKER}", "x"}, refusal: exitFailed},
	{id: "net-localhost-all", group: "network", tries: "reach it by that name where all hosts are allowed", views: both, setup: serveLoopback, flags: []string{"--allow", "*:{PORT}", "--allow-private", "localhost"},
		cmd: []string{"{ATTACKS}", "say", "tcp", "localhost:{PORT}", "{MARKER}", "x"}},
	{id: "net-everything", group: "network", tries: "reach the host's loopback where all hosts are allowed", views: both, setup: serveLoopback, flags: []string{"--allow", "*:{PORT}"},
		cmd: []string{"{ATTACKS}", "any", "{MARKER}", "127.0.0.1:{PORT}", "0.0.0.0:{PORT}", "[::1]:{PORT}", "[::ffff:127.0.0.1]:{PORT}", "[64:ff9b::7f00:1]:{PORT}", "[2002:7f00:1::]:{PORT}", "[::127.0.0.1]:{PORT}"}},
	{id: "net-own-address", group: "network", tries: "reach an address of the host's own that is allowed", views: both, setup: serveOwn, flags: []string{"--allow", "{OWN}:{PORT}"},
		cmd: []string{"{ATTACKS}", "say", "tcp", "{OWN}:{PORT}", "{MARKER}", "x"}},
	{id: "net-own-everything", group: "network", tries: "reach it where all hosts are allowed", views: both, setup: serveOwn, flags: []string{"--allow", "*:{PORT}"},
		cmd: []string{"{ATTACKS}", "say", "tcp", "{OWN}:{PORT}", "{MARKER}", "x"}},
	{id: "net-host-port", group: "network", tries: "reach another port of the host's loopback than the one that is given", views: both, setup: serveLoopback, flags: []string{"--host-port", "{OTHER}"},
		cmd: []string{"{ATTACKS}", "any", "{MARKER}", "127.0.0.1:{PORT}", "[::1]:{PORT}"}},
	{id: "net-host-port-address", group: "network", tries: "reach another address by the port that is given", views: both, setup: serveSecond, flags: []string{"--host-port", "{PORT}"},
		cmd: []string{"{ATTACKS}", "any", "{MARKER}", "127.0.0.2:{PORT}", "[::1]:{PORT}", "198.18.0.1:{PORT}"}},
	{id: "net-udp", group: "network", tries: "reach a UDP port of the host's loopback that is allowed elsewhere", views: both, setup: serveUDPPort, flags: []string{"--allow", "good.example.com:{PORT}"},
		cmd: []string{"{ATTACKS}", "connect", "udp", "127.0.0.1:{PORT}"}},
	{id: "net-broadcast", group: "network", tries: "reach it by broadcast", views: both, setup: serveBroadcast, flags: allowed, cmd: []string{"{ATTACKS}", "say", "udp", "127.255.255.255:{PORT}", "{MARKER}", "x"}, judge: shouted},
	{id: "net-ping", group: "network", tries: "ping what is outside", views: both, flags: allowed, cmd: []string{"{ATTACKS}", "pings", "192.0.2.1", "203.0.113.1"}},
	{id: "net-sctp", group: "network", tries: "open a socket of SCTP, DCCP, UDP-Lite, L2TP or SMC", views: both, flags: allowed,
		cmd: []string{"{ATTACKS}", "socket", "2:1:132", "2:5:132", "10:1:132", "2:6:33", "10:6:33", "2:2:136", "2:2:115", "2:1:256", "43:1:0"}},
	{id: "net-take", group: "network", tries: "listen where sbx does, to have what others inside send", views: both, setup: freePort, flags: []string{"--allow", "good.example.com:{PORT}"},
		cmd: []string{"{ATTACKS}", "take", "tcp", "127.0.0.1:{PORT}", "0.0.0.0:{PORT}", "198.18.1.0:{PORT}", "[::1]:{PORT}", "[::]:{PORT}", "[fd73:6278::100]:{PORT}"}},
	{id: "net-take-root", group: "network", tries: "the same as root, on 443", views: rootfsOnly, flags: []string{"--allow", "good.example.com", "--userns", "root"},
		cmd: []string{"{ATTACKS}", "take", "tcp", "127.0.0.1:443", "0.0.0.0:443", "198.18.1.0:443", "[::1]:443", "[fd73:6278::100]:80"}},
	{id: "net-take-dns", group: "network", tries: "listen where the name server does", views: rootfsOnly, flags: []string{"--allow", "good.example.com", "--userns", "root"},
		cmd: []string{"{ATTACKS}", "take", "udp", "127.0.0.1:53", "0.0.0.0:53"}},
	{id: "net-take-dns-tcp", group: "network", tries: "the same by TCP", views: rootfsOnly, flags: []string{"--allow", "good.example.com", "--userns", "root"}, cmd: []string{"{ATTACKS}", "take", "tcp", "127.0.0.1:53", "0.0.0.0:53"}},
	{id: "net-sockets", group: "network", tries: "find a socket of sbx in some process", views: both, flags: allowed, cmd: []string{"{ATTACKS}", "sockets"}},
	{id: "net-names", group: "network", tries: "have sbx itself print a name that is a terminal's escape", views: hostOnly, tty: ttyAll, flags: allowed, judge: unasked,
		cmd: []string{"{ATTACKS}", "ask", "udp", "127.0.0.1:53", "x\x1b[6n\x1b]52;c;eA==\x07\n.bad.example.com.", "1", "1"}},
	{id: "net-log", group: "network", tries: "fill the disk by the log of connections", views: hostOnly, setup: freePort, flags: []string{"--allow", "good.example.com:{PORT}", "--net-log", "{DIR}/log"}, judge: shortLog,
		cmd: []string{"{ATTACKS}", "connections", "127.0.0.1:{PORT}", "15000"}},
	{id: "net-log-names", group: "network", tries: "fill it by names", views: hostOnly, flags: []string{"--allow", "good.example.com", "--net-log", "{DIR}/log"}, judge: shortLog,
		cmd: []string{"{ATTACKS}", "lookups", "15000", "bad.example.com"}},
	{id: "net-log-link", group: "network", tries: "have the log written over a file by a link in the project", views: hostOnly, flags: []string{"--allow", "good.example.com", "--net-log", "{PROJECT}/log"}, judge: unchanged,
		setup: func(s *scene) { s.check(os.Symlink(s.vars["BAIT"], s.path("{PROJECT}/log"))) }, cmd: []string{"{ATTACKS}", "lookups", "3", "bad.example.com"}},
	changing("route", "add a route", "route"),
	changing("local", "have another address be its own", "local", "local-six", "address"),
	changing("unroute", "take a route away", "unroute"),
	changing("link", "bring lo up or down", "up", "down"),
	changing("device", "add a device", "device"),
	changing("rule", "add a rule of routing", "rule"),
	changing("neighbour", "add a neighbour, or a queue", "neighbour", "qdisc"),
	changing("as-root", "change the network as root", everyChange...).as(rootfsOnly, "--userns", "root"),
	changing("in-userns", "change the network with user namespaces inside", everyChange...).as(both, "--allow-userns"),
	nested(changing("nested", "change the network with all rights in namespaces of its own", everyChange...).as(both, "--allow-userns")),
}

var everyChange = []string{"route", "local", "local-six", "unroute", "address", "up", "down", "device", "rule", "neighbour", "qdisc"}

// changing is a row that asks the kernel by netlink.
func changing(id, tries string, messages ...string) row {
	return row{id: "net-change-" + id, group: "network", tries: tries, views: both, flags: allowed, cmd: append([]string{"{ATTACKS}", "netlink"}, messages...)}
}

func (r row) as(views []view, flags ...string) row {
	r.views, r.flags = views, append(append([]string{}, r.flags...), flags...)
	return r
}

func nested(r row) row {
	r.cmd[1] = "nested-netlink"
	return r
}

// freePort names one that nobody listens at.
func freePort(s *scene) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	s.check(err)
	_, s.vars["PORT"], err = net.SplitHostPort(l.Addr().String())
	s.check(err)
	s.check(l.Close())
}

// serveLoopback has servers at one port of both of the host's loopback addresses.
func serveLoopback(s *scene) {
	freePort(s)
	s.vars["OTHER"] = s.vars["PORT"]
	l, err := net.Listen("tcp", "127.0.0.1:0")
	s.check(err)
	_, s.vars["PORT"], err = net.SplitHostPort(l.Addr().String())
	s.check(err)
	s.answer(l)
	if six, err := net.Listen("tcp6", "[::1]:"+s.vars["PORT"]); err == nil {
		s.answer(six)
	}
}

// serveSecond has a server at 127.0.0.2, and none at the same port of 127.0.0.1.
func serveSecond(s *scene) {
	serveTCP("127.0.0.2:0")(s)
	_, s.vars["PORT"], _ = net.SplitHostPort(s.vars["SOCKET"])
}

// serveOwn has a server at an address of the host's that others reach too.
func serveOwn(s *scene) {
	all, err := net.InterfaceAddrs()
	s.check(err)
	for _, a := range all {
		n, ok := a.(*net.IPNet)
		if !ok || n.IP.To4() == nil || !n.IP.IsGlobalUnicast() {
			continue
		}
		serveTCP(n.IP.String() + ":0")(s)
		s.vars["OWN"], s.vars["PORT"], err = net.SplitHostPort(s.vars["SOCKET"])
		s.check(err)
		return
	}
	skip(s.t, "the machine has no address but its loopback's")
}

func serveUDPPort(s *scene) {
	serveUDP(s)
	_, s.vars["PORT"], _ = net.SplitHostPort(s.vars["SOCKET"])
}

// serveBroadcast notes what comes to everybody on lo.
func serveBroadcast(s *scene) {
	c, err := net.ListenPacket("udp4", "0.0.0.0:0")
	s.check(err)
	s.t.Cleanup(func() { c.Close() })
	_, s.vars["PORT"], _ = net.SplitHostPort(c.LocalAddr().String())
	go func() {
		if n, _, _ := c.ReadFrom(make([]byte, 100)); n > 0 {
			_ = os.WriteFile(s.path("{HOME}/told"), nil, 0o600) // the test may be over
		}
	}()
}

func shouted(s *scene) string {
	if _, err := os.Lstat(s.path("{HOME}/told")); err == nil {
		return "a process of the host heard it"
	}
	return ""
}

// shortLog judges by the log's length, and by what it says of what it left out.
func shortLog(s *scene) string {
	b, err := os.ReadFile(filepath.Join(s.vars["DIR"], "log"))
	if os.IsNotExist(err) {
		return "" // without a sandbox
	}
	s.check(err)
	if lines := strings.Count(string(b), "\n"); lines > 10_002 || len(b) > 8<<20 {
		return fmt.Sprintf("the log has %d lines and %d bytes", lines, len(b))
	}
	if !strings.Contains(string(b), "not noted") {
		return "it does not say that there was more"
	}
	return ""
}
