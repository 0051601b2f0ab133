package sandbox

import (
	"fmt"
	"slices"

	"github.com/sbxrun/sbx/sandbox/cgroup"
)

// A LimitProof is a limit that was asked for or that a profile has, and whether it was in
// force.
type LimitProof struct {
	// Limit is it in words, as "memory 2 GiB".
	Limit    string `json:"limit"`
	Enforced bool   `json:"enforced"`
	// By says what holds it: the sandbox's cgroup, or a limit of each user inside.
	By string `json:"by,omitempty"`
	// Why says why it was not in force.
	Why string `json:"why,omitempty"`
}

func (l LimitProof) String() string {
	if !l.Enforced {
		return l.Limit + " not in force: " + l.Why
	}
	return l.Limit
}

// limitProofs tell of those in a cgroup, of that of processes without one, and of the wished
// ones that could not be had.
func limitProofs(s Spec, h Host) (all []LimitProof) {
	for _, words := range cgroup.Words(s.resources()) {
		all = append(all, LimitProof{Limit: words, Enforced: true, By: "cgroup"})
	}
	bounded := false
	for _, l := range s.OCI.Process.Rlimits {
		if bounded = s.MostProcesses > 0 && l.Type == "RLIMIT_NPROC"; bounded {
			all = append(all, LimitProof{Limit: fmt.Sprintf("processes %d", l.Hard), Enforced: true, By: "RLIMIT_NPROC, for each user inside"})
			break
		}
	}
	if s.MostProcesses > 0 && !bounded {
		all = append(all, LimitProof{Limit: fmt.Sprintf("processes %d", s.MostProcesses), Why: "before Linux 5.14 it would count all processes of yours"})
	}
	wanted := cgroup.Controllers(s.Wished)
	lost := slices.DeleteFunc(wanted, func(name string) bool {
		return slices.Contains(cgroup.Controllers(s.resources()), name) || name == "pids" && s.MostProcesses > 0
	})
	if len(lost) == 0 {
		return all
	}
	_, err := h.Cgroups.Choose(cgroup.Controllers(s.Wished))
	kept := slices.DeleteFunc(cgroup.Controllers(s.Wished), func(name string) bool { return slices.Contains(lost, name) })
	for _, words := range cgroup.Words(cgroup.Without(s.Wished, kept)) {
		all = append(all, LimitProof{Limit: words, Why: fmt.Sprint(err)})
	}
	return all
}
