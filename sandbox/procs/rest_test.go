package procs

import (
	"io"
	"os"
	"os/exec"
	"testing"
)

// TestResting lets a process run and sleep again.
func TestResting(t *testing.T) {
	cmd := exec.Command("cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer in.Close()
	proc, err := os.Open("/proc")
	if err != nil {
		t.Fatal(err)
	}
	defer proc.Close()
	d := &Dir{proc}
	asleep := func() Rest {
		for {
			if rest := (Rest{}); d.threads(cmd.Process.Pid, rest) {
				return rest
			}
		}
	}
	echo := func() {
		t.Helper()
		if _, err := in.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	echo()
	before := asleep()
	for next := asleep(); !before.Same(next); next = asleep() {
		before = next // it had to go to sleep first
	}
	echo()
	if after := asleep(); before.Same(after) {
		t.Errorf("it ran unseen: %v", after)
	}
	if ran := d.Ran(); ran <= 0 {
		t.Errorf("all have run for %v", ran)
	}
	if (Rest{}).Same(Rest{}) || before.Same(nil) {
		t.Error("nothing known is taken for a rest")
	}
	if d.threads(os.Getpid(), Rest{}) {
		t.Error("this process runs, and is taken for one that sleeps")
	}
}

func TestSleeps(t *testing.T) {
	for stat, want := range map[string]bool{"1 (a) S 1": true, "1 (a) R 1": false, "1 (a) S) R 1": false, "1 (a) D 1": false, "1 (a) T 1": true, "1 (a)": false, "": false, "1 (a) Z 1": true} {
		if got := sleeps([]byte(stat)); got != want {
			t.Errorf("%q: %t", stat, got)
		}
	}
}
