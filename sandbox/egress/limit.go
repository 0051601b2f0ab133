package egress

import "golang.org/x/sys/unix"

const (
	// mostFlows is how many connections are open at a time, if there are descriptors for
	// them.
	mostFlows = 4096
	// perFlow is how many descriptors one has: two ends, and a pipe for each direction, by
	// which splice(2) goes.
	perFlow = 6
	// spared are those that all else needs: a sandbox that takes all would keep the
	// supervisor from looking at what the command left.
	spared = 256
)

// flowsOf gives how many connections there are descriptors for.
func flowsOf(descriptors uint64) int {
	if descriptors < spared {
		return 1
	}
	return int(min(max(1, (descriptors-spared)/perFlow), mostFlows))
}

func flowLimit() int {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return mostFlows
	}
	return flowsOf(l.Cur)
}
