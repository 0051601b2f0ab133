package sandbox

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/userns"
)

// begun starts a sandbox whose command is a script, and gives what it prints. It is
// ended with the test.
func begun(t *testing.T, script string, change func(*Cmd)) (*Cmd, *bufio.Reader) {
	t.Helper()
	project := t.TempDir()
	c := New(context.Background(), Spec{Project: project, Writable: []string{project}})
	c.Spec.OCI.Process = &specs.Process{Args: []string{"/bin/sh", "-c", script}, Env: []string{"PATH=/usr/bin:/bin"}}
	if change != nil {
		change(c)
	}
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if c.Stderr == nil {
		c.Stderr = os.Stderr
	}
	c.Stdout = in
	h, err := Probe(c.Spec)
	if err != nil {
		t.Fatal(err)
	}
	needSandbox(t, h, c.Spec)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	<-c.masks.set // what it opens is not what a test leaves
	in.Close()
	t.Cleanup(func() {
		_ = c.Signal(unix.SIGKILL) // it has ended
		_ = c.Wait()               // by what it was ended says nothing
		out.Close()
	})
	return c, bufio.NewReader(out)
}

func handle(t *testing.T, c *Cmd) *os.File {
	t.Helper()
	f, err := c.process.Handle()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func wantLine(t *testing.T, out *bufio.Reader, want string) {
	t.Helper()
	if line, err := out.ReadString('\n'); strings.TrimSpace(line) != want {
		t.Fatalf("the sandbox printed %q, want %q (%v)", line, want, err)
	}
}

// TestKillAll stops all processes of a sandbox, lets them go on, and ends all but the
// command, which ignores that.
func TestKillAll(t *testing.T) {
	c, out := begun(t, `while :; do echo tick; sleep 0.01; done & trap '' TERM; echo begun; wait; echo alone; sleep 1000`, nil)
	pidfd := handle(t, c)
	for line := ""; line != "begun\n"; {
		var err error
		if line, err = out.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	states := func() (all string) {
		for _, pid := range descendants(c.PID())[1:] {
			b, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat") // it has ended
			if _, rest, ok := strings.Cut(string(b), ") "); ok {
				all += rest[:1]
			}
		}
		return all
	}
	if err := KillAll(pidfd, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	// A shell whose child was stopped between vfork and execve waits for that in the kernel (D).
	eventually(t, "all stopped", func() bool { s := states(); return s != "" && strings.Trim(s, "TZD") == "" })
	before := states()
	time.Sleep(50 * time.Millisecond)
	if now := states(); now != before {
		t.Errorf("what was stopped went on: %s, then %s", before, now)
	}
	if err := KillAll(pidfd, unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	eventually(t, "going on", func() bool { return strings.Contains(states(), "S") })
	told := make(chan struct{})
	go func() {
		defer close(told)
		_ = KillAll(pidfd, unix.SIGTERM) // that one is shown by what is printed
	}()
	for {
		line, err := out.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if line == "alone\n" {
			break
		}
	}
	<-told
	if err := c.Signal(unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait() // by SIGKILL
	if err := KillAll(pidfd, unix.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("in a sandbox that has ended: %v", err)
	}
	if _, err := RootFD(pidfd); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("the root of a sandbox that has ended: %v", err)
	}
	noProcessLeft(t)
}

// TestRootFD reads and writes what is in a sandbox alone.
func TestRootFD(t *testing.T) {
	c, out := begun(t, `echo inside > /tmp/file; ln -s /etc/hostname /tmp/link; echo begun; sleep 1000`, func(c *Cmd) { c.Spec.OCI.Hostname = "sbx" })
	wantLine(t, out, "begun")
	root, err := RootFD(handle(t, c))
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for path, want := range map[string]string{"tmp/file": "inside\n", "tmp/link": "sbx\n"} {
		fd, err := unix.Openat2(int(root.Fd()), path, &unix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		f := os.NewFile(uintptr(fd), path)
		if b, err := io.ReadAll(f); string(b) != want {
			t.Errorf("%s has %q, want %q (%v)", path, b, want, err)
		}
		f.Close()
	}
}

// TestWithinFails: each step of what enters a sandbox fails in turn, is named, and
// leaves nothing.
func TestWithinFails(t *testing.T) {
	c, out := begun(t, "echo begun; sleep 1000", nil)
	wantLine(t, out, "begun")
	pidfd := handle(t, c)
	before := look(t)
	for _, p := range []userns.Plan{killAllPlan(unix.SIGCONT), rootPlan()} {
		plans, steps, index := faulty(p)
		for i, q := range plans {
			_, err := q.Run(userns.Input{Files: map[userns.FD]*os.File{enteredPID: pidfd}, Receive: func(_ userns.FD, f *os.File, _ *userns.Process) error { return f.Close() }}, nil)
			var step *userns.StepError
			if !errors.As(err, &step) || step.Index != index[i] || step.Err != unix.EXFULL || !strings.HasPrefix(err.Error(), steps[i].String()) {
				t.Errorf("%s: the error is %v", steps[i], err)
			}
			if after := look(t); after != before {
				t.Errorf("%s: left behind\n%v\nafter\n%v", steps[i], after, before)
			}
		}
	}
	noChildBut(t, c.PID())
}

// noProcessLeft fails where this process has a child.
func noProcessLeft(t *testing.T) { t.Helper(); noChildBut(t) }

func noChildBut(t *testing.T, known ...int) {
	t.Helper()
	for _, pid := range descendants(os.Getpid())[1:] {
		is := false
		for _, k := range known {
			for _, below := range descendants(k) {
				is = is || pid == below
			}
		}
		if !is {
			t.Errorf("process %d, %s, is left", pid, named(pid))
		}
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range 1000 {
		if is() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("not %s within 10 seconds", what)
}
