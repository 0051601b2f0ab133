package seccomp

// op is what a node does. There are as many as filters need.
type op uint8

const (
	ret  op = iota // return k
	load           // A = the word at k of seccomp_data, then yes
	and            // A &= k, then yes
	ifEqual
	ifAbove
	ifAtLeast
	ifAnyBit // A & k != 0
)

// A node is a step of the decision. Nodes are never changed and equal ones are
// the same, so that the whole is a graph without circles and what two calls
// have in common exists once.
type node struct {
	op      op
	k       uint32
	yes, no *node
}

type graph map[node]*node

func (g graph) intern(n node) *node {
	if same, ok := g[n]; ok {
		return same
	}
	g[n] = &n
	return &n
}

func (g graph) ret(k uint32) *node { return g.intern(node{op: ret, k: k}) }

// load leaves itself out if the next step has no use for the word.
func (g graph) load(offset uint32, next *node) *node {
	if next.op == ret || next.op == load {
		return next
	}
	return g.intern(node{op: load, k: offset, yes: next})
}

func (g graph) and(mask uint32, next *node) *node {
	return g.intern(node{op: and, k: mask, yes: next})
}

func (g graph) jump(test op, k uint32, yes, no *node) *node {
	if yes == no {
		return yes
	}
	if test == ifAnyBit && no.op == ifAnyBit && no.yes == yes { // of the same word
		k, no = k|no.k, no.no
	}
	return g.intern(node{op: test, k: k, yes: yes, no: no})
}

// loaded is a node for when the word is in A already.
func loaded(offset uint32, n *node) *node {
	if n.op == load && n.k == offset {
		return n.yes
	}
	return n
}

// What a filter looks at is struct seccomp_data (seccomp(2)): the call's number
// and the architecture in 32 bits each, the instruction's address, and the
// arguments in 64 bits each.
const (
	offsetNr   uint32 = 0
	offsetArch uint32 = 4
	offsetArgs uint32 = 16
)

// test decides by a condition. The machine has words of 32 bits, and all
// architectures that are known put the lower half of an argument first.
func (g graph) test(c condition, yes, no *node) *node {
	if c.not {
		yes, no = no, yes
	}
	low := offsetArgs + 8*uint32(c.arg)
	high := low + 4
	if c.kind == equal {
		yes = g.equal(low, uint32(c.mask), uint32(c.value), yes, no)
		return g.equal(high, uint32(c.mask>>32), uint32(c.value>>32), yes, no)
	}
	last := ifAbove
	if c.kind == atLeast {
		last = ifAtLeast
	}
	lower := g.load(low, g.jump(last, uint32(c.value), loaded(low, yes), loaded(low, no)))
	same := g.jump(ifEqual, uint32(c.value>>32), loaded(high, lower), loaded(high, no))
	return g.load(high, g.jump(ifAbove, uint32(c.value>>32), loaded(high, yes), same))
}

func (g graph) equal(offset, mask, value uint32, yes, no *node) *node {
	switch {
	case mask == 0 || yes == no:
		return yes
	case mask == ^uint32(0):
		return g.load(offset, g.jump(ifEqual, value, loaded(offset, yes), loaded(offset, no)))
	case value == 0:
		return g.load(offset, g.jump(ifAnyBit, mask, loaded(offset, no), loaded(offset, yes)))
	case mask&(mask-1) == 0:
		return g.load(offset, g.jump(ifAnyBit, mask, loaded(offset, yes), loaded(offset, no)))
	}
	return g.load(offset, g.and(mask, g.jump(ifEqual, value, yes, no)))
}
