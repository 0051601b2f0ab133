package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sbxrun/sbx/cmd/internal/testenv"
	"github.com/sbxrun/sbx/sandbox/control"
	"github.com/sbxrun/sbx/sandbox/procs"
	"github.com/sbxrun/sbx/sandbox/state"
)

func matches(pattern, text string) bool {
	return regexp.MustCompile("^" + pattern + "$").MatchString(text)
}

func length(t *testing.T, name string) int64 {
	t.Helper()
	st, err := os.Stat(name)
	if err != nil {
		return 0
	}
	return st.Size()
}

// TestPauseHoldsAll pauses what lives in one process after the other. None of them slips
// through, whether the command is the first process or not.
func TestPauseHoldsAll(t *testing.T) {
	for _, flag := range []string{"--init", "--init=false"} {
		dir, sbx := lives(t)
		t.Cleanup(func() { _ = exec.Command(tool(t, "sbx"), "rm", "-f", "hopper", "other").Run() })
		sbx("run", "-d", "--name", "hopper", flag, "-v", tool(t, "hostile")+":/tmp/hostile:ro", "--", "sh", "-c",
			"/tmp/hostile hop steps & while :; do echo x >>turns; (:); done")
		count := func() [2]int64 { return [2]int64{length(t, dir+"/steps"), length(t, dir+"/turns")} }
		for round := range 20 {
			before := count()
			goesOn := func() bool { now := count(); return now[0] > before[0] && now[1] > before[1] }
			for begun := time.Now(); !goesOn() && time.Since(begun) < testenv.Patience; time.Sleep(10 * time.Millisecond) {
			}
			if !goesOn() {
				b, _ := exec.Command("sh", "-c", "tail -n 3 $XDG_RUNTIME_DIR/sbx/boxes/*/log").CombinedOutput()
				t.Fatalf("%s, round %d: it does not go on: %v\n%s%s", flag, round, before, sbx("top", "hopper"), b)
			}
			sbx("pause", "hopper")
			until(t, "what the sandbox does", func() bool { return allHeld(t, sbx, "hopper") })
			before = count()
			time.Sleep(20 * time.Millisecond)
			if now := count(); now != before || !allHeld(t, sbx, "hopper") {
				t.Fatalf("%s: %v, and then %v", flag, before, now)
			}
			if r := recorded(t, sbx)[0]; r.Status != state.Paused {
				t.Errorf("%+v", r)
			}
			sbx("resume", "hopper")
		}
		// kill --all gets the one that hops, and the command.
		sbx("run", "-d", "--name", "other", "--", "sh", "-c", "trap 'echo all >>heard' USR1; sh -c 'trap \"echo all >>heard; exit\" USR1; : >>heard; while :; do sleep 0.02; done' & while :; do sleep 0.02; done")
		until(t, "what the sandbox does", func() bool { _, err := os.Stat(dir + "/heard"); return err == nil })
		time.Sleep(50 * time.Millisecond)
		sbx("kill", "-s", "USR1", "--all", "other")
		until(t, "what the sandbox does", func() bool { return length(t, dir+"/heard") == 8 })
		sbx("rm", "-f", "hopper", "other")
	}
}

// allHeld tells whether all processes of a sandbox are stopped, but for sbx-init, or wait
// for one that is: who forks by vfork(2) does, until it executes something.
func allHeld(t *testing.T, sbx func(...string) string, box string) bool {
	t.Helper()
	var list []procs.Process
	if err := json.Unmarshal([]byte(sbx("top", "--json", box)), &list); err != nil || len(list) < 2 {
		t.Fatalf("%v: %v", list, err)
	}
	for _, p := range list {
		if p.Name != "sbx-init" && !strings.Contains("TDZ", p.State) {
			return false
		}
	}
	return true
}

