package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// processes lists those whose command line has the mark, apart from us.
func processes(t testing.TB, mark string) (found []string) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if err != nil || e.Name() == fmt.Sprint(os.Getpid()) || e.Name() == "self" || e.Name() == "thread-self" {
			continue
		}
		line := strings.ReplaceAll(string(b), "\x00", " ")
		stat, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "stat"))
		_, state, _ := strings.Cut(string(stat), ") ")
		if strings.Contains(line, mark) && !strings.HasPrefix(state, "Z") {
			found = append(found, e.Name()+" "+line)
		}
	}
	return found
}

// gone waits until no process has the mark any more.
func gone(t testing.TB, mark string) {
	t.Helper()
	var left []string
	for range 100 {
		if left = processes(t, mark); left == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("left behind: %v", left)
}

// inits counts the PID 1s of our sandboxes that live.
func inits(t testing.TB) int {
	n := 0
	for _, p := range processes(t, "sbx-init") {
		if strings.Contains(p, " sbx-init ") || strings.HasSuffix(p, " sbx-init") {
			n++
		}
	}
	return n
}

func project(t testing.TB) string {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	return t.TempDir()
}

func mountinfo(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// kills is how often sbx is killed: 200 times, or SBX_TEST_KILLS times.
func kills(t testing.TB) int {
	n, err := strconv.Atoi(cmp.Or(os.Getenv("SBX_TEST_KILLS"), "200"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestKilledAtAnyMoment kills sbx with SIGKILL 200 times, from its first
// moments on. Nothing is left: no process, no mount, no file.
func TestKilledAtAnyMoment(t *testing.T) {
	needNamespaces(t)
	sbx, dir := tool(t, "sbx"), project(t)
	mounts := mountinfo(t)
	mark := fmt.Sprintf("86399.%d", os.Getpid())
	already := inits(t)
	for i := range kills(t) {
		cmd := exec.Command(sbx, "run", "--", "sh", "-c", "sleep "+mark+" & setsid sleep "+mark+" & wait")
		cmd.Dir = dir
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// Half of the kills are in the first 6 ms, when the sandbox is made.
		limit := 6 * time.Millisecond
		if i%2 == 1 {
			limit = 40 * time.Millisecond
		}
		time.Sleep(rand.N(limit))
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it was killed
	}
	gone(t, mark)
	for range 100 {
		if inits(t) <= already {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if n := inits(t); n > already {
		t.Errorf("%d PID 1s are left", n-already)
	}
	if mountinfo(t) != mounts {
		t.Error("the host's mounts have changed")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("left in the project: %v, %v", entries, err)
	}
}

// TestKilledWithFuse does the same where a daemon serves the root.
func TestKilledWithFuse(t *testing.T) {
	root := needDebian(t)
	if err := missingFuse(); err != nil {
		skip(t, "%v", err)
	}
	sbx, dir := tool(t, "sbx"), project(t)
	mark := fmt.Sprintf("86398.%d", os.Getpid())
	for range 30 {
		cmd := exec.Command(sbx, "run", "--overlay", "fuse-overlayfs", "--rootfs", root, "--", "sleep", mark)
		cmd.Dir = dir
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(rand.N(60 * time.Millisecond))
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it was killed
	}
	gone(t, mark)
	gone(t, "fuse-overlayfs -f -o")
}

// TestThousandRuns: a thousand in a row, and two hundred at once (R1, R2).
func TestThousandRuns(t *testing.T) {
	needNamespaces(t)
	sbx, dir := tool(t, "sbx"), project(t)
	run := func() error {
		cmd := exec.Command(sbx, "run", "--", "sh", "-c", "exit 9")
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 9 {
			return fmt.Errorf("%v: %s", err, out)
		}
		return nil
	}
	already := inits(t)
	for i := range 1000 {
		if err := run(); err != nil {
			t.Fatalf("run %d: %v", i, err)
		}
	}
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			if err := run(); err != nil {
				t.Errorf("parallel run %d: %v", i, err)
			}
		})
	}
	all.Wait()
	if n := inits(t); n > already {
		t.Errorf("%d PID 1s are left", n-already)
	}
}

// TestSignalsAreForwarded: each reaches the command, and what the command makes
// of it is the exit code.
func TestSignalsAreForwarded(t *testing.T) {
	needNamespaces(t)
	sbx, dir := tool(t, "sbx"), project(t)
	for sig, name := range map[syscall.Signal]string{
		syscall.SIGTERM: "TERM", syscall.SIGINT: "INT", syscall.SIGHUP: "HUP", syscall.SIGUSR1: "USR1", syscall.SIGUSR2: "USR2", syscall.SIGQUIT: "QUIT",
	} {
		for _, mode := range []string{"--init", "--no-init"} {
			cmd := exec.Command(sbx, "run", mode, "--", "sh", "-c", "trap 'exit 42' "+name+"; echo ready; while :; do sleep 0.05; done")
			cmd.Dir = dir
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if _, err := out.Read(make([]byte, 16)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(30 * time.Millisecond) // the first 10 ms belong to sbx, see session.go
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			err = cmd.Wait()
			if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 42 {
				t.Errorf("%s, %s: %v", name, mode, err)
			}
		}
	}
}

// TestStoppedCommandEnds: one that is stopped is ended all the same (R4).
func TestStoppedCommandEnds(t *testing.T) {
	needNamespaces(t)
	cmd := exec.Command(tool(t, "sbx"), "run", "--timeout", "300ms", "--", "sh", "-c", "kill -STOP $$")
	cmd.Dir = project(t)
	start := time.Now()
	err := cmd.Run()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != exitTimeout || time.Since(start) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
}
