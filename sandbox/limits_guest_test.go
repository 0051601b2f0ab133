//go:build guest

package sandbox

import (
	"fmt"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// TestLimitsTogether: sandboxes of one process share its scope, at the same time and
// one after the other. They are counted, frozen and let go.
func TestLimitsTogether(t *testing.T) {
	t.Chdir(t.TempDir())
	begin := func(n int) *Cmd {
		c := Command("sh", "-c", "while :; do :; done")
		c.Spec.OCI.Linux = &specs.Linux{Resources: &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(int64(10 + n))}}}
		return c
	}
	for round := range 2 {
		cmds := make([]*Cmd, 3)
		failed := make(chan error, len(cmds))
		for i := range cmds {
			cmds[i] = begin(i)
			go func() { failed <- cmds[i].Start() }()
		}
		for range cmds {
			if err := <-failed; err != nil {
				t.Fatal(err)
			}
		}
		for i, c := range cmds {
			checkCounted(t, fmt.Sprintf("round %d, sandbox %d", round, i), c, uint64(10+i))
		}
		for _, c := range cmds {
			if err := c.process.Kill(); err != nil {
				t.Fatal(err)
			}
			if _, ok := c.Wait().(*ExitError); !ok {
				t.Error("it did not end by a signal")
			}
			if c.Cgroup() != nil {
				t.Error("it has a cgroup when it has ended")
			}
		}
	}
}

func checkCounted(t *testing.T, name string, c *Cmd, limit uint64) {
	t.Helper()
	used := func() float64 {
		u, err := c.Usage()
		if err != nil || u.PidsLimit != limit || u.Pids != 2 {
			t.Fatalf("%s: %+v, %v", name, u, err)
		}
		return u.CPUSeconds
	}
	if c.Cgroup() == nil {
		t.Fatalf("%s: no cgroup", name)
	}
	running := used()
	time.Sleep(300 * time.Millisecond)
	if used() <= running {
		t.Errorf("%s: it does not run", name)
	}
	if err := c.Freeze(true); err != nil {
		t.Fatal(err)
	}
	frozen := used()
	time.Sleep(300 * time.Millisecond)
	if used() > frozen {
		t.Errorf("%s: it runs, and is frozen", name)
	}
	if err := c.Freeze(false); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	if used() <= frozen {
		t.Errorf("%s: it does not go on", name)
	}
}
