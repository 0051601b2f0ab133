package cgroup

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func p[T any](v T) *T { return &v }

func disk(rate uint64) []specs.LinuxThrottleDevice {
	d := specs.LinuxThrottleDevice{Rate: rate}
	d.Major, d.Minor = 8, 16
	return []specs.LinuxThrottleDevice{d}
}

func all() *specs.LinuxResources {
	return &specs.LinuxResources{
		Memory: &specs.LinuxMemory{Limit: p(int64(2 << 30)), Swap: p(int64(4 << 30))}, Pids: &specs.LinuxPids{Limit: p(int64(64))},
		CPU:     &specs.LinuxCPU{Quota: p(int64(150_000)), Period: p(uint64(100_000)), Cpus: "0-1"},
		BlockIO: &specs.LinuxBlockIO{ThrottleWriteBpsDevice: disk(1 << 20)}, Unified: map[string]string{"cpu.weight": "50"},
	}
}

func TestWords(t *testing.T) {
	want := "memory 2 GiB, memory and swap 4 GiB, processes 64, cpus 1.5, cpuset 0-1, io 8:16 wbps=1048576, cpu.weight 50"
	if got := strings.Join(Words(all()), ", "); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := Controllers(all()); !slices.Equal(got, known) {
		t.Errorf("%v", got)
	}
	none := &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: p(int64(-1))}, Pids: &specs.LinuxPids{Limit: p(int64(0))}, CPU: &specs.LinuxCPU{Quota: p(int64(-1)), Period: p(uint64(7))}}
	if Controllers(none) != nil || Words(none) != nil || Controllers(nil) != nil || Words(nil) != nil {
		t.Errorf("%v, %v", Controllers(none), Words(none))
	}
	to := resources(none)
	if to.Memory != 0 || to.PidsLimit != nil || to.CpuQuota != 0 || to.CpuPeriod != 0 {
		t.Errorf("%+v", to)
	}
}

func TestCheck(t *testing.T) {
	if err := Check(all()); err != nil {
		t.Error(err)
	}
	if err := Check(&specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{{Allow: false, Access: "rwm"}}}); err != nil {
		t.Error(err)
	}
	for word, r := range map[string]specs.LinuxResources{
		"devices":               {Devices: []specs.LinuxDeviceCgroup{{Allow: true, Access: "rwm"}}},
		"hugepageLimits":        {HugepageLimits: []specs.LinuxHugepageLimit{{}}},
		"network":               {Network: &specs.LinuxNetwork{}},
		"rdma":                  {Rdma: map[string]specs.LinuxRdma{"a": {}}},
		"memory.swappiness":     {Memory: &specs.LinuxMemory{Swappiness: p(uint64(1))}},
		"disableOOMKiller":      {Memory: &specs.LinuxMemory{DisableOOMKiller: p(true)}},
		"realtimeRuntime":       {CPU: &specs.LinuxCPU{RealtimeRuntime: p(int64(1))}},
		"blockIO.weightDevice":  {BlockIO: &specs.LinuxBlockIO{WeightDevice: []specs.LinuxWeightDevice{{}}}},
		"say -m too":            {Memory: &specs.LinuxMemory{Swap: p(int64(1 << 30))}},
		"are less than":         {Memory: &specs.LinuxMemory{Swap: p(int64(1 << 20)), Limit: p(int64(1 << 30))}},
		"processors":            {CPU: &specs.LinuxCPU{Cpus: "all"}},
		`"cgroup.procs"`:        {Unified: map[string]string{"cgroup.procs": "1"}},
		`"memory"`:              {Unified: map[string]string{"memory": "1"}},
		`"memory./../cgroup.x"`: {Unified: map[string]string{"memory./../cgroup.x": "1"}},
	} {
		if err := Check(&r); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v", word, err)
		}
	}
}

// TestOver and what is left out: nothing of either is lost but what the other replaces.
func TestOver(t *testing.T) {
	base := all()
	r := &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: p(int64(1 << 30))}, CPU: &specs.LinuxCPU{Cpus: "3"}, Unified: map[string]string{"pids.x": "1"}}
	got := strings.Join(Words(Over(base, r)), ", ")
	if want := "memory 1 GiB, processes 64, cpus 1.5, cpuset 3, io 8:16 wbps=1048576, cpu.weight 50, pids.x 1"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if !reflect.DeepEqual(base, all()) {
		t.Error("the base was changed")
	}
	if Over(nil, r) != r || Over(base, nil) != base || Over(nil, nil) != nil {
		t.Error("with nothing it is not the other")
	}
	for without, want := range map[string]string{
		"memory": "processes 64, cpus 1.5, cpuset 0-1, io 8:16 wbps=1048576, cpu.weight 50",
		"cpu":    "memory 2 GiB, memory and swap 4 GiB, processes 64, cpuset 0-1, io 8:16 wbps=1048576",
		"cpuset": "memory 2 GiB, memory and swap 4 GiB, processes 64, cpus 1.5, io 8:16 wbps=1048576, cpu.weight 50",
		"io":     "memory 2 GiB, memory and swap 4 GiB, processes 64, cpus 1.5, cpuset 0-1, cpu.weight 50",
		"pids":   "memory 2 GiB, memory and swap 4 GiB, cpus 1.5, cpuset 0-1, io 8:16 wbps=1048576, cpu.weight 50",
	} {
		if got := strings.Join(Words(Without(base, []string{without})), ", "); got != want {
			t.Errorf("without %s: %s, want %s", without, got, want)
		}
	}
	if got := Controllers(Without(base, known)); got != nil {
		t.Errorf("without all: %v", got)
	}
	if !reflect.DeepEqual(base, all()) {
		t.Error("the base was changed")
	}
}

func TestReport(t *testing.T) {
	for _, c := range []struct {
		used Usage
		r    *specs.LinuxResources
		want []string
	}{
		{Usage{CPUSeconds: 3, MemoryPeak: 1 << 30}, all(), nil},
		{Usage{OOMKills: 1}, all(), []string{"killed for memory at 2 GiB: raise with -m"}},
		{Usage{OOMKills: 3}, all(), []string{"killed 3 processes for memory at 2 GiB: raise with -m"}},
		{Usage{OOMKills: 1}, &specs.LinuxResources{}, []string{"killed for memory, of which the machine or your session has no more: raise with -m"}},
		{Usage{PidsRefused: 7}, all(), []string{"refused 7 processes at the limit of 64: raise with --pids-limit"}},
		{Usage{PidsRefused: 1}, &specs.LinuxResources{}, nil},
		{Usage{ThrottledSeconds: 12}, all(), []string{"slowed down for 12 s of 60 s by --cpus 1.5"}},
		{Usage{ThrottledSeconds: 0.3}, all(), []string{"slowed down for 0.3 s of 60 s by --cpus 1.5"}},
		{Usage{ThrottledSeconds: 99}, all(), []string{"slowed down for 60 s of 60 s by --cpus 1.5"}},
		{Usage{OOMKills: 1, PidsRefused: 2}, all(), []string{"killed for memory at 2 GiB: raise with -m", "refused 2 processes at the limit of 64: raise with --pids-limit"}},
	} {
		if got := Report(c.used, c.r, time.Minute); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %q, want %q", c.used, got, c.want)
		}
	}
}
