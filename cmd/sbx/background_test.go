package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestBackground: a job in the background runs as long as it does not read the terminal, and
// has that when it comes to the front (docker/cli#6005).
func TestBackground(t *testing.T) {
	y := shell(t)
	y.Types("sbx run -q -- sh -c 'echo >ran; until test -e go; do sleep 0.1; done; echo over >over' >log 2>&1 &\n")
	y.Types("until test -e ran; do sleep 0.1; done; jobs | grep -o -e Running -e Stopped\n")
	y.Sees("Running\r\n")
	y.Types("sbx run -q -- sh -c 'echo >second' | cat & until test -e second; do sleep 0.1; done; echo pi''ped\n")
	y.Sees("piped\r\n")
	y.Types("touch go; until test -e over; do sleep 0.1; done; echo a''ll\n")
	y.Sees("all\r\n")
	y.Types("sbx run -q -- sh -c 'echo re''ady; head -n 1; stty -a | grep -o -e \"-*icanon\"' &\n")
	y.Sees("ready\r")
	y.Types("jobs | grep -o -e Running -e Stopped; fg\n")
	y.Sees("Running\r\n")
	y.Types("typed\n")
	y.Sees("\r\ntyped\r\nicanon\r\n")
	y.Sees("outer> ")
	y.Types("stty -a | grep -o -e '-*icanon'\n")
	y.Sees("'\r\nicanon")
}

// TestBackgroundAfterStop: a job that was stopped goes on in the background.
func TestBackgroundAfterStop(t *testing.T) {
	for _, with := range []string{"", " >log", " | cat"} {
		y := shell(t)
		y.Types("sbx run -q -- sh -c 'echo >ran; until test -e go; do sleep 0.1; done; echo over >over'" + with + "\n")
		until(t, "the command", func() bool { return exists(filepath.Join(y.Dir(), "ran")) })
		time.Sleep(firstMoments)
		y.Types("\x1a")
		y.Sees("Stopped")
		y.Types("bg; touch go; until test -e over; do sleep 0.1; done; echo do''ne\n")
		y.Sees("done\r\n")
	}
}

// TestAttachInBackground does not stop before the terminal is wanted either.
func TestAttachInBackground(t *testing.T) {
	_, sbx := lives(t)
	defer sbx("rm", "-f", "box")
	y := shell(t)
	y.Types("sbx run -di --name box -- sh -c 'until test -e go; do sleep 0.1; done; echo >over'\n")
	y.Sees("outer> ")
	y.Types("sbx attach box >log 2>&1 & sleep 0.5; jobs | grep -o -e Running -e Stopped\n")
	y.Sees("Running\r\n")
	y.Types("touch go; wait; echo do''ne\n")
	y.Sees("done\r\n")
}

// TestTerminalOfPipe: a command that was given a terminal ends at the end of its input, for each
// program that reads it (containers/podman#23931).
func TestTerminalOfPipe(t *testing.T) {
	for _, c := range []struct{ in, command, want string }{
		{"echo a''ha\n", "exec bash --norc --noprofile", "aha\r\n"},
		{"echo a''ha\n", "sleep 0.3; exec bash --norc --noprofile", "aha\r\n"},
		{"echo a''ha", "exec bash --norc --noprofile", "aha\r\n"},
		{"", "exec bash --norc --noprofile", "exit"},
		{"echo a''ha\n", "exec sh", "aha\r\n"},
		{"one\n", "cat; sleep 0.3; cat; echo end", "end\r\n"},
		{"one", "stty -echo; sleep 0.3; cat; echo :end", "one:end\r\n"},
		{"print(3 * 14)", "exec python3 -q", "\r\n42\r\n"},
		{"", "stty eof x; cat; echo end", "end\r\n"},
	} {
		cmd := exec.Command(tool(t, "sbx"), "run", "-q", "-t", "--timeout", "30s", "--", "sh", "-c", c.command)
		cmd.Dir, cmd.Stdin = t.TempDir(), strings.NewReader(c.in)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), c.want) {
			t.Errorf("%q, given %q: %v, printed\n%q\nwant\n%q", c.command, c.in, err, out, c.want)
		}
	}
}

// TestExecLeavesBehind: exec returns when its command ends, with all its output, also if a child
// of the command still runs.
func TestExecLeavesBehind(t *testing.T) {
	dir, sbx := lives(t)
	sbx("run", "-d", "--name", "box", "--", "sleep", "1000")
	defer sbx("rm", "-f", "box")
	started := time.Now()
	for _, to := range []string{"", " | cat", " 2>&1 | cat", " >file; cat file", " >>file; cat file"} {
		command := tool(t, "sbx") + " exec box sh -c 'sleep 500 & head -c 2000000 /dev/zero; echo :last; exit 0'" + to
		cmd := exec.Command("sh", "-c", command)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.HasSuffix(string(out), "\x00:last\n") || len(out) < 2000000 {
			t.Errorf("%s: %v, %d bytes", command, err, len(out))
		}
	}
	if taken := time.Since(started); taken > 400*time.Second {
		t.Errorf("it waited %v", taken)
	}
	out, code := execs(t, dir, "", "box", "bash", "-c", "echo late > >(sleep 0.1; cat); exit 3")
	if out != "late\n" || code != 3 {
		t.Errorf("a process substitution: %q, exit code %d", out, code)
	}
	if out, code := execs(t, dir, "", "box", "sh", "-c", "yes & exit 4"); !strings.HasPrefix(out, "y\ny\n") || code != 4 {
		t.Errorf("what is left writes on: %d bytes, exit code %d", len(out), code)
	}
}

// TestPublishedIsSaid: the port that was chosen is known while the command runs.
func TestPublishedIsSaid(t *testing.T) {
	y := shell(t)
	y.Types("sbx run -p :3000 -- sh -c 'echo re''ady; exec sleep 60'\n")
	if before := y.Sees("\r\nready"); !strings.Contains(before, "127.0.0.1:") {
		t.Errorf("before the command began, it printed %q", before)
	}
	time.Sleep(firstMoments)
	y.Types("\x03")
	y.Sees("outer> ")
}
