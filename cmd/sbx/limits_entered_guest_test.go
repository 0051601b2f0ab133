//go:build guest

package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/sbxrun/sbx/cmd/internal/testenv"
	"github.com/sbxrun/sbx/sandbox/control"
)

// TestLimitsEntered: a command that enters a sandbox with limits is in its cgroup, which
// says what the sandbox takes and holds all of it.
func TestLimitsEntered(t *testing.T) {
	testenv.NeedGuest(t)
	_, sbx := lives(t)
	sbx("run", "-d", "--name", "box", "-m", "64m", "--pids-limit", "50", "--", "sleep", "1000")
	defer sbx("rm", "-f", "box")
	group := recorded(t, sbx)[0].Cgroup
	if limits := recorded(t, sbx)[0].Limits; len(limits) == 0 {
		t.Error("the record has no limits")
	}
	if out := sbx("exec", "box", "cat", "/proc/self/cgroup"); out != "0::/\n" {
		t.Errorf("the cgroup of who enters is %q", out)
	}
	sbx("exec", "-d", "box", "sleep", "2000")
	procs := strings.Fields(read(t, group, "box/cgroup.procs"))
	entered := false
	for _, pid := range procs {
		line, _ := os.ReadFile("/proc/" + pid + "/cmdline") // it may have ended
		entered = entered || strings.Contains(string(line), "2000")
	}
	if !entered {
		t.Errorf("who entered is not among %v", procs)
	}
	var taken []struct {
		control.Taken
	}
	if err := json.Unmarshal([]byte(sbx("stats", "--no-stream", "--json", "box")), &taken); err != nil {
		t.Fatal(err)
	}
	if s := taken[0].Taken; s.From != control.FromCgroup || s.MemoryLimit == nil || *s.MemoryLimit != 64<<20 || s.ProcessLimit == nil || *s.ProcessLimit != 50 {
		t.Errorf("%+v", s)
	}
	sbx("pause", "box")
	if frozen := read(t, group, "cgroup.events"); !strings.Contains(frozen, "frozen 1") && !strings.Contains(read(t, group+"/box", "cgroup.events"), "frozen 1") {
		t.Errorf("it is not held: %q", frozen)
	}
	sbx("resume", "box")
	if frozen := read(t, group, "cgroup.events"); !strings.Contains(frozen, "frozen 0") {
		t.Errorf("it is held: %q", frozen)
	}
}
