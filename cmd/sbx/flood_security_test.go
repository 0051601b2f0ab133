package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestSecurityNetworkFlood: ten thousand connections at once, which say nothing. Those
// beyond the bound are refused and counted, the supervisor's memory and descriptors stay
// bounded, and afterwards others go through. Without a sandbox all ten thousand are open.
func TestSecurityNetworkFlood(t *testing.T) {
	needNamespaces(t)
	const many, most = 10_000, 4096
	r := named("flood", "open connections without end", "flood", "{good.example.com:2000}", fmt.Sprint(many)).with("--allow", "good.example.com:2000")
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Max < many+1000 {
		skip(t, "the test may open %d descriptors, and needs more: %v", limit.Max, err)
	}
	s := newScene(t, t.TempDir(), hostView, r)
	var peak struct{ memory, descriptors int }
	open := func(argv []string) (n int, after string) {
		t.Helper()
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Dir, cmd.Env = s.vars["PROJECT"], s.env
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		s.check(cmd.Start())
		done := make(chan error)
		go func() { done <- cmd.Wait() }()
		for {
			select {
			case err := <-done:
				if _, scanned := fmt.Sscanf(out.String(), "open %d\nafter %s", &n, &after); err != nil || scanned != nil {
					t.Fatalf("%v, %v: %s", err, scanned, out.String())
				}
				return n, after
			case <-time.After(100 * time.Millisecond):
				memory, descriptors := spent(cmd.Process.Pid)
				peak.memory, peak.descriptors = max(peak.memory, memory), max(peak.descriptors, descriptors)
			}
		}
	}
	argv, _ := sbxLauncher{}.command(s, r)
	n, after := open(argv)
	t.Logf("%d are open; the supervisor has %d kB and %d descriptors", n, peak.memory, peak.descriptors)
	if n > most || n < most/2 || after != "goes" || peak.descriptors > 6*most+256 || peak.memory > 200<<10 {
		t.Errorf("%d are open, another %s through; the supervisor has %d kB and %d descriptors", n, after, peak.memory, peak.descriptors)
	}
	log, err := os.ReadFile(s.vars["MY_LOG"])
	s.check(err)
	if refused := strings.Count(string(log), "too many connections are open at once"); refused == 0 || refused > many {
		t.Errorf("%d are refused in the log", refused)
	}
	argv, _ = noLauncher{}.command(s, r)
	if n, after := open(argv); n != many || after != "goes" {
		t.Errorf("without a sandbox %d are open, another %s through", n, after)
	}
}

// spent is the resident memory of a process in kB, and how many descriptors it has.
func spent(pid int) (memory, descriptors int) {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // which may be gone
	if _, rest, ok := strings.Cut(string(b), "VmRSS:"); ok {
		_, _ = fmt.Sscan(rest, &memory)
	}
	fds, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	return memory, len(fds)
}
