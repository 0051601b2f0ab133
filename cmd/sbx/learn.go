package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sbxrun/sbx/sandbox/egress"
)

// everything is the rule of --net-learn. What is not public stays refused.
const everything = "*:*"

// A lesson is what was reached: of each host the ports.
type lesson map[string]map[uint16]bool

func (l lesson) note(f egress.Flow) {
	if f.Rule != "--allow "+everything || f.Address == "" {
		return
	}
	if l[f.Host] == nil {
		l[f.Host] = map[uint16]bool{}
	}
	l[f.Host][f.Port] = true
}

// flags are the fewest that allow the same: a host without a port has the two of the
// web.
func (l lesson) flags() string {
	var flags []string
	for _, host := range slices.Sorted(maps.Keys(l)) {
		name := host
		if strings.Contains(host, ":") {
			name = "'[" + host + "]'" // brackets are a pattern to the shell
		}
		ports := slices.Sorted(maps.Keys(l[host]))
		others := slices.DeleteFunc(slices.Clone(ports), func(p uint16) bool { return p == 80 || p == 443 })
		if len(others) < len(ports) {
			flags = append(flags, "--allow "+name)
		}
		for i := 0; i < len(others); i++ {
			from := i
			for i+1 < len(others) && others[i+1] == others[i]+1 {
				i++
			}
			flag := fmt.Sprintf("--allow %s:%d", name, others[from])
			if i > from {
				flag += fmt.Sprintf("-%d", others[i])
			}
			flags = append(flags, flag)
		}
	}
	return strings.Join(flags, " ")
}

// say tells what was learnt, and what was not found.
func (l lesson) say(u ui, flows []egress.Flow) {
	sayNotFound(u, flows)
	if len(l) == 0 {
		u.say("nothing was reached: it needs no --allow")
		return
	}
	u.say("what was reached, for the next time: %s", l.flags())
}
