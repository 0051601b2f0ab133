package hosts

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// add takes the host of a URL that a tool named.
func (a *Asker) add(r *answer, text, from string) {
	rule, err := hostOf(text)
	if err == nil {
		err = a.Check(rule)
	}
	var here *loopbackError
	switch {
	case err == nil:
		r.hosts = append(r.hosts, Host{Host: rule, From: from})
	case errors.As(err, &here):
		r.note("%s is at this machine's loopback, which --host-port %s shows", from, here.port)
		r.mend = "--host-port " + here.port
	default:
		r.note("%s is left out: it names no host of http or https", from)
	}
}

// hostOf gives the host of a URL as a rule has it, with the port where it is not the
// scheme's own. Neither the URL nor the parser's error is repeated to anybody: a
// password may be in them.
func hostOf(text string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || len(text) > 2048 || u.Scheme != "https" && u.Scheme != "http" {
		return "", errors.New("no URL of http or https")
	}
	host, port := strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")), u.Port()
	standard := map[string]string{"https": "443", "http": "80"}[u.Scheme]
	// A rule may name many hosts; what a tool tells is one.
	if host == "" || strings.ContainsAny(host, "*/ ") {
		return "", errors.New("no host")
	}
	address, err := netip.ParseAddr(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && (address.Unmap().IsLoopback() || address.IsUnspecified()) {
		if port == "" {
			port = standard
		}
		return "", &loopbackError{port}
	}
	if port == "" || port == standard {
		return host, nil
	}
	return net.JoinHostPort(host, port), nil
}

// A loopbackError is a URL of the machine itself. The sandbox has a loopback of its own.
type loopbackError struct{ port string }

func (*loopbackError) Error() string { return "a URL of this machine's loopback" }
