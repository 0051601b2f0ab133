package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/cmd/internal/testenv"
)

// aClean gives the layers that an image has in a store that nothing disturbed.
func aClean(t *testing.T, r registry, image string, command func(string, ...string) *exec.Cmd, root func(...string) *exec.Cmd) map[string]bool {
	t.Helper()
	data := newStore(t)
	if out, err := command(tool(t, "sbx"), "pull", "-q", r.host+"/"+image).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	storeIsWhole(t, data)
	trees := layerTrees(t, data, root)
	if len(trees) < 100 {
		t.Fatalf("%d files", len(trees))
	}
	return trees
}

// TestPullKilledAtAnyMoment kills sbx pull with SIGKILL 200 times: all of it, or a part.
// What it leaves is whole, and the next one goes on from there.
func TestPullKilledAtAnyMoment(t *testing.T) {
	r := needRegistry(t)
	want := aClean(t, r, "small", exec.Command, rootOfIDs)
	data, sbx, ref := newStore(t), tool(t, "sbx"), r.host+"/small"
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	pull := func() *exec.Cmd {
		cmd := exec.Command(sbx, "pull", "-q", ref)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		return cmd
	}
	start := time.Now()
	if out, err := pull().CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	limit := time.Since(start) * 5 / 4
	wholes, parts := 0, 0
	for i := range kills(t) {
		if len(storeNames(t, data, "sbx/images/names")) > 0 {
			if out, err := exec.Command(sbx, "image", "rm", ref+":latest").CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
		}
		cmd := pull()
		var complaint strings.Builder
		cmd.Stderr = &complaint
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(random.Int64N(int64(limit))))
		part := 0
		if i%2 == 1 {
			part = anyChild(cmd.Process.Pid, random)
		}
		if part != 0 {
			parts++
			_ = unix.Kill(part, unix.SIGKILL) // it may have ended
		} else {
			wholes++
			_ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL) // the same
		}
		err := cmd.Wait()
		if exit, ok := err.(*exec.ExitError); ok && exit.Exited() && (exit.ExitCode() != exitFailed || complaint.Len() == 0) {
			t.Errorf("kill %d: %v: %s", i, err, complaint.String())
		}
		storeIsWhole(t, data)
		if err == nil && len(storeNames(t, data, "sbx/images/manifests")) != 1 {
			t.Errorf("kill %d: it said that all is well, and has no image", i)
		}
		if i%10 == 9 {
			if out, err := pull().CombinedOutput(); err != nil {
				t.Errorf("after kill %d: %v: %s", i, err, out)
			}
			sameTrees(t, layerTrees(t, data, rootOfIDs), want)
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	t.Logf("killed %d times as a whole, %d times in part", wholes, parts)
	for _, args := range [][]string{{"pull", "-q", ref}, {"image", "prune"}} {
		if out, err := exec.Command(sbx, args...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", args, err, out)
		}
	}
	sameTrees(t, layerTrees(t, data, rootOfIDs), want)
	for _, name := range storeNames(t, data, "sbx/images/work") {
		if !strings.HasSuffix(name, ".lock") {
			t.Errorf("work/%s is left", name)
		}
	}
	testenv.Gone(t, data)
}

// anyChild gives a child of any thread of a process, or zero.
func anyChild(pid int, random *rand.Rand) int {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	var children []string
	for _, path := range threads {
		b, _ := os.ReadFile(path) // the thread may have ended
		children = append(children, strings.Fields(string(b))...)
	}
	if children == nil {
		return 0
	}
	child, err := strconv.Atoi(children[random.IntN(len(children))])
	if err != nil {
		return 0
	}
	return child
}
