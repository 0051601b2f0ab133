package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sbxrun/sbx/cmd/internal/testenv"
	"github.com/sbxrun/sbx/sandbox/state"
)

// lives gives a test an XDG_RUNTIME_DIR of its own, which it checks to be empty in the
// end, and a function that runs sbx and gives what it prints.
func lives(t *testing.T) (dir string, sbx func(args ...string) string) {
	t.Helper()
	needNamespaces(t)
	program, dir := tool(t, "sbx"), project(t)
	runtime := t.TempDir()
	if err := os.Chmod(runtime, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_RUNTIME_DIR", runtime)
	t.Cleanup(func() {
		filepath.WalkDir(runtime, func(path string, d os.DirEntry, err error) error {
			if err != nil || !d.IsDir() || len(path) > len(runtime+"/sbx/boxes") {
				t.Errorf("left: %s, %v", path, err)
			}
			return nil
		})
	})
	return dir, func(args ...string) string {
		t.Helper()
		cmd := exec.Command(program, args...)
		cmd.Dir = dir
		out, err := cmd.Output()
		if err != nil {
			var words []byte
			if exit, ok := err.(*exec.ExitError); ok {
				words = exit.Stderr
			}
			t.Fatalf("sbx %s: %v\n%s%s", strings.Join(args, " "), err, out, words)
		}
		return string(out)
	}
}

func recorded(t *testing.T, sbx func(...string) string) (list []state.Record) {
	t.Helper()
	if err := json.Unmarshal([]byte(sbx("ps", "-a", "--json")), &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// TestSupervisorsKilled kills supervisors with SIGKILL 200 times, from their first
// moments on. ps tells the truth about each: what it says to run does, and nothing else
// does. In the end prune leaves nothing.
func TestSupervisorsKilled(t *testing.T) {
	dir, sbx := lives(t)
	testenv.Adopt(t)
	program := tool(t, "sbx")
	mark := fmt.Sprintf("86393.%d", os.Getpid())
	for i := range kills(t) {
		args := []string{"run", "-d"}
		if i%4 == 0 {
			args = append(args, "--rm")
		}
		args = append(args, "--name", "victim-"+strconv.Itoa(i))
		cmd := exec.Command(program, append(args, "--", "sh", "-c", "setsid sleep "+mark+" & sleep "+mark)...)
		cmd.Dir = dir
		// Its own end comes first: else it could begin one that is not there yet.
		killedSoon(t, cmd, i, 12*time.Millisecond)
		// One that has just been forked has no command line for a moment, and one that
		// was killed keeps its lock until the kernel has closed what it had open.
		for since := time.Now(); ; time.Sleep(5 * time.Millisecond) {
			if killSupervisors(t, "victim-") {
				since = time.Now()
			}
			running := sbx("ps")
			if !strings.Contains(running, "victim") {
				break
			}
			if time.Since(since) > testenv.Patience {
				t.Fatalf("round %d: it is said to run:\n%s", i, running)
			}
		}
	}
	killSupervisors(t, "victim-")
	gone(t, mark)
	testenv.DescendantsGone(t, "sbx-init")
	dead := 0
	for _, r := range recorded(t, sbx) {
		if r.Status != state.Dead || *r.Exit != 137 || r.Remove {
			t.Errorf("%+v", r)
		}
		dead++
	}
	if dead == 0 {
		t.Error("none was killed while it ran")
	}
	sbx("prune")
	if left := sbx("ps", "-aq"); left != "" {
		t.Errorf("left: %s", left)
	}
}

// killSupervisors kills the supervisors of the sandboxes whose name begins like that, and
// waits for their end. It tells whether there was one.
func killSupervisors(t *testing.T, name string) (found bool) {
	t.Helper()
	for _, p := range testenv.Descendants(t, " --name "+name) {
		pid, err := strconv.Atoi(strings.Fields(p)[0])
		if err != nil {
			t.Fatal(err)
		}
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
		_, _ = syscall.Wait4(pid, nil, 0, nil)
		found = true
	}
	return found
}

// TestManyDetached has 300 sandboxes at once. Each is there, and answers.
func TestManyDetached(t *testing.T) {
	dir, sbx := lives(t)
	testenv.Adopt(t)
	mark := fmt.Sprintf("86392.%d", os.Getpid())
	const n = 300
	program := tool(t, "sbx")
	var group sync.WaitGroup
	slots := make(chan struct{}, 8)
	t.Cleanup(func() { exec.Command("sh", "-c", program+" ps -q | xargs -r "+program+" rm -f").Run() })
	for i := range n {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			cmd := exec.Command(program, "run", "-d", "--name", fmt.Sprint("many-", i), "--", "sleep", mark)
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%d: %v\n%s", i, err, out)
			}
		})
	}
	group.Wait()
	if t.Failed() {
		return
	}
	running := strings.Fields(sbx("ps", "-q"))
	if len(running) != n {
		t.Fatalf("%d run", len(running))
	}
	for i, id := range running {
		sbx("kill", "-s", "TERM", id)
		if i%2 == 0 {
			if code := sbx("wait", id); code != "143\n" {
				t.Errorf("%s: %s", id, code)
			}
		}
	}
	for _, r := range recorded(t, sbx) {
		if code := sbx("wait", r.ID); code != "143\n" {
			t.Errorf("%+v: %s", r, code)
		}
	}
	sbx("prune")
	gone(t, mark)
}

// TestTwoRemove has two remove the same sandbox. One at least does, the other does or
// finds none, and neither leaves anything.
func TestTwoRemove(t *testing.T) {
	_, sbx := lives(t)
	testenv.Adopt(t)
	for _, force := range []string{"-f", ""} {
		for range 20 {
			sbx("run", "-d", "--name", "both", "--", "sleep", "60")
			args := []string{"rm", "both"}
			if force != "" {
				args = []string{"rm", force, "both"}
			} else {
				sbx("stop", "-t", "0", "both")
			}
			results := make(chan string, 2)
			for range 2 {
				go func() {
					out, err := exec.Command(tool(t, "sbx"), args...).CombinedOutput()
					results <- fmt.Sprint(err, " ", string(out))
				}()
			}
			done := 0
			for range 2 {
				switch r := <-results; {
				case strings.HasPrefix(r, "<nil> both"):
					done++
				case strings.Contains(r, "no such sandbox"), strings.Contains(r, "it runs"): // the other has it in its hands
				default:
					t.Errorf("rm %s: %s", force, r)
				}
			}
			if done == 0 || sbx("ps", "-aq") != "" {
				t.Fatalf("rm %s: %d removed it; left: %s", force, done, sbx("ps", "-a"))
			}
		}
	}
}
