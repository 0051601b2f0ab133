package cgroup

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/cgroups"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/sandbox/amount"
)

// Check refuses limits that are not carried out, and those that cannot be meant. Nil
// has none.
func Check(r *specs.LinuxResources) error {
	if r == nil {
		return nil
	}
	m, c, b := memory(r), processors(r), blocks(r)
	for name, set := range map[string]bool{
		"devices": !deniesDevices(r.Devices), "hugepageLimits": len(r.HugepageLimits) > 0, "network": r.Network != nil, "rdma": len(r.Rdma) > 0,
		"memory.kernelTCP": m.KernelTCP != nil, "memory.swappiness": m.Swappiness != nil,
		"memory.disableOOMKiller": m.DisableOOMKiller != nil && *m.DisableOOMKiller,
		"cpu.realtimeRuntime":     c.RealtimeRuntime != nil, "cpu.realtimePeriod": c.RealtimePeriod != nil,
		"blockIO.leafWeight": b.LeafWeight != nil, "blockIO.weightDevice": len(b.WeightDevice) > 0,
	} {
		if set {
			return fmt.Errorf("linux.resources.%s is not supported", name)
		}
	}
	if m.Swap != nil && *m.Swap > 0 {
		switch limit := value(m.Limit); {
		case limit <= 0:
			return fmt.Errorf("memory and swap together are limited, and memory alone is not: say -m too")
		case *m.Swap < limit:
			return fmt.Errorf("memory and swap together, %s, are less than memory alone, %s", amount.Bytes(*m.Swap), amount.Bytes(limit))
		}
	}
	if c.Cpus != "" {
		if _, err := amount.Processors(c.Cpus); err != nil {
			return err
		}
	}
	for key := range r.Unified {
		if name, _, ok := strings.Cut(key, "."); !ok || !slices.Contains(known, name) || strings.Contains(key, "/") {
			return fmt.Errorf("linux.resources.unified %q is not supported", key)
		}
	}
	return nil
}

// deniesDevices tells whether a list of devices says nothing, or that there are none
// but those that every sandbox has: sbx makes no others.
func deniesDevices(list []specs.LinuxDeviceCgroup) bool {
	return len(list) == 0 || len(list) == 1 && !list[0].Allow && list[0].Major == nil && list[0].Minor == nil
}

// known are the controllers that have limits here.
var known = []string{"memory", "pids", "cpu", "cpuset", "io"}

// Controllers are those that the limits are of. None is that there are no limits.
func Controllers(r *specs.LinuxResources) (list []string) {
	if r == nil {
		return nil
	}
	m, c, b := memory(r), processors(r), blocks(r)
	has := map[string]bool{
		"memory": value(m.Limit) > 0 || value(m.Swap) > 0 || value(m.Reservation) > 0,
		"pids":   r.Pids != nil && value(r.Pids.Limit) > 0,
		"cpu":    c.Shares != nil || value(c.Quota) > 0 || c.Burst != nil || c.Idle != nil,
		"cpuset": c.Cpus != "" || c.Mems != "",
		"io": b.Weight != nil || len(b.ThrottleReadBpsDevice)+len(b.ThrottleWriteBpsDevice)+
			len(b.ThrottleReadIOPSDevice)+len(b.ThrottleWriteIOPSDevice) > 0,
	}
	for key := range r.Unified {
		name, _, _ := strings.Cut(key, ".")
		has[name] = true
	}
	for _, name := range known {
		if has[name] {
			list = append(list, name)
		}
	}
	return list
}

