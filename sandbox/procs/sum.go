package procs

import "time"

// A Sum is what processes take together. Nil is what is not known of one of them, and so
// of all.
type Sum struct {
	CPU       time.Duration
	Memory    *uint64
	Processes uint64 // and threads, as the kernel counts them against a limit
	Read      *uint64
	Written   *uint64
}

// Total adds up what the living take. The first process collects orphans and does nothing
// else: the kernel tells nobody of its reads and writes, of which there are none.
func Total(all []Process) Sum {
	s := Sum{Memory: new(uint64), Read: new(uint64), Written: new(uint64)}
	for _, p := range all {
		s.CPU += time.Duration(p.CPU)
		if p.State == "Z" {
			continue
		}
		s.Processes += uint64(p.Threads)
		s.Memory = plus(s.Memory, p.Memory)
		if p.PID == 1 && p.Name == "sbx-init" && p.Read == nil {
			continue
		}
		s.Read, s.Written = plus(s.Read, p.Read), plus(s.Written, p.Written)
	}
	return s
}

func plus(sum, n *uint64) *uint64 {
	if sum == nil || n == nil {
		return nil
	}
	*sum += *n
	return sum
}
