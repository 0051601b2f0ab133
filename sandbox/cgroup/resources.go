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
		"memory.kernel": m.Kernel != nil, "memory.kernelTCP": m.KernelTCP != nil, "memory.swappiness": m.Swappiness != nil,
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
		"memory": value(m.Limit) != 0 || value(m.Swap) != 0 || value(m.Reservation) != 0,
		"pids":   r.Pids != nil && value(r.Pids.Limit) != 0,
		"cpu":    c.Shares != nil || value(c.Quota) != 0 || value(c.Period) != 0 || c.Burst != nil || c.Idle != nil,
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
		switch {
		case value(n) > 0:
			words = append(words, name+" "+amount.Bytes(*n))
		case value(n) < 0:
			words = append(words, name+" unlimited")
		}
	}
	size("memory", m.Limit)
	size("memory and swap", m.Swap)
	size("memory reservation", m.Reservation)
	if r.Pids != nil && value(r.Pids.Limit) != 0 {
		words = append(words, "processes "+number(*r.Pids.Limit))
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
		Memory: value(m.Limit), MemorySwap: value(m.Swap), MemoryReservation: value(m.Reservation),
		CpuQuota: value(c.Quota), CpuPeriod: value(c.Period), CpuBurst: c.Burst, CPUIdle: c.Idle, CpuWeight: cgroups.ConvertCPUSharesToCgroupV2Value(value(c.Shares)),
		CpusetCpus: c.Cpus, CpusetMems: c.Mems, BlkioWeight: value(b.Weight), Unified: r.Unified, SkipDevices: true,
	}
	if r.Pids != nil && value(r.Pids.Limit) != 0 {
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

func number(n int64) string {
	if n < 0 {
		return "unlimited"
	}
	return strconv.FormatInt(n, 10)
}
