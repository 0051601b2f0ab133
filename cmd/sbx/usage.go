package main

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/control"
	"github.com/sbxrun/sbx/sandbox/procs"
)

// usage answers with what the sandbox takes.
func (s *supervisor) usage(c *control.Conn) {
	cmd, err := s.running()
	var taken control.Taken
	if err == nil {
		taken, err = takenBy(cmd)
	}
	if err != nil {
		_ = c.Fail(err)
		return
	}
	_ = c.Answer(0, taken)
}

// takenBy is what a sandbox takes: as its cgroup has it, or else its living processes
// together.
func takenBy(cmd *sandbox.Cmd) (control.Taken, error) {
	if cmd.Cgroup() != nil {
		u, err := cmd.Usage()
		return control.Taken{
			At: now(), CPU: u.CPUSeconds, Memory: counted(u.Memory), MemoryPeak: counted(u.MemoryPeak), MemoryLimit: counted(u.MemoryLimit),
			Processes: counted(u.Pids), ProcessLimit: counted(u.PidsLimit), ReadBytes: counted(u.ReadBytes), WrittenBytes: counted(u.WriteBytes),
			From: control.FromCgroup,
		}, err
	}
	all, err := cmd.Processes(false)
	if err != nil {
		return control.Taken{}, err
	}
	sum := procs.Total(all)
	return control.Taken{
		At: now(), CPU: sum.CPU.Seconds(), Memory: sum.Memory, Processes: &sum.Processes, ReadBytes: sum.Read, WrittenBytes: sum.Written, From: control.FromProcesses,
	}, nil
}

// counted is what a cgroup says, where 0 is also what it does not count.
func counted(n uint64) *uint64 {
	if n == 0 {
		return nil
	}
	return &n
}

// now is by a clock that nobody sets, and that is the same for all processes.
func now() float64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) // it cannot fail
	return time.Duration(t.Nano()).Seconds()
}

// top answers with the sandbox's processes.
func (s *supervisor) top(c *control.Conn) {
	cmd, err := s.running()
	var all []procs.Process
	if err == nil {
		all, err = cmd.Processes(true)
	}
	if err != nil {
		_ = c.Fail(err)
		return
	}
	_ = c.Answer(0, all)
}
