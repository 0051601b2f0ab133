package main

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/profiles"
	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/amount"
)

// limitFlags are those of a cgroup, in docker's words. With one of them nothing is
// begun early: see package ahead.
type limitFlags struct {
	Memory     text   `short:"m" placeholder:"SIZE" help:"Limit the memory of all processes: 512m, 2g, 50%, unlimited."`
	MemorySwap text   `placeholder:"SIZE" help:"Limit memory and swap together (default: twice the memory)."`
	Cpus       text   `placeholder:"NUMBER" help:"Limit the processor time: 1.5, or 50%."`
	CpuWeight  text   `placeholder:"1-10000" help:"Set the share of the processors when others want them (default: 100)."`
	Cpuset     text   `aliases:"cpuset-cpus" placeholder:"LIST" help:"Run on these processors only: 0-3,7."`
	PidsLimit  text   `placeholder:"NUMBER" help:"Limit the number of processes and threads."`
	IoMax      []text `sep:"none" placeholder:"DEVICE:rbps=SIZE,wbps=SIZE,riops=N,wiops=N" help:"Limit the I/O of a disk, or of the disk of a directory."`
}

// addLimits asks for the limits of the flags, and of the profile where no flag says
// otherwise. What somebody typed, or wrote in a profile, there must be. What sbx brings
// there is where it can be had, and only for a profile that is asked for by name: a
// cgroup takes longer to get than a command may take to run.
func addLimits(f *runFlags, s *sandbox.Spec) error {
	asked, wished := &limitSet{machine: amount.ThisMachine}, &limitSet{machine: amount.ThisMachine}
	p := f.profile.Limits
	for _, l := range []struct {
		flag, name string
		profile    profiles.Value
		set        func(*limitSet, string) error
	}{
		{string(f.Memory), "--memory", p.Memory, (*limitSet).setMemory}, {string(f.MemorySwap), "--memory-swap", p.MemorySwap, (*limitSet).setSwap},
		{string(f.Cpus), "--cpus", p.CPUs, (*limitSet).setCPUs}, {string(f.CpuWeight), "--cpu-weight", p.CPUWeight, (*limitSet).setWeight},
		{string(f.Cpuset), "--cpuset", p.CPUSet, (*limitSet).setProcessors}, {string(f.PidsLimit), "--pids-limit", p.Pids, (*limitSet).setPids},
	} {
		if l.flag != "" {
			if err := l.set(asked, l.flag); err != nil {
				return fmt.Errorf("%s: %w", l.name, err)
			}
			continue
		}
		to := f.limitsOf(l.profile, asked, wished)
		if to == nil {
			if err := f.without(l.profile, l.name, s); err != nil {
				return err
			}
			continue
		}
		if err := l.set(to, l.profile.Text); err != nil {
			return fmt.Errorf("%s: %w", l.profile.From, err)
		}
	}
	if err := f.addDevices(asked, wished); err != nil {
		return err
	}
	s.OCI.Linux.Resources, s.Wished = asked.resources(), wished.resources()
	return nil
}

// limitsOf is where a profile's limit belongs, or nil.
func (f *runFlags) limitsOf(v profiles.Value, asked, wished *limitSet) *limitSet {
	switch {
	case !v.Said(), v.From.BuiltIn() && len(f.Profile) == 0:
		return nil
	case v.From.BuiltIn():
		return wished
	}
	return asked
}

// without does what can be done of a limit without a cgroup, of a profile that sbx brings and
// that was chosen by the command's name, and keeps the others for the receipt. A bound of
// each process's data would end what only reserves memory, as address sanitizers do.
func (f *runFlags) without(v profiles.Value, flag string, s *sandbox.Spec) error {
	switch {
	case !v.Said():
	case flag == "--pids-limit":
		n, err := amount.Pids(v.Text, amount.ThisMachine())
		if err != nil {
			return fmt.Errorf("%s: %w", v.From, err)
		}
		if n != amount.Unlimited {
			s.MostProcesses = n
		}
	default:
		name := strings.TrimPrefix(flag, "--")
		f.unlimited = append(f.unlimited, sandbox.LimitProof{Limit: name + " " + v.Text, Why: "the profile was chosen by the command's name; --profile NAME or " + flag + " takes a cgroup"})
	}
	return nil
}

func (f *runFlags) addDevices(asked, wished *limitSet) error {
	for _, text := range texts(f.IoMax) {
		if err := asked.addDevice(text); err != nil {
			return fmt.Errorf("--io-max: %w", err)
		}
	}
	for _, v := range f.profile.Limits.IOMax {
		to := f.limitsOf(v, asked, wished)
		if to == nil || len(f.IoMax) > 0 {
			continue
		}
		if err := to.addDevice(v.Text); err != nil {
			return fmt.Errorf("%s: %w", v.From, err)
		}
	}
	return nil
}

// limitSet makes an OCI configuration of limits in words.
type limitSet struct {
	machine func() amount.Machine
	to      specs.LinuxResources
	some    bool
}

