package procs

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	const rest = " 1 2 1 0 -1 4194304 76 0 0 0 12 30 5 3 20 0 7 0 1197676 2654208 400"
	for _, name := range []string{"sh", "a b", "(x)", ") R 1 1", "", "new\nline"} {
		p, err := parseStat([]byte("42 (" + name + ") S" + rest + "\n"))
		if err != nil || p.PID != 42 || p.Name != name || p.State != "S" || p.Parent != 1 || p.Threads != 7 || time.Duration(p.CPU) != 500*time.Millisecond {
			t.Errorf("%q: %+v, %v", name, p, err)
		}
	}
	for _, bad := range []string{"", "42", "42 sh S" + rest, "42 (sh S" + rest, "x (sh) S" + rest, "42 (sh) S 1 2", "42 (sh) S" + strings.Replace(rest, "12", "x", 1), ")42 ("} {
		if p, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q: %+v", bad, p)
		}
	}
}

func TestValue(t *testing.T) {
	const rollup = "00400000-7fff ---p 00000000 00:00 0 [rollup]\nRss:                1712 kB\nPss:                 174 kB\nPss_Dirty:    8 kB\nBad: x kB\nEmpty:\n"
	if n := value([]byte(rollup), "Pss:", 1<<10); n == nil || *n != 174<<10 {
		t.Error("Pss is not read")
	}
	for _, name := range []string{"Pss_Clean:", "Bad:", "Empty:"} {
		if n := value([]byte(rollup), name, 1); n != nil {
			t.Errorf("%s %d", name, *n)
		}
	}
}

func TestTotal(t *testing.T) {
	n := func(n uint64) *uint64 { return &n }
	init := Process{PID: 1, Name: "sbx-init", Threads: 1, CPU: Seconds(time.Second), Memory: n(1)}
	a := Process{PID: 2, Threads: 3, CPU: Seconds(time.Second), Memory: n(10), Read: n(5), Written: n(7)}
	zombie := Process{PID: 3, State: "Z", CPU: Seconds(time.Second)}
	s := Total([]Process{init, a, zombie})
	if s.CPU != 3*time.Second || *s.Memory != 11 || s.Processes != 4 || *s.Read != 5 || *s.Written != 7 {
		t.Errorf("%+v", s)
	}
	// What is not known of one is not known of all, and is not 0.
	if s := Total([]Process{init, a, {PID: 4, Threads: 1}}); s.Memory != nil || s.Read != nil || s.Written != nil || s.Processes != 5 {
		t.Errorf("%+v", s)
	}
}

func TestSeconds(t *testing.T) {
	b, err := json.Marshal(Process{CPU: Seconds(1500 * time.Millisecond)})
	var p Process
	if err != nil || !strings.Contains(string(b), `"cpuSeconds":1.5`) || json.Unmarshal(b, &p) != nil || p.CPU != Seconds(1500*time.Millisecond) {
		t.Errorf("%s, %v, %+v", b, err, p)
	}
}

// TestAll reads this machine's, by way of a child's root.
func TestAll(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	d, err := Open(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for range 2 { // it begins anew
		all, err := d.All(true)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, p := range all {
			if p.PID == os.Getpid() && (p.Memory == nil || *p.Memory == 0 || p.Threads < 2 || p.Read == nil) {
				t.Errorf("this process: %+v", p)
			}
			if p.PID == os.Getpid() || p.PID == cmd.Process.Pid && p.Parent == os.Getpid() && strings.HasPrefix(strings.Join(p.Command, " "), "sleep 60") {
				found++
			}
		}
		if found != 2 {
			t.Errorf("%d of this process and its child are among them", found)
		}
	}
	if _, err := Open(1 << 30); err == nil {
		t.Error("a process that is not there has a /proc")
	}
}
