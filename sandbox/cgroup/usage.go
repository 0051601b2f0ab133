package cgroup

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/fscommon"
	"golang.org/x/sys/unix"
)

// Usage is what a sandbox uses, and has used up. Zero is also what the kernel does not
// count, or not for this caller. Its JSON form is an interface.
type Usage struct {
	Memory      uint64 `json:"memory,omitempty"` // bytes
	MemoryPeak  uint64 `json:"memoryPeak,omitempty"`
	MemoryLimit uint64 `json:"memoryLimit,omitempty"` // 0 is none
	Swap        uint64 `json:"swap,omitempty"`
	// CPUSeconds is the time of all processors.
	CPUSeconds float64 `json:"cpuSeconds"`
	// ThrottledSeconds is for how long a limit of processor time held somebody back,
	// in periods of a tenth of a second.
	ThrottledSeconds float64 `json:"throttledSeconds,omitempty"`
	Pids             uint64  `json:"pids,omitempty"` // processes and threads
	PidsPeak         uint64  `json:"pidsPeak,omitempty"`
	PidsLimit        uint64  `json:"pidsLimit,omitempty"`
	ReadBytes        uint64  `json:"readBytes,omitempty"`
	WriteBytes       uint64  `json:"writeBytes,omitempty"`
	// OOMKills are the processes that were killed for memory, and PidsRefused those that
	// were not made.
	OOMKills    uint64 `json:"oomKills,omitempty"`
	PidsRefused uint64 `json:"pidsRefused,omitempty"`
}

// Usage reads what the kernel has counted.
func (g *Group) Usage() (Usage, error) {
	s, err := g.manager.Stats(&cgroups.StatsOptions{Controllers: cgroups.CPU | cgroups.Memory | cgroups.Pids | cgroups.IO})
	if err != nil {
		return Usage{}, fmt.Errorf("cgroup: %w", err)
	}
	if !exists(g.path) {
		return Usage{}, fmt.Errorf("cgroup: %w", unix.ENOENT)
	}
	u := Usage{
		Memory: s.MemoryStats.Usage.Usage, MemoryPeak: s.MemoryStats.Usage.MaxUsage, MemoryLimit: s.MemoryStats.Usage.Limit, Swap: s.MemoryStats.SwapOnlyUsage.Usage,
		CPUSeconds: time.Duration(s.CpuStats.CpuUsage.TotalUsage).Seconds(), Pids: s.PidsStats.Current, PidsLimit: s.PidsStats.Limit,
	}
	if u.MemoryLimit == math.MaxUint64 {
		u.MemoryLimit = 0
	}
	// The kernel's own throttled time is the sum of all processors'.
	u.ThrottledSeconds = float64(s.CpuStats.ThrottlingData.ThrottledPeriods) * Period / 1e6
	for _, e := range s.BlkioStats.IoServiceBytesRecursive {
		switch e.Op {
		case "Read":
			u.ReadBytes += e.Value
		case "Write":
			u.WriteBytes += e.Value
		}
	}
	for _, more := range []struct {
		to        *uint64
		file, key string
	}{{&u.OOMKills, "memory.events", "oom_kill"}, {&u.PidsRefused, "pids.events", "max"}} {
		if n, err := fscommon.GetValueByKey(g.path, more.file, more.key); err == nil {
			*more.to = n
		} else if !errors.Is(err, unix.ENOENT) {
			return u, fmt.Errorf("cgroup: %w", err)
		}
	}
	if n, err := fscommon.GetCgroupParamUint(g.path, "pids.peak"); err == nil { // since Linux 6.6
		u.PidsPeak = n
	}
	return u, nil
}
