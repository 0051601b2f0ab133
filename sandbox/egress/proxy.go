package egress

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// A Proxy is one that the caller reaches the Internet by. What it prints as has no
// credentials in it, whatever the verb.
type Proxy struct {
	scheme string // http, https or socks5
	host   string
	port   uint16
	user   *url.Userinfo
}

// defaultPort is what a URL without a port means (RFC 9110 section 4.2, RFC 1928 section
// 3), or zero.
func defaultPort(scheme string) uint16 {
	switch scheme {
	case "http":
		return 80
	case "https":
		return 443
	case "socks5":
		return 1080
	}
	return 0
}

// ParseProxy reads [SCHEME://][USER:PASSWORD@]HOST[:PORT], as programs have it in
// HTTPS_PROXY. Its errors say nothing of the text: there may be a password in it.
func ParseProxy(text string) (*Proxy, error) {
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || strings.Trim(u.Path, "/") != "" {
		return nil, errors.New("want http://[USER:PASSWORD@]HOST[:PORT], and %XX for what else has a meaning there")
	}
	p := &Proxy{scheme: u.Scheme, host: u.Hostname(), user: u.User}
	if p.scheme == "socks5h" { // which curl has for a proxy that finds names itself: here each does
		p.scheme = "socks5"
	}
	if p.port = defaultPort(p.scheme); p.port == 0 {
		return nil, errors.New("want http, https or socks5 before ://")
	}
	if _, err := netip.ParseAddr(p.host); err != nil {
		if _, err := ParseName(p.host); err != nil {
			return nil, errors.New("the proxy's host is no name and no address")
		}
	}
	if text := u.Port(); text != "" {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil || n == 0 {
			return nil, errors.New("the proxy's port is no number from 1 to 65535")
		}
		p.port = uint16(n)
	}
	if name, password := p.credentials(); len(name) > 255 || len(password) > 255 { // RFC 1929 section 2
		return nil, errors.New("the proxy's user or password is longer than 255 bytes")
	}
	return p, nil
}

// String is the proxy without credentials.
func (p *Proxy) String() string {
	return p.scheme + "://" + net.JoinHostPort(p.host, strconv.Itoa(int(p.port)))
}

// Format has no verb print the fields, of which one is a password.
func (p *Proxy) Format(s fmt.State, _ rune) { fmt.Fprint(s, p.String()) }

func (p *Proxy) credentials() (name, password string) {
	password, _ = p.user.Password()
	return p.user.Username(), password
}

// authorization is the field for a proxy of HTTP (RFC 7617), or nothing.
func (p *Proxy) authorization() string {
	if p.user == nil {
		return ""
	}
	name, password := p.credentials()
	return "Proxy-Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password)) + "\r\n"
}
