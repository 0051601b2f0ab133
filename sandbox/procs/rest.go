package procs

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A Rest is how often each thread of a sandbox has run, while all of them sleep. If it is
// the same later, no thread has executed anything in between: to make a new one, one must run.
type Rest map[int]string

// restLimit bounds the threads that are looked at.
const restLimit = 256

// Resting tells whether all threads sleep, and gives what to compare. It is false where
// the kernel does not count (CONFIG_SCHED_INFO), and for sandboxes with many threads.
func (d *Dir) Resting() (Rest, bool) {
	pids, err := d.pids()
	if err != nil || len(pids) == 0 || len(pids) > restLimit {
		return nil, false
	}
	rest := Rest{}
	for _, pid := range pids {
		if !d.threads(pid, rest) {
			return nil, false
		}
	}
	return rest, true
}

// Ran is how long the main threads have run.
func (d *Dir) Ran() (sum time.Duration) {
	pids, err := d.pids()
	if err != nil {
		return 0
	}
	for _, pid := range pids[:min(len(pids), restLimit)] {
		if b, err := d.read(pid, "schedstat", 128); err == nil {
			if fields := strings.Fields(string(b)); len(fields) == 3 {
				ns, _ := strconv.ParseInt(fields[0], 10, 64) // the kernel writes numbers
				sum += time.Duration(ns)
			}
		}
	}
	return sum
}

// Same tells whether nothing has run between two of them.
func (r Rest) Same(later Rest) bool {
	if len(r) == 0 || len(r) != len(later) {
		return false
	}
	for tid, runs := range r {
		if later[tid] != runs {
			return false
		}
	}
	return true
}

// threads adds those of a process. The count is read before the state: a thread that is
// woken in between is found running.
func (d *Dir) threads(pid int, rest Rest) bool {
	name := strconv.Itoa(pid) + "/task"
	fd, err := unix.Openat(int(d.f.Fd()), name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	dir := os.NewFile(uintptr(fd), name)
	defer dir.Close()
	tids, err := dir.Readdirnames(-1)
	if err != nil || len(rest)+len(tids) > restLimit {
		return false
	}
	for _, name := range tids {
		tid, err := strconv.Atoi(name)
		if err != nil {
			return false
		}
		runs, err := d.read(pid, "task/"+name+"/schedstat", 128)
		if err != nil || len(bytes.Fields(runs)) != 3 {
			return false
		}
		stat, err := d.read(pid, "task/"+name+"/stat", 512)
		if err != nil || !sleeps(stat) {
			return false
		}
		rest[tid] = string(bytes.TrimSpace(runs))
	}
	return true
}

// sleeps reads the state: S, T and t, or Z and X, which run nothing any more. The name before it may
// have any bytes (proc_pid_stat(5)).
func sleeps(stat []byte) bool {
	end := bytes.LastIndexByte(stat, ')')
	return end >= 0 && len(stat) > end+2 && bytes.IndexByte([]byte("STtZX"), stat[end+2]) >= 0
}
