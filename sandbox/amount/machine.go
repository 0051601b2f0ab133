package amount

import (
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Machine is all that there is, of which a share may be had.
type Machine struct {
	Memory int64
	CPUs   int
	Pids   int64
}

// ThisMachine looks at this one.
func ThisMachine() Machine {
	m := Machine{CPUs: runtime.NumCPU(), Pids: math.MaxInt32}
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		m.Memory = int64(uint64(info.Totalram) * uint64(info.Unit))
	}
	for _, file := range []string{"/proc/sys/kernel/pid_max", "/proc/sys/kernel/threads-max"} {
		text, _ := os.ReadFile(file) // where it cannot be read the other one bounds
		if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil {
			m.Pids = min(m.Pids, n)
		}
	}
	return m
}
