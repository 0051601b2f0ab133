package seccomp

import (
	"fmt"
	"slices"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// An emitter writes the graph as a program, from its end to its start: a program
// can only jump forward, so what a step leads to has to be there before it.
type emitter struct {
	code []bpf.Instruction // the last comes first
	at   map[*node]int     // places in code
}

// program fails if the kernel would not take it.
func program(start *node) ([]unix.SockFilter, error) {
	e := emitter{at: map[*node]int{}}
	e.follow(e.place(start))
	if e.full() {
		return nil, fmt.Errorf("seccomp profile: the filter needs more than %d instructions", unix.BPF_MAXINSNS)
	}
	slices.Reverse(e.code)
	raw, err := bpf.Assemble(e.code)
	if err != nil {
		return nil, err
	}
	out := make([]unix.SockFilter, 0, len(raw))
	for _, r := range raw {
		out = append(out, unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K})
	}
	return out, nil
}

func (e *emitter) full() bool { return len(e.code) > unix.BPF_MAXINSNS }

func (e *emitter) write(i bpf.Instruction) int {
	e.code = append(e.code, i)
	return len(e.code) - 1
}

// place writes a node and all it leads to, unless they are there.
func (e *emitter) place(n *node) int {
	if p, ok := e.at[n]; ok {
		return p
	}
	if e.full() {
		return 0
	}
	var p int
	switch n.op {
	case ret:
		p = e.write(bpf.RetConstant{Val: n.k})
	case load:
		e.follow(e.place(n.yes))
		p = e.write(bpf.LoadAbsolute{Off: n.k, Size: 4})
	case and:
		e.follow(e.place(n.yes))
		p = e.write(bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: n.k})
	default:
		p = e.branch(n)
	}
	e.at[n] = p
	return p
}

// follow sees to it that what is written next runs on to a place.
func (e *emitter) follow(p int) {
	if skip := e.skip(p); skip != 0 {
		e.write(bpf.Jump{Skip: uint32(skip)})
	}
}

// skip counts the instructions between what is written next and a place.
func (e *emitter) skip(p int) int { return len(e.code) - 1 - p }

// branch writes a test. Its two ways are bytes. What is put near for the one
// makes the other longer by one.
func (e *emitter) branch(n *node) int {
	e.place(n.no)
	e.place(n.yes)
	no := e.near(n.no, 254)
	yes := e.near(n.yes, 255)
	return e.write(bpf.JumpIf{Cond: conditionOf(n.op), Val: n.k, SkipTrue: uint8(e.skip(yes)), SkipFalse: uint8(e.skip(no))})
}

// near gives a place within reach that does what the node does: the node, a
// copy of it if it is an end, or a jump, which has a word for its way.
func (e *emitter) near(n *node, reach int) int {
	p := e.at[n]
	if e.skip(p) <= reach {
		return p
	}
	if n.op == ret {
		e.at[n] = e.write(bpf.RetConstant{Val: n.k})
		return e.at[n]
	}
	return e.write(bpf.Jump{Skip: uint32(e.skip(p))})
}

func conditionOf(o op) bpf.JumpTest {
	switch o {
	case ifAbove:
		return bpf.JumpGreaterThan
	case ifAtLeast:
		return bpf.JumpGreaterOrEqual
	case ifAnyBit:
		return bpf.JumpBitsSet
	}
	return bpf.JumpEqual
}
