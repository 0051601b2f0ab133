package procs

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A Process is one of a sandbox.
type Process struct {
	PID     int    `json:"pid"` // in the sandbox
	Parent  int    `json:"parent"`
	State   string `json:"state"` // a letter, as in proc_pid_stat(5)
	Threads int    `json:"threads"`
	// CPU is its processor time, and that of its children that ended and that it waited
	// for.
	CPU Seconds `json:"cpuSeconds"`
	// Memory is its share: what it has alone, and of each page that it shares with
	// others, one part of as many (Pss in proc_pid_smaps(5)). Nil is not known.
	Memory *uint64 `json:"memory,omitempty"`
	// Read and Written are bytes of block devices, its waited children's too.
	Read    *uint64 `json:"read,omitempty"`
	Written *uint64 `json:"written,omitempty"`
	// Name is what it calls itself, and Command its arguments.
	Name    string   `json:"name"`
	Command []string `json:"command,omitempty"`
}

// All are the processes. Commands tells whether their arguments are wanted, which are
// read from their memory.
func (d *Dir) All(commands bool) (all []Process, err error) {
	pids, err := d.pids()
	if err != nil {
		return nil, err
	}
	for _, pid := range pids {
		p, err := d.process(pid, commands)
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) {
			continue // it has ended meanwhile
		}
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

func (d *Dir) process(pid int, commands bool) (p Process, err error) {
	b, err := d.read(pid, "stat", 4<<10)
	if err != nil {
		return p, err
	}
	if p, err = parseStat(b); err != nil || p.State == "Z" {
		return p, err
	}
	if b, err := d.read(pid, "smaps_rollup", 8<<10); err == nil {
		p.Memory = value(b, "Pss:", 1<<10)
	}
	if b, err := d.read(pid, "io", 4<<10); err == nil {
		p.Read, p.Written = value(b, "read_bytes:", 1), value(b, "write_bytes:", 1)
	}
	if commands {
		b, err := d.read(pid, "cmdline", maxCommand)
		if err == nil && len(b) > 0 {
			p.Command = strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
		}
	}
	return p, nil
}

// Seconds is a time that is seconds in JSON.
type Seconds time.Duration

// MarshalJSON writes them.
func (s Seconds) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(s).Seconds()) }

// UnmarshalJSON reads them.
func (s *Seconds) UnmarshalJSON(b []byte) error {
	var n float64
	err := json.Unmarshal(b, &n)
	*s = Seconds(n * float64(time.Second))
	return err
}

// maxCommand is how much of a process's arguments is read.
const maxCommand = 4 << 10

// ticks are in a second, for user space, on every architecture of ours (USER_HZ).
const ticks = 100

var errStat = errors.New("a stat of /proc that is none")

// parseStat reads proc_pid_stat(5). The name is in parentheses, and may have some itself.
func parseStat(b []byte) (p Process, err error) {
	from, to := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if from < 0 || to < from {
		return p, errStat
	}
	if p.PID, err = strconv.Atoi(string(bytes.TrimSpace(b[:from]))); err != nil {
		return p, errStat
	}
	p.Name = string(b[from+1 : to])
	fields := strings.Fields(string(b[to+1:])) // from the third on
	if len(fields) < 18 {
		return p, errStat
	}
	number := func(field int) (n int64) {
		n, e := strconv.ParseInt(fields[field-3], 10, 64)
		if e != nil {
			err = errStat
		}
		return n
	}
	p.State, p.Parent, p.Threads = fields[0], int(number(4)), int(number(20))
	p.CPU = Seconds(number(14)+number(15)+number(16)+number(17)) * Seconds(time.Second/ticks)
	return p, err
}

// value finds a number in lines of "NAME NUMBER [kB]".
func value(b []byte, name string, unit uint64) *uint64 {
	for line := range bytes.Lines(b) {
		rest, ok := bytes.CutPrefix(line, []byte(name))
		if !ok {
			continue
		}
		fields := strings.Fields(string(rest))
		if len(fields) == 0 {
			return nil
		}
		n, err := strconv.ParseUint(fields[0], 10, 64)
		if err != nil {
			return nil
		}
		n *= unit
		return &n
	}
	return nil
}
