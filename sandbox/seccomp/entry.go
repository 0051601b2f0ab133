package seccomp

import (
	"errors"
	"fmt"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// An entry is one of a profile's, checked.
type entry struct {
	names []string
	ret   uint32
	// rules are the ways for it to apply, each with conditions that all must
	// hold; nil if it always applies.
	rules [][]condition
}

func (e entry) has(name string) bool { return slices.Contains(e.names, name) }

// A rule is what one call gets if all the conditions hold.
type rule struct {
	conditions []condition
	ret        uint32
}

func entries(p *specs.LinuxSeccomp) ([]entry, error) {
	out := make([]entry, 0, len(p.Syscalls))
	for i, s := range p.Syscalls {
		e, err := checked(s)
		if err != nil {
			return nil, fmt.Errorf("seccomp profile: syscalls[%d]: %w", i, err)
		}
		out = append(out, e)
	}
	return out, nil
}

func checked(s specs.LinuxSyscall) (entry, error) {
	if len(s.Names) == 0 || slices.Contains(s.Names, "") {
		return entry{}, errors.New("no name")
	}
	ret, err := action(s.Action, s.ErrnoRet)
	if err != nil {
		return entry{}, err
	}
	// The listener's descriptor has to reach its supervisor by a write that
	// nobody can answer for yet.
	if notifies(ret) && slices.Contains(s.Names, "write") {
		return entry{}, errors.New("write cannot be notified of")
	}
	e := entry{names: s.Names, ret: ret}
	var seen [arguments]int
	var all []condition
	repeated := false
	for i, arg := range s.Args {
		c, err := newCondition(arg)
		if err != nil {
			return entry{}, fmt.Errorf("args[%d]: %w", i, err)
		}
		seen[c.arg]++
		repeated = repeated || seen[c.arg] > 1
		all = append(all, c)
	}
	switch {
	case repeated:
		for _, c := range all {
			e.rules = append(e.rules, []condition{c})
		}
	case len(all) != 0:
		e.rules = [][]condition{all}
	}
	return e, nil
}
