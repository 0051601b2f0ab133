package seccomp

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Compile makes the program of a profile, for a machine. The same profile gives
// the same program.
func Compile(p *specs.LinuxSeccomp, native Arch) (*Filter, error) {
	if native.numbers() == nil {
		return nil, fmt.Errorf("seccomp filters cannot be made for architecture %s", native)
	}
	def, err := action(p.DefaultAction, p.DefaultErrnoRet)
	if err != nil {
		return nil, fmt.Errorf("seccomp profile: defaultAction: %w", err)
	}
	if notifies(def) {
		return nil, errors.New("seccomp profile: defaultAction: every call cannot be notified of")
	}
	arches, err := architectures(p.Architectures, native)
	if err != nil {
		return nil, err
	}
	list, err := entries(p)
	if err != nil {
		return nil, err
	}
	f := &Filter{Unknown: unknown(list)}
	if f.Flags, err = flags(p.Flags); err != nil {
		return nil, err
	}
	c := compiler{graph: graph{}, entries: list, def: def}
	start, err := c.start(arches)
	if err != nil {
		return nil, err
	}
	if f.Instructions, err = program(start); err != nil {
		return nil, err
	}
	f.setNotify(list)
	return f, nil
}

// architectures gives those that the kernel can serve, the machine's own first
// and named or not.
func architectures(names []specs.Arch, native Arch) ([]Arch, error) {
	list := []Arch{native}
	for i, name := range names {
		a, ok := fromSpec(name)
		if !ok {
			return nil, fmt.Errorf("seccomp profile: architectures[%d]: unknown architecture %q", i, name)
		}
		if native.runs(a) && !slices.Contains(list, a) {
			list = append(list, a)
		}
	}
	slices.Sort(list[1:])
	return list, nil
}

func unknown(list []entry) []string {
	var names []string
	for _, e := range list {
		for _, name := range e.names {
			if !known(name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// A compiler has what all architectures of one profile have in common.
type compiler struct {
	graph
	entries []entry
	def     uint32
	rules   int // so far, to end before memory does
}

// start decides by the architecture. It has to come first: the number means
// nothing without it. The order of the native one before the others is for speed.
func (c *compiler) start(arches []Arch) (*node, error) {
	n := c.ret(unix.SECCOMP_RET_KILL_PROCESS)
	for _, a := range slices.Backward(arches) {
		if a == X32 {
			continue // a part of amd64
		}
		tree, err := c.byNumber(a, slices.Contains(arches, X32))
		if err != nil {
			return nil, err
		}
		n = c.jump(ifEqual, a.audit(), c.graph.load(offsetNr, tree), n)
	}
	return c.graph.load(offsetArch, n), nil
}

// byNumber decides among the calls of one architecture.
func (c *compiler) byNumber(a Arch, x32 bool) (*node, error) {
	var s spans
	if err := c.table(&s, a); err != nil {
		return nil, err
	}
	if a == AMD64 {
		// Before Linux 5.4 these were x32 calls without the bit as well. No call
		// of amd64 is above them.
		rest := s[len(s)-1].to
		s.add(x32First, c.ret(nosys))
		s.add(x32Last+1, rest)
		s.add(x32Bit, c.ret(nosys))
		if x32 {
			if err := c.table(&s, X32); err != nil {
				return nil, err
			}
		}
	}
	return c.tree(s), nil
}

// table adds what the numbers of an architecture lead to.
func (c *compiler) table(s *spans, a Arch) error {
	calls, err := c.calls(a)
	if err != nil {
		return err
	}
	first := uint32(0)
	if a == X32 {
		first = x32Bit
	}
	otherwise, newest := c.ret(c.def), uint32(0)
	beyond := otherwise
	for nr := range calls {
		if a == ARM && nr >= armPrivate {
			continue
		}
		newest = max(newest, nr)
		if hidesNew(c.def) {
			beyond = c.ret(nosys)
		}
	}
	if a == I386 {
		c.split(calls)
	}
	s.add(first, otherwise)
	for _, nr := range slices.Sorted(maps.Keys(calls)) {
		s.add(nr, c.decide(calls[nr]))
		if nr < newest {
			s.add(nr+1, otherwise)
		} else {
			s.add(nr+1, beyond)
		}
	}
	return nil
}
