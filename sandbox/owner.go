package sandbox

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/sbxrun/sbx/sandbox/egress"
)

// owners finds the processes that connections of a sandbox are of.
type owners struct {
	init    int      // the sandbox's first process, as seen from here
	diag    *os.File // NETLINK_SOCK_DIAG of its network
	waiting atomic.Int32
	mu      sync.Mutex
	last    int // a process with one connection soon has another
}

const (
	mostWaiting = 64      // of more connections at once it is not asked whose they are
	mostLinks   = 1 << 16 // descriptors that are looked at for one
)

// find gives a process and what it calls itself, or nothing: it may have ended.
func (o *owners) find(network string, from, to netip.AddrPort) (pid int, command string) {
	if o.waiting.Add(1) > mostWaiting {
		o.waiting.Add(-1)
		return 0, ""
	}
	defer o.waiting.Add(-1)
	o.mu.Lock()
	defer o.mu.Unlock()
	inode, err := egress.Inode(o.diag, network, from, to)
	if err != nil {
		return 0, ""
	}
	budget := mostLinks
	link := fmt.Sprintf("socket:[%d]", inode)
	for _, pid := range append([]int{o.last}, descendants(o.init)...) {
		if has(pid, link, &budget) {
			o.last = pid
			return pid, named(pid)
		}
	}
	return 0, ""
}

func (o *owners) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.diag.Close()
}

// descendants are a process and those that come from it: what lost its parent is PID
// 1's. The sandbox can make any number.
func descendants(pid int) []int {
	all := []int{pid}
	for i := 0; i < len(all) && len(all) < 1<<14; i++ {
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", all[i]))
		if err != nil {
			continue
		}
		for _, path := range tasks {
			children, err := os.ReadFile(path)
			if err != nil {
				continue // it ended
			}
			for _, word := range strings.Fields(string(children)) {
				if child, err := strconv.Atoi(word); err == nil {
					all = append(all, child)
				}
			}
		}
	}
	return all
}

func has(pid int, link string, budget *int) bool {
	if pid == 0 {
		return false
	}
	dir, err := os.Open(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return false
	}
	defer dir.Close()
	names, err := dir.Readdirnames(*budget + 1)
	if err != nil {
		return false
	}
	for _, name := range names {
		if *budget--; *budget < 0 {
			return false
		}
		if to, err := os.Readlink(dir.Name() + "/" + name); err == nil && to == link {
			return true
		}
	}
	return false
}

// named is the name that a process has given itself (PR_SET_NAME), or its program's. Its
// arguments may be secret.
func named(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(b), "\n")
}
