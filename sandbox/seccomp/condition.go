package seccomp

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/opencontainers/runtime-spec/specs-go"
)

const arguments = 6

// kind is a comparison; the others are these the other way round.
type kind uint8

const (
	equal kind = iota
	above
	atLeast
)

// A condition is a test of one argument, all of it 64 bits wide.
type condition struct {
	arg   uint
	kind  kind
	not   bool
	mask  uint64 // what of the argument is compared; only for equal
	value uint64
}

func newCondition(a specs.LinuxSeccompArg) (condition, error) {
	if a.Index >= arguments {
		return condition{}, fmt.Errorf("index %d is above %d", a.Index, arguments-1)
	}
	c := condition{arg: a.Index, mask: math.MaxUint64, value: a.Value}
	switch a.Op {
	case specs.OpEqualTo:
	case specs.OpNotEqual:
		c.not = true
	case specs.OpGreaterThan:
		c.kind = above
	case specs.OpLessEqual:
		c.kind, c.not = above, true
	case specs.OpGreaterEqual:
		c.kind = atLeast
	case specs.OpLessThan:
		c.kind, c.not = atLeast, true
	case specs.OpMaskedEqual:
		c.mask, c.value = a.Value, a.ValueTwo&a.Value
	default:
		return condition{}, fmt.Errorf("unknown operator %q", a.Op)
	}
	return c, nil
}

// differs turns the test of a single bit round: that it is 1 is that it differs
// from 0. Such tests can be joined.
func (c condition) differs() (condition, bool) {
	if c.kind != equal || c.not || bits.OnesCount64(c.mask) != 1 {
		return c, c.kind == equal && c.not
	}
	c.not, c.value = true, ^c.value&c.mask
	return c, true
}

// join makes one rule of neighbours that say the same of one argument and test
// it for differing from something, each in other bits. That is how a profile
// says "all values but this one" without a refusal: a rule for each bit.
func join(rules []rule) []rule {
	var out []rule
	for _, r := range rules {
		if n := len(out); n != 0 {
			if joined, ok := joinTwo(out[n-1], r); ok {
				out[n-1] = joined
				continue
			}
		}
		out = append(out, r)
	}
	return out
}

func joinTwo(a, b rule) (rule, bool) {
	if a.ret != b.ret || len(a.conditions) != 1 || len(b.conditions) != 1 {
		return rule{}, false
	}
	x, ok1 := a.conditions[0].differs()
	y, ok2 := b.conditions[0].differs()
	if !ok1 || !ok2 || x.arg != y.arg || x.mask&y.mask != 0 {
		return rule{}, false
	}
	x.mask, x.value = x.mask|y.mask, x.value|y.value
	return rule{[]condition{x}, a.ret}, true
}
