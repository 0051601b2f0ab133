package egress

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// A Rule names hosts and ports. The zero value names nothing.
type Rule struct {
	text string
	// One of these: a name, the end of names (.example.com), everything, or addresses.
	name, suffix string
	all          bool
	addresses    netip.Prefix
	ports        ports
}

// ports are from first to last. Without a port in its text a rule has the two of the
// web, and one that forbids has all.
type ports struct{ first, last uint16 }

func (p ports) has(port uint16) bool { return p.first <= port && port <= p.last }

// String is the rule as it was written.
func (r Rule) String() string { return r.text }

// ParseRule reads HOST, *.HOST, *, an address or ADDRESS/BITS, each with :PORT,
// :FIRST-LAST or :* behind it. An IPv6 address with a port is in brackets.
func ParseRule(text string) (r Rule, err error) {
	r.text = text
	host, port, err := split(text)
	if err == nil {
		r.ports, err = parsePorts(port)
	}
	if err == nil {
		err = r.parseHost(host)
	}
	if err != nil {
		return Rule{}, fmt.Errorf("%q: %w", text, err)
	}
	return r, nil
}

// split parts the port off.
func split(text string) (host, port string, err error) {
	if rest, ok := strings.CutPrefix(text, "["); ok {
		host, rest, ok = strings.Cut(rest, "]")
		if !ok || rest != "" && rest[0] != ':' && rest[0] != '/' {
			return "", "", errors.New("want [ADDRESS] or [ADDRESS]:PORT")
		}
		if bits, ok := strings.CutPrefix(rest, "/"); ok {
			bits, port, _ = strings.Cut(bits, ":")
			return host + "/" + bits, port, nil
		}
		return host, strings.TrimPrefix(rest, ":"), nil
	}
	if strings.Count(text, ":") > 1 { // an IPv6 address
		return text, "", nil
	}
	host, port, ok := strings.Cut(text, ":")
	if ok && port == "" {
		return "", "", errors.New("no port behind the colon")
	}
	return host, port, nil
}

func parsePorts(text string) (ports, error) {
	switch text {
	case "":
		return ports{}, nil
	case "*":
		return ports{1, 65535}, nil
	}
	first, last, isRange := strings.Cut(text, "-")
	if !isRange {
		last = first
	}
	from, err := strconv.ParseUint(first, 10, 16)
	to, err2 := strconv.ParseUint(last, 10, 16)
	if err != nil || err2 != nil || from == 0 || to < from {
		return ports{}, fmt.Errorf("port %q: want a number from 1 to 65535, FIRST-LAST or *", text)
	}
	return ports{uint16(from), uint16(to)}, nil
}

func (r *Rule) parseHost(host string) error {
	if host == "*" {
		r.all = true
		return nil
	}
	if strings.Contains(host, "/") {
		prefix, err := netip.ParsePrefix(host)
		if err != nil || prefix != prefix.Masked() {
			return errors.New("want ADDRESS/BITS, and no bits set behind the first BITS")
		}
		r.addresses = prefix
		return nil
	}
	if a, err := netip.ParseAddr(host); err == nil {
		if a.Zone() != "" {
			return errors.New("an address with a zone is of one link, which the sandbox has none of")
		}
		a = a.Unmap()
		r.addresses = netip.PrefixFrom(a, a.BitLen())
		return nil
	}
	name, isSuffix := strings.CutPrefix(host, "*.")
	name, err := ParseName(name)
	if isSuffix {
		r.suffix = "." + name
	} else {
		r.name = name
	}
	return err
}

// ParseName reads a host's name, which may end in a dot, and gives it in lower case
// without one. It takes what is a name in the DNS (RFC 1123 section 2.1, and the
// underscore that service names have), and nothing that some programs take for an
// address: 127.1 and 0x7f000001 are 127.0.0.1 to inet_aton(3).
func ParseName(text string) (string, error) {
	name := strings.ToLower(strings.TrimSuffix(text, "."))
	if name == "" || len(name) > 253 {
		return "", errors.New("no host name")
	}
	labels := strings.Split(name, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return "", errors.New("no host name: a part is empty, longer than 63 bytes, or has a dash at its end")
		}
		if i := strings.IndexFunc(label, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
		}); i >= 0 {
			return "", fmt.Errorf("no host name: it may have letters, digits, '-' and '.'; write others as xn--... (%q)", label)
		}
	}
	if last := labels[len(labels)-1]; strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x") {
		return "", errors.New("no host name: the last part is a number, as an address has it")
	}
	return name, nil
}

// namesHost tells whether the rule is about a name, which ParseName gave.
func (r Rule) namesHost(name string) bool {
	switch {
	case r.all:
		return true
	case r.suffix != "":
		return strings.HasSuffix(name, r.suffix)
	}
	return r.name != "" && r.name == name
}

func (r Rule) namesAddress(a netip.Addr) bool {
	return r.all || r.addresses.IsValid() && r.addresses.Contains(a.Unmap())
}

// allows and forbids tell whether the rule is about a port.
func (r Rule) allows(port uint16) bool {
	if r.ports == (ports{}) {
		return port == 443 || port == 80
	}
	return r.ports.has(port)
}

func (r Rule) forbids(port uint16) bool { return r.ports == (ports{}) || r.ports.has(port) }