// resources are the limits, or nil where there are none. Swap is as in docker where
// nothing is said of it: as much as memory, and not all that the machine has.
func (l *limitSet) resources() *specs.LinuxResources {
	if !l.some {
		return nil
	}
	if m := l.to.Memory; m != nil && m.Limit != nil && m.Swap == nil && *m.Limit > 0 {
		both := 2 * *m.Limit
		m.Swap = &both
	}
	return &l.to
}

func (l *limitSet) memory() *specs.LinuxMemory {
	l.some = true
	if l.to.Memory == nil {
		l.to.Memory = &specs.LinuxMemory{}
	}
	return l.to.Memory
}

func (l *limitSet) cpu() *specs.LinuxCPU {
	l.some = true
	if l.to.CPU == nil {
		l.to.CPU = &specs.LinuxCPU{}
	}
	return l.to.CPU
}

func (l *limitSet) setMemory(text string) error {
	n, err := amount.Memory(text, l.machine())
	if err == nil && n != amount.Unlimited {
		l.memory().Limit = &n
	}
	return err
}

func (l *limitSet) setSwap(text string) error {
	n, err := amount.Memory(text, l.machine())
	if err == nil && l.to.Memory == nil && n != amount.Unlimited {
		err = fmt.Errorf("it is memory and swap together: say --memory too")
	}
	if err == nil && l.to.Memory != nil {
		l.memory().Swap = &n
	}
	return err
}

func (l *limitSet) setCPUs(text string) error {
	n, err := amount.CPUs(text, l.machine())
	if err != nil || n == amount.Unlimited {
		return err
	}
	quota, period := int64(n*cpuPeriod), uint64(cpuPeriod)
	l.cpu().Quota, l.cpu().Period = &quota, &period
	return nil
}

// cpuPeriod is the kernel's usual one, in microseconds.
const cpuPeriod = 100_000

// setWeight says it in the words of cgroup v2: OCI has only those of v1, shares, which
// do not lead to every weight.
func (l *limitSet) setWeight(text string) error {
	n, err := amount.Weight(text)
	if err == nil {
		l.some, l.to.Unified = true, map[string]string{"cpu.weight": strconv.FormatUint(n, 10)}
	}
	return err
}

func (l *limitSet) setProcessors(text string) error {
	_, err := amount.Processors(text)
	if err == nil {
		l.cpu().Cpus = text
	}
	return err
}

func (l *limitSet) setPids(text string) error {
	n, err := amount.Pids(text, l.machine())
	if err == nil && n != amount.Unlimited {
		l.some, l.to.Pids = true, &specs.LinuxPids{Limit: &n}
	}
	return err
}

func (l *limitSet) addDevice(text string) error {
	d, err := amount.ParseDevice(text)
	if err != nil {
		return err
	}
	major, minor, err := blockDevice(d.Name)
	if err != nil {
		return err
	}
	l.some = true
	if l.to.BlockIO == nil {
		l.to.BlockIO = &specs.LinuxBlockIO{}
	}
	b := l.to.BlockIO
	for _, rate := range []struct {
		list *[]specs.LinuxThrottleDevice
		n    uint64
	}{
		{&b.ThrottleReadBpsDevice, d.ReadBytes}, {&b.ThrottleWriteBpsDevice, d.WriteBytes},
		{&b.ThrottleReadIOPSDevice, d.ReadOps}, {&b.ThrottleWriteIOPSDevice, d.WriteOps},
	} {
		if rate.n > 0 {
			t := specs.LinuxThrottleDevice{Rate: rate.n}
			t.Major, t.Minor = major, minor
			*rate.list = append(*rate.list, t)
		}
	}
	return nil
}

// blockDevice is the number of a disk: as it is, of a device's file, or of what a
// directory's file system is on. Of a partition it is the disk's, which alone the
// kernel limits.
func blockDevice(name string) (major, minor int64, err error) {
	if a, b, ok := strings.Cut(name, ":"); ok && !strings.Contains(name, "/") {
		x, errX := strconv.ParseUint(a, 10, 12)
		y, errY := strconv.ParseUint(b, 10, 20)
		if errX == nil && errY == nil {
			return int64(x), int64(y), nil
		}
	}
	var st unix.Stat_t
	if err := unix.Stat(name, &st); err != nil {
		return 0, 0, fmt.Errorf("%s: %w", name, err)
	}
	device := st.Dev
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFBLK:
		device = st.Rdev
	case unix.S_IFDIR:
		if unix.Major(device) == 0 {
			return 0, 0, fmt.Errorf("%s is on a file system with no disk of its own that can be told; name the disk", name)
		}
	default:
		return 0, 0, fmt.Errorf("%s is neither a disk nor a directory", name)
	}
	return wholeDisk(device)
}

func wholeDisk(device uint64) (major, minor int64, err error) {
	major, minor = int64(unix.Major(device)), int64(unix.Minor(device))
	dir := fmt.Sprintf("/sys/dev/block/%d:%d", major, minor)
	if unix.Access(dir+"/partition", unix.F_OK) != nil {
		return major, minor, nil
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return 0, 0, err
	}
	number, err := readBounded(filepath.Join(filepath.Dir(real), "dev"), 64)
	if err == nil {
		_, err = fmt.Sscanf(string(number), "%d:%d", &major, &minor)
	}
	return major, minor, err
}
