package main

import (
	"slices"
	"strings"
	"testing"
)

// tcpWays are the ways of the attack tcp that any kernel has.
var tcpWays = map[string]string{
	"connect":               "connect to a server of the host",
	"connect-tcp":           "the same, with the protocol named",
	"connect-mapped":        "the same by IPv6, to a mapped address",
	"mptcp":                 "the same by multipath TCP, which Landlock does not know",
	"mptcp-mapped":          "the same by IPv6, to a mapped address",
	"mptcp-fast-open":       "the same by sendto and MSG_FASTOPEN",
	"fast-open":             "connect by sendto and MSG_FASTOPEN, where Landlock does not look",
	"fast-open-tcp":         "the same, with the protocol named",
	"fast-open-mapped":      "the same by IPv6, to a mapped address",
	"fast-open-message":     "the same by sendmsg",
	"fast-open-messages":    "the same by sendmmsg",
	"fast-open-at-connect":  "connect at the first write (TCP_FASTOPEN_CONNECT)",
	"fast-open-unconnected": "connect by sendto, behind a connect to nothing",
	"listen":                "listen without bind, where Landlock does not look",
	"listen6":               "the same by IPv6",
	"listen-mptcp":          "the same by multipath TCP",
	"listen-mptcp6":         "the same by multipath TCP and IPv6",
	"smc":                   "connect by SMC, which speaks TCP where the other end has none",
	"smc-protocol":          "the same by SMC's number among TCP's protocols",
	"sctp":                  "connect by SCTP, a stream that is not TCP",
}

// tcpRows are what --no-tcp and the profile strict promise, with the host's network, and
// multipath TCP, which no sandbox has.
var tcpRows = slices.Concat(
	tcpBy("tcp-none", nil, "--net", "host", "--no-tcp"),
	tcpBy("tcp-strict", []string{"connect", "mptcp", "fast-open", "listen"}, "--net", "host", "--profile", "strict"),
	tcpBy("tcp-userns", []string{"connect", "mptcp", "fast-open", "listen"}, "--net", "host", "--no-tcp", "--allow-userns"),
	tcpBy("tcp-ia32", []string{"connect", "mptcp", "fast-open", "listen"}, "--net", "host", "--no-tcp", "--allow-ia32"),
	tcpBy("tcp-multipath", []string{"mptcp", "mptcp-mapped", "mptcp-fast-open", "listen-mptcp", "listen-mptcp6"}, "--net", "host"),
	[]row{
		{id: "tcp-inherited", group: "sockets", tries: "connect the standard input, a connection, elsewhere", views: both, setup: serveTCP("127.0.0.1:0"), flags: []string{"--net", "host", "--no-tcp"}, refusal: exitFailed,
			wrap: []string{"{OUTSIDE}", "with-tcp", "{SOCKET}"}, cmd: []string{"{ATTACKS}", "tcp-inherited", "{SOCKET}"}},
		{id: "kernel-i386-tcp", group: "sockets", tries: "open a TCP socket by the 32-bit gate", views: both, flags: []string{"--net", "host", "--no-tcp", "--allow-ia32"}, cmd: []string{"{ATTACKS}", "i386", "359", "2", "1", "0"}},
		{id: "kernel-i386-tcp-call", group: "sockets", tries: "the same by socketcall", views: both, flags: []string{"--net", "host", "--no-tcp", "--allow-ia32"}, cmd: []string{"{ATTACKS}", "i386", "102", "1", "@2,1,0"}},
		{id: "kernel-i386-mptcp", group: "sockets", tries: "open a multipath TCP socket by the 32-bit gate", views: both, flags: []string{"--allow-ia32"}, cmd: []string{"{ATTACKS}", "i386", "359", "2", "1", "262"}},
		{id: "kernel-i386-mptcp-call", group: "sockets", tries: "the same by socketcall", views: both, flags: []string{"--allow-ia32"}, cmd: []string{"{ATTACKS}", "i386", "102", "1", "@2,1,262"}},
	},
)

// tcpBy are rows of ways, all where none is named.
func tcpBy(prefix string, ways []string, flags ...string) (rows []row) {
	for way, tries := range tcpWays {
		if ways == nil || slices.Contains(ways, way) {
			rows = append(rows, row{id: prefix + "-" + way, group: "sockets", tries: tries, views: both, setup: serveTCP("127.0.0.1:0"), flags: flags,
				cmd: []string{"{ATTACKS}", "tcp", way, "{SOCKET}"}})
		}
	}
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.id, b.id) })
	return rows
}

// TestTCPEntered: a command that enters is held as well.
func TestTCPEntered(t *testing.T) {
	needNamespaces(t)
	for _, r := range tcpRows {
		if strings.HasPrefix(r.id, "tcp-none-") || r.id == "tcp-inherited" || r.id == "kernel-i386-tcp-call" {
			r.mustHold(t, hostView, enterLauncher{})
		}
	}
}

// TestMultipathFallsBack: programs that ask for multipath TCP speak TCP, as on a kernel
// without it.
func TestMultipathFallsBack(t *testing.T) {
	needNamespaces(t)
	s := newScene(t, t.TempDir(), hostView, row{})
	if code := s.run(row{}, s.expand([]string{"{SBX}", "run", "--", "{ATTACKS}", "multipath"})); code != 0 || !strings.Contains(s.output, `read "hello\n", multipath false`) {
		t.Errorf("exit code %d: %s", code, s.output)
	}
}