// TestPaused: what one can do with a paused sandbox, and what is refused.
func TestPaused(t *testing.T) {
	dir, sbx := lives(t)
	fails := func(want string, args ...string) {
		t.Helper()
		cmd := exec.Command(tool(t, "sbx"), args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 125 || string(out) != want {
			t.Errorf("sbx %q: %v, %q", args, err, out)
		}
	}
	begin := func() {
		sbx("run", "-d", "--name", "box", "--", "sh", "-c", "trap 'exit 5' TERM; trap 'echo usr >>heard' USR1; : >ready; while :; do sleep 0.02; done")
		until(t, "what the sandbox does", func() bool { return os.Remove(dir+"/ready") == nil })
	}
	begin()
	fails("sbx: box: it is not paused\n", "resume", "box")
	sbx("pause", "box")
	fails("sbx: box: it is paused already\n", "pause", "box")
	fails("sbx: box: it is paused\nsbx: hint: sbx resume box\n", "kill", "-s", "CONT", "box")
	fails("sbx: box: SIGSTOP would stop some of the sandbox\nsbx: hint: sbx pause box stops all of it\n", "kill", "-s", "STOP", "box")
	if out := sbx("ps"); !strings.Contains(out, "(paused)") {
		t.Errorf("%s", out)
	}
	// A signal waits.
	sbx("kill", "-s", "USR1", "box")
	time.Sleep(100 * time.Millisecond)
	if length(t, dir+"/heard") != 0 {
		t.Error("a signal has come to what is paused")
	}
	sbx("resume", "box")
	until(t, "what the sandbox does", func() bool { return length(t, dir+"/heard") == 4 })
	// Who is asked to end goes on for that, and has its own way.
	sbx("pause", "box")
	sbx("stop", "box")
	if code := sbx("wait", "box"); code != "5\n" {
		t.Errorf("stop: %s", code)
	}
	fails("sbx: box: it does not run\n", "pause", "box")
	sbx("rm", "box")
	for _, end := range [][]string{{"kill", "box"}, {"stop", "-t", "0", "box"}} {
		begin()
		sbx("pause", "box")
		sbx(end...)
		if code := sbx("wait", "box"); code != "137\n" {
			t.Errorf("%q: %s", end, code)
		}
		sbx("rm", "box")
	}
	begin()
	sbx("pause", "box")
	sbx("rm", "-f", "box")
}

// TestPauseAtTerminal: a pause is not a job that stops, and a job that stops is one all the
// same.
func TestPauseAtTerminal(t *testing.T) {
	_, sbx := lives(t)
	y := shell(t)
	y.Types("sbx run --name front -- sh -c 'echo ready; i=0; while :; do sleep 0.1; i=$((i+1)); echo tick $i; done'\n")
	y.Sees("\r\nready")
	y.Sees("tick 3\r\n")
	sbx("pause", "front")
	time.Sleep(300 * time.Millisecond)
	sbx("resume", "front")
	if seen := y.Sees("tick 8\r\n"); strings.Contains(seen, "outer>") || strings.Contains(seen, "Stopped") {
		t.Errorf("%q", seen)
	}
	time.Sleep(moment)
	y.Types("\x1a")
	y.Sees("Stopped")
	y.Sees("outer> ")
	y.Types("fg\n")
	y.Sees("\r\ntick") // and not its line, which the shell shows before it hands the terminal over
	y.Types("\x03")
	y.Sees("outer> ")
}

// TestPauseMeetsWhoEnters: a pause waits for who is about to run something in the sandbox,
// and for whom no signal there would be. It lets nobody else begin to, and gives up in the end.
func TestPauseMeetsWhoEnters(t *testing.T) {
	dir, sbx := lives(t)
	sbx("run", "-d", "--name", "box", "--", "sleep", "1000")
	defer sbx("rm", "-f", "box")
	conn := halfway(t, "box")
	pause := exec.Command(tool(t, "sbx"), "pause", "box")
	if err := pause.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "that nobody else may enter", func() bool {
		out, code := execs(t, dir, "", "box", "true")
		return code == 125 && strings.Contains(out, "it is paused")
	})
	if r := recorded(t, sbx)[0]; r.Status != state.Running {
		t.Errorf("who entered was not waited for: %+v", r)
	}
	conn.Close()
	if err := pause.Wait(); err != nil {
		t.Error(err)
	}
	if r := recorded(t, sbx)[0]; r.Status != state.Paused {
		t.Errorf("%+v", r)
	}
	sbx("resume", "box")

	defer halfway(t, "box").Close()
	out, err := exec.Command(tool(t, "sbx"), "pause", "box").CombinedOutput()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 125 || string(out) != "sbx: box: a command of sbx exec does not come to run in it\nsbx: hint: end that sbx exec, or try again\n" {
		t.Errorf("%v: %s", err, out)
	}
	if out, code := execs(t, dir, "", "box", "echo", "on"); out != "on\n" || code != 0 {
		t.Errorf("it does not go on: %d, %s", code, out)
	}
}

// halfway is the connection of somebody who has asked what it takes to enter.
func halfway(t *testing.T, box string) *control.Conn {
	t.Helper()
	_, files, conn, err := enterBox(box)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		f.Close()
	}
	return conn
}
