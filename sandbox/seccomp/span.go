package seccomp

// armPrivate is the first of the calls that 32-bit ARM has aside from the common
// row of numbers; they say nothing about which call is the newest.
const armPrivate = 0xf0000

// A span is a run of numbers with one decision. It ends where the next starts.
type span struct {
	from uint32
	to   *node
}

// spans cover all numbers from the first one's on.
type spans []span

// add has a decision from a number on, which must not be below the last. There
// are no two neighbours with the same decision.
func (s *spans) add(from uint32, to *node) {
	list := *s
	if n := len(list); n != 0 && list[n-1].from == from {
		list = list[:n-1]
	}
	if n := len(list); n == 0 || list[n-1].to != to {
		list = append(list, span{from, to})
	}
	*s = list
}

// tree finds the span of a number by halves.
func (c *compiler) tree(s spans) *node {
	if len(s) == 1 {
		return s[0].to
	}
	middle := len(s) / 2
	return c.jump(ifAtLeast, s[middle].from, c.tree(s[middle:]), c.tree(s[:middle]))
}
