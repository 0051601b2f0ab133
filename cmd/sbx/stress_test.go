package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sbxrun/sbx/cmd/internal/testenv"
	"github.com/sbxrun/sbx/sandbox/mounttable/mounttest"
)

// killedSoon kills a program at some moment: every other time in what are its first, else
// within 40 ms.
func killedSoon(t *testing.T, cmd *exec.Cmd, round int, first time.Duration) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if round%2 == 1 {
		first = 40 * time.Millisecond
	}
	time.Sleep(rand.N(testenv.Slowed(first)))
	_ = cmd.Process.Kill() // it may have ended
	_ = cmd.Wait()         // it was killed
}

// TestKilledAtAnyMoment kills sbx with SIGKILL 200 times, from its first
// moments on. Nothing is left: no process, no mount, no file.
func TestKilledAtAnyMoment(t *testing.T) {
	needNamespaces(t)
	sbx, dir := tool(t, "sbx"), project(t)
	mounts := mounttest.Mounts(t)
	mark := fmt.Sprintf("86399.%d", os.Getpid())
	testenv.Adopt(t)
	for i := range kills(t) {
		cmd := exec.Command(sbx, "run", "--", "sh", "-c", "sleep "+mark+" & setsid sleep "+mark+" & wait")
		cmd.Dir = dir
		killedSoon(t, cmd, i, 6*time.Millisecond) // when the sandbox is made
	}
	gone(t, mark)
	testenv.DescendantsGone(t, "sbx-init")
	if mounttest.Mounts(t) != mounts {
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
	testenv.Adopt(t)
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
	testenv.DescendantsGone(t, "fuse-overlayfs -f -o")
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
	testenv.Adopt(t)
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
	if left := testenv.Descendants(t, "sbx-init"); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

// TestSignalsAreForwarded: each reaches the command, and what the command makes
// of it is the exit code.
func TestSignalsAreForwarded(t *testing.T) {
	needNamespaces(t)
	sbx, dir := tool(t, "sbx"), project(t)
	// No shell traps what was ignored when it began, as SIGHUP is below nohup.
	ours := make(chan os.Signal, 1)
	signal.Notify(ours, syscall.SIGHUP)
	defer signal.Stop(ours)
	var all sync.WaitGroup
	for sig, name := range map[syscall.Signal]string{
		syscall.SIGTERM: "TERM", syscall.SIGINT: "INT", syscall.SIGHUP: "HUP", syscall.SIGUSR1: "USR1", syscall.SIGUSR2: "USR2", syscall.SIGQUIT: "QUIT",
	} {
		for _, mode := range []string{"--init", "--no-init"} {
			all.Go(func() {
				if err := signalled(sbx, dir, mode, sig, name); err != nil {
					t.Errorf("%s, %s: %v", name, mode, err)
				}
			})
		}
	}
	all.Wait()
}

// signalled sends a signal to a sandbox whose command ends at it.
func signalled(sbx, dir, mode string, sig syscall.Signal, name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), testenv.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, sbx, "run", mode, "--", "sh", "-c", "trap 'exit 42' "+name+"; echo ready; sleep 100 & wait")
	cmd.Dir = dir
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	if _, err := out.Read(make([]byte, 16)); err != nil {
		return errors.Join(err, cmd.Wait())
	}
	// The first 10 ms belong to sbx, see session.go, and on a busy machine they are long.
	time.Sleep(time.Second)
	if err := cmd.Process.Signal(sig); err != nil {
		return err
	}
	err = cmd.Wait()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 42 {
		return fmt.Errorf("want exit code 42: %v", err)
	}
	return nil
}

// TestStoppedCommandEnds: one that is stopped is ended all the same (R4).
func TestStoppedCommandEnds(t *testing.T) {
	needNamespaces(t)
	cmd := exec.Command(tool(t, "sbx"), "run", "--timeout", "300ms", "--", "sh", "-c", "kill -STOP $$")
	cmd.Dir = project(t)
	start := time.Now()
	err := cmd.Run()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != exitTimeout || time.Since(start) > testenv.Patience {
		t.Errorf("%v after %v", err, time.Since(start))
	}
}
