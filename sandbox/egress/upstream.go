package egress

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Upstream says which hosts are reached by a proxy, where the caller's network has no
// other way out. What the proxies are asked for was allowed and judged before; the
// proxies themselves are of the caller's choice, and not judged.
type Upstream struct {
	// Web is for requests of HTTP in the open, and Rest for all else. Nil is none.
	Web, Rest *Proxy
	// Resolver finds the proxies. Nil is the server's.
	Resolver Resolver
	// Secure makes a connection to a proxy of https one of TLS. It is no part of this
	// package, so that a program which needs none does not have TLS in it.
	Secure func(ctx context.Context, c net.Conn, host string) (net.Conn, error)
	direct []exception
}

// An exception is one host, or many, of NO_PROXY.
type exception struct {
	all       bool
	addresses netip.Prefix
	name      string // in lower case
	below     bool   // and not the name itself
	port      uint16 // or zero for all
}

// ParseUpstream reads HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, in lower case
// first. It is nil where there is no proxy.
func ParseUpstream(getenv func(string) string) (*Upstream, error) {
	u := &Upstream{}
	for _, way := range []struct {
		proxy *(*Proxy)
		name  string
	}{{&u.Rest, "HTTPS_PROXY"}, {&u.Web, "HTTP_PROXY"}} {
		names := []string{strings.ToLower(way.name), way.name, "all_proxy", "ALL_PROXY"}
		for _, name := range names {
			text := getenv(name)
			if text == "" || name == "HTTP_PROXY" && getenv("REQUEST_METHOD") != "" { // a CGI program's is its client's (CVE-2016-5385)
				continue
			}
			var err error
			if *way.proxy, err = ParseProxy(text); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			break
		}
	}
	if u.Web == nil && u.Rest == nil {
		return nil, nil
	}
	no := getenv("no_proxy")
	if no == "" {
		no = getenv("NO_PROXY")
	}
	for _, text := range strings.Split(no, ",") {
		if e, ok := parseException(strings.ToLower(strings.TrimSpace(text))); ok {
			u.direct = append(u.direct, e)
		}
	}
	return u, nil
}

// parseException reads what most programs do: *, ADDRESS[/BITS], HOST, which is all
// below it too, .HOST and *.HOST; a port behind it. Others are left out, as they do.
func parseException(text string) (e exception, ok bool) {
	if text == "*" {
		return exception{all: true}, true
	}
	if p, err := netip.ParsePrefix(text); err == nil {
		return exception{addresses: p.Masked()}, true
	}
	host, port, err := split(text)
	if err != nil || host == "" {
		return e, false
	}
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return e, false
		}
		e.port = uint16(n)
	}
	if a, err := netip.ParseAddr(host); err == nil {
		a = a.Unmap()
		e.addresses = netip.PrefixFrom(a, a.BitLen())
		return e, true
	}
	host = strings.TrimPrefix(host, "*")
	e.name, e.below = strings.CutPrefix(host, ".")
	e.name = strings.TrimSuffix(e.name, ".")
	return e, e.name != ""
}

func (e exception) has(host string, a netip.Addr, port uint16) bool {
	switch {
	case e.port != 0 && e.port != port:
		return false
	case e.all:
		return true
	case a.IsValid() || e.addresses.IsValid():
		return a.IsValid() && e.addresses.IsValid() && e.addresses.Contains(a)
	}
	return strings.HasSuffix(host, "."+e.name) || !e.below && host == e.name
}

// For gives the proxy by which a host is reached, or nil. web says that it is asked by
// requests of HTTP.
func (u *Upstream) For(host string, port uint16, web bool) *Proxy {
	if u == nil || host == "localhost" || strings.HasSuffix(host, ".localhost") { // RFC 6761: the proxy's own would be another
		return nil
	}
	a, _ := netip.ParseAddr(host)
	if a = a.Unmap(); a.IsLoopback() {
		return nil
	}
	for _, e := range u.direct {
		if e.has(host, a, port) {
			return nil
		}
	}
	if web {
		return u.Web
	}
	return u.Rest
}

// Finds tells whether a name is for a proxy to find, at some port: here it may be unknown.
func (u *Upstream) Finds(name string) bool {
	return u.For(name, 0, false) != nil || u.For(name, 0, true) != nil
}

// Lines say by what hosts are reached.
func (u *Upstream) Lines() (lines []string) {
	if u == nil {
		return nil
	}
	if u.Rest != nil {
		lines = append(lines, "upstream "+u.Rest.String())
	}
	if u.Web != nil {
		lines = append(lines, "upstream "+u.Web.String()+" for requests of HTTP")
	}
	return lines
}
