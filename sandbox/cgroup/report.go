package cgroup

import (
	"fmt"
	"strconv"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/sandbox/amount"
)

// Report says in a line each what a command has suffered by its limits, and how it
// would not have.
func Report(u Usage, r *specs.LinuxResources, took time.Duration) (lines []string) {
	m := memory(r)
	if u.OOMKills > 0 {
		at := "for memory"
		if value(m.Limit) > 0 {
			at += " at " + amount.Bytes(*m.Limit)
		} else {
			at += ", of which the machine or your session has no more"
		}
		lines = append(lines, fmt.Sprintf("killed %s%s: raise with -m", times(u.OOMKills), at))
	}
	if u.PidsRefused > 0 && r != nil && r.Pids != nil && value(r.Pids.Limit) > 0 {
		lines = append(lines, fmt.Sprintf("refused %d %s at the limit of %d: raise with --pids-limit",
			u.PidsRefused, plural(u.PidsRefused, "process", "processes"), *r.Pids.Limit))
	}
	if quota := CPUs(r); u.ThrottledSeconds > 0 && quota > 0 {
		lines = append(lines, fmt.Sprintf("slowed down for %s of %s by --cpus %s",
			seconds(min(u.ThrottledSeconds, took.Seconds())), seconds(took.Seconds()), strconv.FormatFloat(quota, 'f', -1, 64)))
	}
	return lines
}

func times(n uint64) string {
	if n == 1 {
		return ""
	}
	return fmt.Sprintf("%d processes ", n)
}

func plural(n uint64, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}

// seconds is a time that is read at a glance: 0.3 s, 12 s.
func seconds(s float64) string {
	if s < 10 {
		return strconv.FormatFloat(max(s, 0.1), 'f', 1, 64) + " s"
	}
	return strconv.FormatFloat(s, 'f', 0, 64) + " s"
}
