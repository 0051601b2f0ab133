package sandbox

import (
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// forbidExecution makes every directory in memory noexec, as NoExecTmp asks: one that is
// left, /dev/shm for example, is where a program is put instead. A mount that asks for
// exec by name keeps it.
func (s *Spec) forbidExecution() {
	if !s.NoExecTmp {
		return
	}
	for i, m := range s.OCI.Mounts {
		if m.Type == "tmpfs" && !slices.Contains(m.Options, "exec") && !slices.Contains(m.Options, "noexec") {
			s.OCI.Mounts[i].Options = append(slices.Clone(m.Options), "noexec")
		}
	}
}

// executionNote tells what NoExecTmp does not hold: a root that can be written to and
// executes.
func (s Spec) executionNote() []string {
	if !s.NoExecTmp || s.View == HostView || s.OCI.Root.Readonly {
		return nil
	}
	return []string{"--noexec-tmp covers /dev/shm and --tmpfs; the root is writable and executes without --read-only"}
}

// forbidsExecution tells whether there are mounts that nothing may be executed on,
// besides the kernel's.
func (s Spec) forbidsExecution() bool {
	return s.NoExecTmp || slices.ContainsFunc(s.OCI.Mounts, func(m specs.Mount) bool {
		kernels := below(m.Destination, "/proc") || below(m.Destination, "/sys") || below(m.Destination, "/dev")
		return slices.Contains(m.Options, "noexec") && !kernels
	})
}
