package main

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/sbxrun/sbx/sandbox/egress"
)

// checkAllowed explains rules that name no host of the network: this machine by a name that
// is the sandbox's own inside, and what is pasted from a browser or from git. An error is
// better than a rule that is wider than it looks, as of a URL with a path.
func checkAllowed(f *runFlags, allow []string) error {
	for _, rule := range allow {
		from := "--allow " + shownRule(rule)
		if !slices.Contains(f.Allow, text(rule)) {
			from = "the profile's host " + shownRule(rule)
		}
		if host, ports, ok := loopbackRule(rule); ok {
			return hinted{fmt.Errorf("%s: %s is the sandbox itself, and not this machine", from, host), hostPortHint(ports)}
		}
		if host, ok := hostOfURL(rule); ok {
			return hinted{fmt.Errorf("%s: a rule is HOST[:PORT] and allows all paths, and that is a URL or a path", from), "--allow " + host}
		}
	}
	return nil
}

// shownRule is a rule without the password of a URL.
func shownRule(rule string) string {
	if u, err := url.Parse(rule); err == nil && u.User != nil {
		return u.Redacted()
	}
	return rule
}

// theHost are names that containers have for the machine that they are on.
var theHost = []string{"localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback", "host.docker.internal", "host.containers.internal", "gateway.docker.internal"}

// isLoopback tells whether a host is the machine itself, which is the sandbox inside.
func isLoopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Unmap().IsLoopback() || a.IsUnspecified()
	}
	return slices.Contains(theHost, host) || strings.HasSuffix(host, ".localhost")
}

// loopbackRule gives the host and the ports of a rule that is about the machine itself.
func loopbackRule(rule string) (host, ports string, ok bool) {
	host, ports = rule, ""
	if h, p, err := net.SplitHostPort(rule); err == nil {
		host, ports = h, p
	}
	host = strings.Trim(host, "[]")
	if p, err := netip.ParsePrefix(host); err == nil && p.Addr().Unmap().IsLoopback() {
		return host, ports, true
	}
	return host, ports, isLoopback(host)
}

func hostPortHint(ports string) string {
	if _, err := strconv.ParseUint(ports, 10, 16); err == nil {
		return "--host-port " + ports + " has that port of this machine at the sandbox's localhost"
	}
	return "--host-port PORT has a port of this machine at the sandbox's localhost; once for each"
}

// schemePorts are those of URLs that are pasted.
var schemePorts = map[string]string{"https": "443", "http": "80", "wss": "443", "ws": "80", "ssh": "22", "git+ssh": "22", "git": "9418", "ftp": "21"}

// hostOfURL gives the rule that is meant by a URL, a path behind a host, or what scp and git
// take, USER@HOST:PATH.
func hostOfURL(rule string) (host string, ok bool) {
	if _, err := egress.ParseRule(rule); err == nil {
		return "", false
	}
	port := ""
	switch scheme, _, found := strings.Cut(rule, "://"); {
	case found:
		u, err := url.Parse(rule)
		if err != nil {
			return "", false
		}
		if host, port = u.Hostname(), u.Port(); port == "" {
			port = schemePorts[strings.ToLower(scheme)]
		}
	case strings.Contains(rule, "@"):
		_, rest, _ := strings.Cut(rule, "@")
		host, _, _ = strings.Cut(rest, ":")
		port = "22"
	default:
		host, _, found = strings.Cut(rule, "/")
		if h, p, err := net.SplitHostPort(host); err == nil {
			host, port = h, p
		}
		if !found || !strings.Contains(host, ".") {
			return "", false
		}
		if _, err := netip.ParseAddr(host); err == nil { // ADDRESS/BITS has an error of its own
			return "", false
		}
	}
	if port != "" {
		host = net.JoinHostPort(host, port)
	}
	_, err := egress.ParseRule(host)
	return host, err == nil && host != ""
}
