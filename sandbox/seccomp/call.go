package seccomp

import (
	"errors"
	"slices"
)

// A call is what a profile says of one number.
type call struct {
	rules   []rule
	always  uint32 // if none of them applies
	decided bool   // always is set
}

// maxRules is far above what a program has room for, also when many calls
// share their rules.
const maxRules = 1 << 14

func (c *compiler) calls(a Arch) (map[uint32]*call, error) {
	calls := map[uint32]*call{}
	for _, e := range c.entries {
		for _, name := range e.names {
			for _, nr := range a.calls(name) {
				if calls[nr] == nil {
					calls[nr] = &call{always: c.def}
				}
				calls[nr].add(e)
				c.rules += len(e.rules)
			}
			if c.rules > maxRules {
				return nil, errors.New("seccomp profile: too many conditional rules")
			}
		}
	}
	return calls, nil
}

func (c *call) add(e entry) {
	for _, conditions := range e.rules {
		c.rules = append(c.rules, rule{conditions, e.ret})
	}
	if e.rules == nil && !c.decided {
		c.always, c.decided = e.ret, true
	}
}

// split has the old calls of 32-bit x86 do what the profile says of their parts.
func (c *compiler) split(calls map[uint32]*call) {
	for _, m := range muxes {
		nr, _ := find(i386Calls, m.call)
		if calls[nr] != nil {
			continue
		}
		if rules, named := m.rules(c.entries); named {
			calls[nr] = &call{rules: rules, always: c.def}
		}
	}
}

// decide gives the leaf of a call.
func (c *compiler) decide(of *call) *node {
	rules := join(of.rules)
	if budget := 8 * len(rules); len(rules) <= mostNarrowed {
		if n := c.narrow(rules, c.ret(of.always), &budget); n != nil {
			return n
		}
	}
	return c.chain(rules, c.ret(of.always))
}

// chain tries the rules one after the other.
func (c *compiler) chain(rules []rule, n *node) *node {
	for _, r := range slices.Backward(rules) {
		yes := c.ret(r.ret)
		no := n
		n = yes
		for _, condition := range slices.Backward(r.conditions) {
			n = c.test(condition, n, no)
		}
	}
	return n
}
