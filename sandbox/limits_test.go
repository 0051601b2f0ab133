package sandbox

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/cgroup"
	"github.com/sbxrun/sbx/userns"
)

func ptr[T any](v T) *T { return &v }

// limited is a command with limits of memory, processes and processor time.
func limited(args ...string) Spec {
	s := build(args...)
	s.OCI.Linux = &specs.Linux{Resources: &specs.LinuxResources{
		Memory: &specs.LinuxMemory{Limit: ptr(int64(1 << 30))}, Pids: &specs.LinuxPids{Limit: ptr(int64(64))}, CPU: &specs.LinuxCPU{Quota: ptr(int64(50_000))},
	}}
	return s
}

// delegating is a Host whose systemd gives these controllers.
func delegating(controllers ...string) Host {
	h := laptop()
	h.Cgroups = cgroup.Host{Mode: cgroup.Unified, Systemd: true, UID: 1000, User: "ada", Sockets: []string{"/run/user/1000/systemd/private"}, Manager: controllers}
	return h
}

// TestLimits: what is asked for is there or nothing is run, but for who says that he
// can do with less; and who only wishes is told.
func TestLimits(t *testing.T) {
	whole, old, v1 := delegating("memory", "pids", "cpu"), delegating("memory"), laptop()
	v1.Cgroups.Mode = cgroup.Hybrid
	oldKernel := v1
	oldKernel.Kernel = Kernel{5, 13}
	degraded, wished := limited("make"), build("make")
	degraded.Degraded = []string{"limits"}
	wished.Wished = limited("make").OCI.Linux.Resources
	both := limited("make")
	both.OCI.Linux.Resources = &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(int64(9))}}
	both.Wished = wished.Wished
	single := limited("make")
	single.OCI.Linux.Resources.Pids.Limit = ptr(int64(1))
	unknown := limited("make")
	unknown.OCI.Linux.Resources.Rdma = map[string]specs.LinuxRdma{"x": {}}
	exposed := limited("make")
	exposed.OCI.Mounts = []specs.Mount{bind("/sys", "/sys", "rw")}
	shown := limited("make")
	shown.OCI.Mounts = []specs.Mount{bind("/sys", "/sys", "ro")}
	light := build("make")
	light.MostProcesses = 64
	for name, c := range map[string]struct {
		spec  Spec
		host  Host
		err   string // and a part of its hint
		notes []string
		words string   // of the cgroup, "" for none
		lims  []string // of processes
	}{
		"asked":               {spec: limited("make"), host: whole, words: "memory 1 GiB, processes 64, cpus 0.5"},
		"asked, without some": {spec: limited("make"), host: old, err: "controllers pids, cpu cannot be had: not delegated to you|delegate.conf"},
		"asked, v1":           {spec: limited("make"), host: v1, err: "limits cannot be had: cgroup v1|--allow-degraded=limits"},
		"degraded, v1": {spec: degraded, host: v1, notes: []string{"without the limit of memory; each process", "without the limit of processes; each user", "without the limit of cpu:"},
			lims: []string{"limit data 1073741824:1073741824", "limit nproc 64:64"}},
		"degraded, before 5.14": {spec: degraded, host: oldKernel, notes: []string{"without the limit of memory", "without the limit of pids:", "without the limit of cpu:"},
			lims: []string{"limit data 1073741824:1073741824"}},
		"degraded, some":        {spec: degraded, host: old, notes: []string{"limit of processes", "limit of cpu"}, words: "memory 1 GiB", lims: []string{"limit nproc 64:64"}},
		"degraded, none":        {spec: degraded, host: whole, words: "memory 1 GiB, processes 64, cpus 0.5"},
		"wished":                {spec: wished, host: whole, words: "memory 1 GiB, processes 64, cpus 0.5"},
		"wished, some":          {spec: wished, host: old, words: "memory 1 GiB", notes: []string{"without the profile's limits of cpu: "}, lims: []string{"limit nproc 64:64"}},
		"wished, v1":            {spec: wished, host: v1, notes: []string{"without the profile's limits of memory, cpu: cgroup v1"}, lims: []string{"limit nproc 64:64"}},
		"wished, before 5.14":   {spec: wished, host: oldKernel, notes: []string{"without the profile's limits of memory, pids, cpu: cgroup v1"}},
		"without a cgroup":      {spec: light, host: whole, lims: []string{"limit nproc 64:64"}},
		"the same, before 5.14": {spec: light, host: oldKernel},
		"both":                  {spec: both, host: whole, words: "memory 1 GiB, processes 9, cpus 0.5"},
		"both, v1":              {spec: both, host: v1, err: "limits cannot be had"},
		"one process":           {spec: single, host: whole, err: "leaves none for the command"},
		"rdma":                  {spec: unknown, host: whole, err: "linux.resources.rdma is not supported"},
		"cgroups shown":         {spec: shown, host: whole, words: "memory 1 GiB, processes 64, cpus 0.5"},
		"cgroups open":          {spec: exposed, host: whole, err: "/sys is bound writable"},
	} {
		t.Run(name, func(t *testing.T) {
			c.host.Files["/sys"] = c.host.Files["/"]
			done, notes, err := Complete(c.spec, c.host)
			if c.err != "" {
				want, hint, _ := strings.Cut(c.err, "|")
				if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(Hint(err), hint) {
					t.Errorf("%v, hint %q", err, Hint(err))
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(notes) != len(c.notes) || !slices.EqualFunc(notes, c.notes, strings.Contains) {
				t.Errorf("notes %q, want %q", notes, c.notes)
			}
			p, err := Compile(done, c.host)
			if err != nil {
				t.Fatal(err)
			}
			born, first := p.Steps[0].(userns.BornInto)
			if first != (c.words != "") || first && born.Limits != "of "+c.words {
				t.Errorf("the first step is %s, want %q", p.Steps[0], c.words)
			}
			for _, want := range c.lims {
				if !slices.Contains(p.Lines(), want) {
					t.Errorf("no %s", want)
				}
			}
			if got := slices.Contains(newReceipt(done, c.host, p).Missing, "limits"); got != (c.lims != nil && c.spec.Degraded != nil) {
				t.Errorf("the receipt misses limits: %v", got)
			}
		})
	}
}

// TestLimitsAfterAll: what systemd refuses when it is asked is as if it could not be had.
func TestLimitsAfterAll(t *testing.T) {
	h, s := delegating("memory", "pids", "cpu"), limited("make")
	h.Cgroups.Refused = errors.New("systemd gave no scope")
	if _, _, err := Complete(s, h); err == nil || !strings.Contains(err.Error(), "systemd gave no scope") {
		t.Error(err)
	}
	s.OCI.Linux.Resources, s.Wished = nil, s.OCI.Linux.Resources
	done, notes, err := Complete(s, h)
	if err != nil || len(notes) != 1 || done.OCI.Linux.Resources != nil {
		t.Errorf("%v, %v, %v", done.OCI.Linux.Resources, notes, err)
	}
}

// TestCgroupHints: each way in which a process is not born in a cgroup has a hint.
func TestCgroupHints(t *testing.T) {
	for errno, want := range map[unix.Errno]string{unix.EPERM: "clone3", unix.ENOSYS: "clone3", unix.EACCES: "delegated to you", unix.EAGAIN: "--pids-limit"} {
		err := explain(&userns.CloneError{Cgroup: true, Err: errno}, Spec{}, Host{})
		if !strings.Contains(Hint(err), want) || !strings.Contains(err.Error(), "into a cgroup") {
			t.Errorf("%v: %v, hint %q", errno, err, Hint(err))
		}
	}
}

// TestNoCgroup: without limits there is none to ask.
func TestNoCgroup(t *testing.T) {
	c := Command("true")
	if _, err := c.Usage(); !errors.Is(err, errNoCgroup) {
		t.Error(err)
	}
	if err := c.Freeze(true); !errors.Is(err, errNoCgroup) {
		t.Error(err)
	}
	if f := c.Cgroup(); f != nil {
		t.Error(f.Name())
	}
}

// TestLimitProofs: the receipt says of each limit whether it was in force, and why not.
func TestLimitProofs(t *testing.T) {
	pids := int64(64)
	memory := int64(1 << 30)
	wished := build("make")
	wished.Wished = &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &memory}, Pids: &specs.LinuxPids{Limit: &pids}}
	light := build("make")
	light.MostProcesses = 64
	own := light
	own.OCI.Process = &specs.Process{Args: []string{"make"}, Rlimits: []specs.POSIXRlimit{{Type: "RLIMIT_NPROC", Soft: 8, Hard: 9}}}
	none, oldKernel, whole := laptop(), laptop(), delegating("memory", "pids", "cpu")
	none.Cgroups.Refused = errors.New("none here")
	oldKernel.Kernel = Kernel{5, 13}
	const each = " true RLIMIT_NPROC, for each user inside "
	for name, c := range map[string]struct {
		spec Spec
		host Host
		want string
	}{
		"in a cgroup": {wished, whole, "memory 1 GiB true cgroup ;processes 64 true cgroup "}, "not to be had": {wished, none, "processes 64" + each + ";memory 1 GiB false  none here"},
		"without a cgroup": {light, whole, "processes 64" + each}, "an old kernel": {light, oldKernel, "processes 64 false  before Linux 5.14 it would count all processes of yours"}, "a limit of the caller's": {own, whole, "processes 9" + each}, "none": {build("make"), whole, ""},
	} {
		done, _, err := Complete(c.spec, c.host)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, l := range limitProofs(done, c.host) {
			got = append(got, fmt.Sprint(l.Limit, " ", l.Enforced, " ", l.By, " ", l.Why))
		}
		if text := strings.Join(got, ";"); text != c.want {
			t.Errorf("%s: %s\nwant %s", name, text, c.want)
		}
	}
}