// Words are the limits, sorted as they are set, one each.
func Words(r *specs.LinuxResources) (words []string) {
	if r == nil {
		return nil
	}
	m, c, b := memory(r), processors(r), blocks(r)
	size := func(name string, n *int64) {
		if value(n) > 0 {
			words = append(words, name+" "+amount.Bytes(*n))
		}
	}
	size("memory", m.Limit)
	size("memory and swap", m.Swap)
	size("memory reservation", m.Reservation)
	if r.Pids != nil && value(r.Pids.Limit) > 0 {
		words = append(words, fmt.Sprintf("processes %d", *r.Pids.Limit))
	}
	if quota := CPUs(r); quota > 0 {
		words = append(words, "cpus "+strconv.FormatFloat(quota, 'f', -1, 64))
	}
	if c.Shares != nil {
		words = append(words, fmt.Sprintf("cpu shares %d", *c.Shares))
	}
	if c.Idle != nil || c.Burst != nil {
		words = append(words, fmt.Sprintf("cpu idle %d, burst %d", value(c.Idle), value(c.Burst)))
	}
	if c.Cpus != "" || c.Mems != "" {
		words = append(words, strings.TrimSpace("cpuset "+c.Cpus+" "+c.Mems))
	}
	if b.Weight != nil {
		words = append(words, fmt.Sprintf("io weight %d", *b.Weight))
	}
	for _, t := range throttles(b) {
		for _, d := range t.devices {
			words = append(words, fmt.Sprintf("io %d:%d %s=%d", d.Major, d.Minor, t.name, d.Rate))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(r.Unified)) {
		words = append(words, key+" "+r.Unified[key])
	}
	return words
}

// CPUs is how many processors' time there is, or 0 for no limit.
func CPUs(r *specs.LinuxResources) float64 {
	c := processors(r)
	if value(c.Quota) <= 0 {
		return 0
	}
	period := value(c.Period)
	if period == 0 {
		period = Period
	}
	return float64(*c.Quota) / float64(period)
}

// Period is the time in which a quota of processor time is counted, in microseconds.
const Period = 100_000

type throttle struct {
	name    string
	devices []specs.LinuxThrottleDevice
}

func throttles(b specs.LinuxBlockIO) []throttle {
	return []throttle{
		{"rbps", b.ThrottleReadBpsDevice}, {"wbps", b.ThrottleWriteBpsDevice}, {"riops", b.ThrottleReadIOPSDevice}, {"wiops", b.ThrottleWriteIOPSDevice},
	}
}

// resources are the limits as the library has them.
func resources(r *specs.LinuxResources) *cgroups.Resources {
	m, c, b := memory(r), processors(r), blocks(r)
	to := &cgroups.Resources{
		Memory: max(0, value(m.Limit)), MemorySwap: value(m.Swap), MemoryReservation: max(0, value(m.Reservation)),
		CpuQuota: max(0, value(c.Quota)), CpuPeriod: value(c.Period), CpuBurst: c.Burst, CPUIdle: c.Idle, CpuWeight: cgroups.ConvertCPUSharesToCgroupV2Value(value(c.Shares)),
		CpusetCpus: c.Cpus, CpusetMems: c.Mems, BlkioWeight: value(b.Weight), Unified: r.Unified, SkipDevices: true,
	}
	if to.CpuQuota == 0 {
		to.CpuPeriod = 0 // a period of nothing
	}
	if to.Memory == 0 {
		to.MemorySwap = 0 // unlimited, as Check has seen to
	}
	if r.Pids != nil && value(r.Pids.Limit) > 0 {
		to.PidsLimit = r.Pids.Limit
	}
	lists := [...]*[]*cgroups.ThrottleDevice{
		&to.BlkioThrottleReadBpsDevice, &to.BlkioThrottleWriteBpsDevice, &to.BlkioThrottleReadIOPSDevice, &to.BlkioThrottleWriteIOPSDevice,
	}
	for i, t := range throttles(b) {
		for _, d := range t.devices {
			*lists[i] = append(*lists[i], cgroups.NewThrottleDevice(d.Major, d.Minor, d.Rate))
		}
	}
	return to
}

// Over are the limits of r, and those of base that r says nothing of.
func Over(base, r *specs.LinuxResources) *specs.LinuxResources {
	if base == nil || r == nil {
		return first(r, base)
	}
	m := *r
	m.Memory, m.Pids, m.BlockIO = first(r.Memory, base.Memory), first(r.Pids, base.Pids), first(r.BlockIO, base.BlockIO)
	m.CPU = first(r.CPU, base.CPU)
	if r.CPU != nil && base.CPU != nil {
		c := *r.CPU
		c.Shares, c.Idle = first(c.Shares, base.CPU.Shares), first(c.Idle, base.CPU.Idle)
		if c.Quota == nil {
			c.Quota, c.Period, c.Burst = base.CPU.Quota, base.CPU.Period, base.CPU.Burst
		}
		if c.Cpus == "" && c.Mems == "" {
			c.Cpus, c.Mems = base.CPU.Cpus, base.CPU.Mems
		}
		m.CPU = &c
	}
	m.Unified = map[string]string{}
	maps.Copy(m.Unified, base.Unified)
	maps.Copy(m.Unified, r.Unified)
	return &m
}

// Without are the limits that need none of these controllers.
func Without(r *specs.LinuxResources, controllers []string) *specs.LinuxResources {
	if r == nil {
		return nil
	}
	m := *r
	m.CPU, m.Unified = nil, map[string]string{}
	if r.CPU != nil {
		c := *r.CPU
		if slices.Contains(controllers, "cpu") {
			c = specs.LinuxCPU{Cpus: c.Cpus, Mems: c.Mems}
		}
		if slices.Contains(controllers, "cpuset") {
			c.Cpus, c.Mems = "", ""
		}
		m.CPU = &c
	}
	for _, name := range controllers {
		switch name {
		case "memory":
			m.Memory = nil
		case "pids":
			m.Pids = nil
		case "io":
			m.BlockIO = nil
		}
	}
	for key, v := range r.Unified {
		if name, _, _ := strings.Cut(key, "."); !slices.Contains(controllers, name) {
			m.Unified[key] = v
		}
	}
	return &m
}

func first[T any](a, b *T) *T {
	if a != nil {
		return a
	}
	return b
}

// What a configuration does not have is as if it were empty.

func memory(r *specs.LinuxResources) specs.LinuxMemory {
	if r == nil || r.Memory == nil {
		return specs.LinuxMemory{}
	}
	return *r.Memory
}

func processors(r *specs.LinuxResources) specs.LinuxCPU {
	if r == nil || r.CPU == nil {
		return specs.LinuxCPU{}
	}
	return *r.CPU
}

func blocks(r *specs.LinuxResources) specs.LinuxBlockIO {
	if r == nil || r.BlockIO == nil {
		return specs.LinuxBlockIO{}
	}
	return *r.BlockIO
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
