package main

import (
	"slices"
	"strings"

	"github.com/sbxrun/sbx/profiles/hosts"
	"github.com/sbxrun/sbx/sandbox/egress"
)

// A setHint finds the set of hosts that has one which was refused: a tool needs more than one
// of its hosts. A set is named only where its tool says that it has the host, since it would
// lead back to the same refusal otherwise. Its zero value finds none.
type setHint struct {
	f        *runFlags
	writable []string
	rules    map[string][]egress.Rule // of sets that were asked
}

// mostHintSets bounds the sets that are asked at the end of a run.
const mostHintSets = 3

// of gives the set that has what was refused, or nothing.
func (h *setHint) of(flow egress.Flow) string {
	if h.f == nil {
		return ""
	}
	likely := hosts.Likely(flow.Host)
	for _, v := range h.f.profile.Network.Hosts {
		if strings.HasPrefix(v.Text, "@") && !slices.Contains(likely, v.Text) {
			likely = append(likely, v.Text)
		}
	}
	for _, set := range likely {
		p := egress.Policy{Allow: h.ask(set)}
		if flow.Port == 0 && p.Resolves(flow.Host) || p.Name(flow.Host, flow.Port).Allowed {
			return set
		}
	}
	return ""
}

func (h *setHint) ask(set string) (rules []egress.Rule) {
	if rules, asked := h.rules[set]; asked || len(h.rules) == mostHintSets {
		return rules
	}
	if h.rules == nil {
		h.rules = map[string][]egress.Rule{}
	}
	asker, err := newAsker(h.writable...)
	if err == nil {
		asker.Command = h.f.program()
		for _, host := range asker.Ask([]string{set})[0].Hosts {
			if r, err := egress.ParseRule(host.Host); err == nil {
				rules = append(rules, r)
			}
		}
	}
	h.rules[set] = rules
	return rules
}
