package seccomp

// mostNarrowed bounds the rules of one call that are narrowed: the work grows with their square.
const mostNarrowed = 256

// narrow decides by the first condition of the first rule, and for each of its outcomes by the
// rules that are left with that known. What a chain of rules tests again and again is tested
// once. It gives nil where the budget of tests is used up: rules on many unrelated arguments
// would make a tree of all their combinations.
func (c *compiler) narrow(rules []rule, always *node, budget *int) *node {
	if len(rules) == 0 {
		return always
	}
	if len(rules[0].conditions) == 0 {
		return c.ret(rules[0].ret)
	}
	if *budget--; *budget < 0 {
		return nil
	}
	first := rules[0].conditions[0]
	yes := c.narrow(suppose(rules, first, true), always, budget)
	no := c.narrow(suppose(rules, first, false), always, budget)
	if yes == nil || no == nil {
		return nil
	}
	return c.test(first, yes, no)
}

// suppose gives the rules that can still apply when it is known whether a condition holds, with
// the conditions that are still open.
func suppose(rules []rule, c condition, holds bool) []rule {
	var out []rule
next:
	for _, r := range rules {
		open := make([]condition, 0, len(r.conditions))
		for _, d := range r.conditions {
			switch value, known := d.given(c, holds); {
			case known && !value:
				continue next
			case !known:
				open = append(open, d)
			}
		}
		out = append(out, rule{open, r.ret})
	}
	return out
}

// given tells whether c holds by what is known of another condition, if that says it.
func (c condition) given(other condition, holds bool) (value, known bool) {
	if c.arg != other.arg || c.kind != other.kind {
		return false, false
	}
	holds = holds != other.not // of the comparison itself
	if c.kind != equal {
		return holds != c.not, c.value == other.value
	}
	differ := (c.value ^ other.value) & c.mask & other.mask
	switch {
	case holds && differ != 0:
		return c.not, true
	case holds && c.mask&^other.mask == 0:
		return !c.not, true
	case !holds && differ == 0 && other.mask&^c.mask == 0: // where c would hold, the other would
		return c.not, true
	}
	return false, false
}
