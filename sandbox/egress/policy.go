package egress

import "net/netip"

// A Policy says what a sandbox may reach. It is data: what it answers depends on
// nothing else.
type Policy struct {
	Allow []Rule
	// Deny wins over Allow. A rule without a port forbids all.
	Deny []Rule
	// Private are names and addresses that may be, or lead to, the caller's own machine
	// and networks.
	Private []Rule
}

// A Verdict is what a policy says of a connection. Rule is the one that decided; it is
// empty where none allows it.
type Verdict struct {
	Allowed bool
	Rule    string
}

// Name judges a connection to a host by its name, which ParseName gave.
func (p Policy) Name(name string, port uint16) Verdict {
	return p.judge(port, func(r Rule) bool { return r.namesHost(name) })
}

// Address judges a connection to an address that the sandbox itself named. One that leads
// to another is forbidden if that one is.
func (p Policy) Address(a netip.Addr, port uint16) Verdict {
	if four, ok := carried(a); ok {
		if v := (Policy{Deny: p.Deny}).Address(four, port); v.Rule != "" {
			return v
		}
	}
	return p.judge(port, func(r Rule) bool { return r.namesAddress(a) })
}

func (p Policy) judge(port uint16, about func(Rule) bool) Verdict {
	for _, r := range p.Deny {
		if about(r) && r.forbids(port) {
			return Verdict{false, "--deny " + r.text}
		}
	}
	for _, r := range p.Allow {
		if about(r) && r.allows(port) {
			return Verdict{true, "--allow " + r.text}
		}
	}
	return Verdict{}
}

// Resolves tells whether the sandbox may know that a name is there: some port of it is
// allowed.
func (p Policy) Resolves(name string) bool {
	for _, r := range p.Deny {
		if r.namesHost(name) && r.ports == (ports{}) {
			return false
		}
	}
	for _, r := range p.Allow {
		if r.namesHost(name) {
			return true
		}
	}
	return false
}

// Above tells whether a name that may not be known has one below it that may: then it
// is there, with no address (RFC 8020).
func (p Policy) Above(name string) bool {
	for _, r := range p.Allow {
		for _, below := range []string{r.name, r.suffix} {
			if len(below) > len(name) && below[len(below)-len(name):] == name && below[len(below)-len(name)-1] == '.' {
				return true
			}
		}
	}
	return false
}

// private tells whether a name or an address of it may be the caller's own.
func (p Policy) private(name string, a netip.Addr, port uint16) bool {
	for _, r := range p.Private {
		if (name != "" && !r.all && r.namesHost(name) || r.namesAddress(a)) && r.forbids(port) {
			return true
		}
	}
	return false
}
