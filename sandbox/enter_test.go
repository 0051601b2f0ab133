package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/userns"
)

// entered is the Entry of a Spec, as it would be made.
func entered(t *testing.T, s Spec, h Host) Entry {
	t.Helper()
	s.Enterable = true
	done, _, err := Complete(s, h)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(done, h)
	if err != nil {
		t.Fatal(err)
	}
	e, err := newEntry(done, h, p)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestEntryPlans compares whole plans of who enters with golden files.
func TestEntryPlans(t *testing.T) {
	rootfs := build("/bin/sh")
	rootfs.View, rootfs.OCI.Root = Rootfs, &specs.Root{Path: "/srv/root"}
	weak := build("make")
	weak.HostNetwork, weak.HostClock, weak.Unconfined = true, true, true
	bare := laptop()
	bare.Landlock = 0
	weak.Degraded = []string{"landlock"}
	for _, c := range []struct {
		name  string
		entry Entry
		p     specs.Process
		user  uint32
		leave bool
	}{
		{"enter-host", entered(t, build("make"), laptop()), specs.Process{Args: []string{"ls", "-l"}}, 1000, false},
		{"enter-terminal", entered(t, rootfs, laptop()), specs.Process{Args: []string{"sh"}, Terminal: true, ConsoleSize: &specs.Box{Height: 24, Width: 80}}, 0, false},
		{"enter-user", entered(t, rootfs, laptop()), specs.Process{Args: []string{"sh"}, Cwd: "/tmp"}, 33, false},
		{"enter-leave", entered(t, build("make"), laptop()), specs.Process{Args: []string{"sleep", "9"}}, 1000, true},
		{"enter-weak", entered(t, weak, bare), specs.Process{Args: []string{"ls"}}, 1000, false},
	} {
		p := c.entry.Process
		p.Args, p.Terminal, p.ConsoleSize = c.p.Args, c.p.Terminal, c.p.ConsoleSize
		if c.p.Cwd != "" {
			p.Cwd = c.p.Cwd
		}
		p.Capabilities = c.entry.capabilities(c.user)
		p.User.UID, p.User.GID = c.user, c.user
		plan, err := compileEntry(c.entry, p, nil, c.leave)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, c.name, plan)
	}
}

// TestEntryAsJSON: nothing of it is lost on the way, and secrets are only in the
// message.
func TestEntryAsJSON(t *testing.T) {
	s := build("make")
	s.Secrets = []Secret{{Name: "s", Env: "TOKEN", Value: "hush"}}
	e := entered(t, s, laptop())
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadEntry(b)
	if diff := cmp.Diff(e, got, cmp.AllowUnexported(Entry{})); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if !bytes.Contains(b, []byte("TOKEN=hush")) {
		t.Error("the secret is not in the message")
	}
	for _, shown := range []string{fmt.Sprint(e), fmt.Sprintf("%+v", e), fmt.Sprintf("%#v", e)} {
		if strings.Contains(shown, "hush") {
			t.Errorf("the secret is shown: %s", shown)
		}
	}
	if _, err := ReadEntry(bytes.Replace(b, []byte(`"version":1`), []byte(`"version":99`), 1)); err == nil || Hint(err) == "" {
		t.Errorf("an entry of another version: %v", err)
	}
	if _, err := ReadEntry([]byte("{")); err == nil {
		t.Error("half an entry")
	}
	if _, secrets := e.environment([]string{"TOKEN=mine"}); len(secrets) != 0 {
		t.Error("a secret comes through a variable of the same name")
	}
}

// TestNotToBeEntered: what cannot be confined as the command is, is refused.
func TestNotToBeEntered(t *testing.T) {
	notify := build("make")
	notify.OCI.Linux = &specs.Linux{Seccomp: &specs.LinuxSeccomp{
		DefaultAction: specs.ActAllow, ListenerPath: "/run/x", Syscalls: []specs.LinuxSyscall{{Names: []string{"mkdir"}, Action: specs.ActNotify}},
	}}
	free := build("make")
	free.NoInit, free.HostClock, free.UserNS = true, true, true
	for want, s := range map[string]Spec{"notifies": notify, "first process": free} {
		s.Enterable = true
		done, _, err := Complete(s, laptop())
		if err != nil {
			t.Fatal(err)
		}
		p, err := Compile(done, laptop())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := newEntry(done, laptop(), p); err == nil || !strings.Contains(err.Error(), want) || Hint(err) == "" {
			t.Errorf("%s: %v", want, err)
		}
	}
	held := build("make")
	held.NoInit, held.HostClock = true, true
	entered(t, held, laptop())
}

// enterable starts a sandbox that can be entered.
func enterable(t *testing.T, change func(*Cmd)) *Cmd {
	t.Helper()
	c, out := begun(t, "echo begun; sleep 1000", func(c *Cmd) {
		c.Spec.Enterable = true
		if change != nil {
			change(c)
		}
	})
	wantLine(t, out, "begun")
	return c
}

// enter makes a command in a sandbox.
func enter(t testing.TB, c *Cmd, args ...string) *Cmd {
	t.Helper()
	entry, files, err := c.Entry()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeAll(files) })
	return Enter(context.Background(), entry, files, specs.Process{Args: args})
}

// output runs a command and gives all that it wrote.
func output(c *Cmd) (string, error) {
	var b bytes.Buffer
	c.Stdout, c.Stderr = &b, &b
	err := c.Run()
	return b.String(), err
}

// confinement prints all by which the kernel confines a process.
const confinement = `for n in user mnt pid ipc uts cgroup net time; do readlink /proc/self/ns/$n; done
	grep -e Cap -e NoNewPrivs -e Seccomp -e Groups -e Uid -e Gid -e Umask -e SigBlk -e SigIgn /proc/self/status
	cat /proc/self/limits; ls -l /proc/self/fd | wc -l; pwd; env; readlink /proc/self/root`

// TestEnter: a command that enters is confined as the sandbox's own is.
func TestEnter(t *testing.T) {
	var own bytes.Buffer
	box := func(c *Cmd) {
		c.Spec.Enterable = true
		c.Spec.OCI.Hostname = "box"
		c.Spec.OCI.Process.Env = append(c.Spec.OCI.Process.Env, "COLOUR=red")
		c.Spec.Secrets = []Secret{{Name: "s", Env: "TOKEN", Value: "hush"}}
		c.Spec.OCI.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NPROC", Soft: 3000, Hard: 3000}}
	}
	c, out := begun(t, confinement+"; echo; sleep 1000", box)
	for {
		line, err := out.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if line == "\n" {
			break
		}
		own.WriteString(line)
	}
	got, err := output(enter(t, c, "/bin/sh", "-c", confinement))
	if err != nil {
		t.Fatalf("%v\n%s", err, got)
	}
	if diff := cmp.Diff(strings.Split(own.String(), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("(-command +entered):\n%s", diff)
	}
	in := enter(t, c, "/bin/sh", "-c", "hostname; echo $COLOUR $TOKEN; pwd")
	in.Spec.OCI.Process.Env, in.Spec.OCI.Process.Cwd = []string{"COLOUR=blue"}, "/tmp"
	if got, err := output(in); got != "box\nblue hush\n/tmp\n" {
		t.Errorf("%q, %v", got, err)
	}
	// Files that may not be written, though by mounts alone they could be; a call that is
	// filtered; and a signal, which reaches the sandbox's own.
	for script, want := range map[string]string{
		"echo x > /tmp/file && cat /tmp/file": "x\n", "touch /etc/x 2>&1 | grep -c -i read-only": "1\n",
		"unshare --user true 2>&1 | grep -c -i permitted": "1\n",
	} {
		if got, _ := output(enter(t, c, "/bin/sh", "-c", script)); got != want {
			t.Errorf("%s: %q, want %q", script, got, want)
		}
	}
	noChildBut(t, c.PID())
}

// TestEnterCodes: what a command ends with, and what is said when it cannot be begun.
func TestEnterCodes(t *testing.T) {
	c := enterable(t, nil)
	var exit *ExitError
	for script, code := range map[string]int{"exit 3": 3, "kill -TERM $$": 128 + 15, "kill -KILL $$": 128 + 9} {
		if _, err := output(enter(t, c, "/bin/sh", "-c", script)); !errors.As(err, &exit) || exit.Code() != code {
			t.Errorf("%s: %v", script, err)
		}
	}
	for _, bad := range []struct {
		change func(*Cmd)
		want   string
	}{
		{func(c *Cmd) { c.Spec.OCI.Process.Args = []string{"nosuch"} }, "in no directory of PATH"},
		{func(c *Cmd) { c.Spec.OCI.Process.Args = []string{"/etc/passwd"} }, "permission denied"},
		{func(c *Cmd) { c.Spec.OCI.Process.Args = []string{"/proc/self/exe"} }, "too many levels"}, // CVE-2019-5736
		{func(c *Cmd) { c.Spec.OCI.Process.Cwd = "/nowhere" }, "chdir /nowhere"},
		{func(c *Cmd) { c.Spec.OCI.Process.Cwd = "/proc/self/fd/3" }, "chdir /proc/self/fd/3"}, // CVE-2024-21626
		{func(c *Cmd) { c.Spec.User = "games" }, "the sandbox has one id"},
		{func(c *Cmd) { c.Spec.User = "nobody-of-that-name" }, "nobody-of-that-name"},
		{func(c *Cmd) { delete(c.entering.files, enteredPID) }, "no descriptor came"},
	} {
		in := enter(t, c, "/bin/true")
		bad.change(in)
		before := look(t)
		if out, err := output(in); err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("want an error with %q, got %v\n%s", bad.want, err, out)
		}
		if after := look(t); after != before {
			t.Errorf("%s: left behind\n%v\nafter\n%v", bad.want, after, before)
		}
	}
	noChildBut(t, c.PID())
}

// TestEnterEveryStepFails makes each step of who enters fail in turn. The error names
// it, and nothing is left.
func TestEnterEveryStepFails(t *testing.T) {
	c := enterable(t, nil)
	for _, change := range []func(*Cmd){func(*Cmd) {}, func(c *Cmd) { c.Spec.OCI.Process.Terminal = true }, (*Cmd).Leave} {
		broken := enter(t, c, "/bin/true")
		change(broken)
		p, spec, err := broken.prepareEntering()
		if err == nil {
			err = broken.joinClock()
		}
		if err != nil {
			t.Fatal(err)
		}
		before := look(t)
		plans, steps, index := faulty(p)
		for i, q := range plans {
			var handed []*os.File // are kept: a terminal would hang up
			child, err := q.Start(userns.Input{Files: broken.entering.files, Receive: func(_ userns.FD, f *os.File, _ *userns.Process) error {
				handed = append(handed, f)
				return nil
			}})
			closeAll(handed)
			if err == nil {
				_, _ = child.Wait()
				t.Fatalf("%s: the fault was no error", steps[i])
			}
			var step *userns.StepError
			if !errors.As(err, &step) || step.Index != index[i] || step.Err != unix.EXFULL ||
				!strings.HasPrefix(err.Error(), steps[i].String()) && !strings.HasPrefix(steps[i].String(), "fork") {
				t.Errorf("%s: the error is %v", steps[i], err)
			}
			if explained := explainEntering(err, spec, broken.entering.files[enteredPID]); errors.Is(explained, os.ErrProcessDone) {
				t.Errorf("%s: the sandbox is said to have ended", steps[i])
			}
			if after := look(t); after.leaves(before) {
				t.Fatalf("%s: left behind\n%v\nafter\n%v", steps[i], after, before)
			}
		}
		broken.entering.files[enteredClock].Close()
		eventually(t, "alone", func() bool { return len(descendants(c.PID())) == 3 })
	}
	noChildBut(t, c.PID())
}

// TestEnterEnds: who enters ends with the sandbox, and none enters one that has ended.
func TestEnterEnds(t *testing.T) {
	c := enterable(t, nil)
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	inside, late := enter(t, c, "/bin/sh", "-c", "echo there; sleep 1000"), enter(t, c, "/bin/true")
	inside.Stdout = in
	if err := inside.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	if _, err := out.Read(make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	if err := c.Signal(unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait() // by SIGKILL
	var exit *ExitError
	if err := inside.Wait(); !errors.As(err, &exit) || exit.Code() != 128+9 {
		t.Errorf("it ended with %v", err)
	}
	if err := late.Run(); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("one came late: %v", err)
	}
	if _, _, err := c.Entry(); err == nil {
		t.Error("an entry to what has ended")
	}
	noProcessLeft(t)
}

// TestEndWaitsForNobody: a sandbox ends although who entered it has been stopped, as
// Control-Z does it, and collects nobody. It would not if the command were his child.
func TestEndWaitsForNobody(t *testing.T) {
	c := enterable(t, nil)
	inside := enter(t, c, "/bin/sleep", "1000")
	blocked := make(chan struct{})
	// The one that would collect it does not come to it.
	err := inside.begin(func(p userns.Plan, in userns.Input) error {
		started := make(chan error, 1)
		go func() {
			_, err := p.Run(in, func(*userns.Process) {
				started <- nil
				<-blocked
			})
			started <- err
		}()
		return <-started
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = c.Signal(unix.SIGKILL) // it runs
		_ = c.Wait()               // by SIGKILL
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the sandbox does not end")
	}
	close(blocked)
	<-ended
	eventually(t, "collected", func() bool { return len(descendants(os.Getpid())) == 1 })
}

// TestEnterSignals: signals reach the command, and it stops and goes on.
func TestEnterSignals(t *testing.T) {
	c := enterable(t, nil)
	// It forks beforehand: a shell waits for a child that has not executed yet (vfork(2)), and does
	// not stop when that does.
	inside := enter(t, c, "/bin/sh", "-c", "trap 'echo heard; exit 4' USR1; sleep 1000 & echo there; wait")
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	inside.Stdout = in
	stopped := make(chan os.Signal, 1)
	inside.Stopped = func(sig unix.Signal) { stopped <- sig }
	if err := inside.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	if _, err := out.Read(make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	if err := inside.Signal(unix.SIGTSTP); err != nil {
		t.Fatal(err)
	}
	select {
	case sig := <-stopped:
		if sig != unix.SIGTSTP {
			t.Errorf("stopped by %v", sig)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it does not stop")
	}
	for _, sig := range []unix.Signal{unix.SIGCONT, unix.SIGUSR1} {
		if err := inside.Signal(sig); err != nil {
			t.Fatal(err)
		}
	}
	var exit *ExitError
	if err := inside.Wait(); !errors.As(err, &exit) || exit.Code() != 4 {
		t.Errorf("it ended with %v", err)
	}
}

// TestLeave: what is left goes on without who entered, and ends with the sandbox.
func TestLeave(t *testing.T) {
	c := enterable(t, nil)
	inside := enter(t, c, "/bin/sh", "-c", "echo left > /tmp/left; exec sleep 1234")
	inside.Leave()
	if err := inside.Run(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "there", func() bool {
		out, err := output(enter(t, c, "/bin/sh", "-c", "cat /tmp/left && cat /proc/[0-9]*/cmdline | tr '\\0' ' '"))
		return err == nil && strings.HasPrefix(out, "left") && strings.Count(out, "sleep 1234") == 1
	})
}

// TestManyEnter: 300 at once.
func TestManyEnter(t *testing.T) {
	c := enterable(t, nil)
	var group sync.WaitGroup
	var mu sync.Mutex
	var failed []error
	for n := range 300 {
		inside := enter(t, c, "/bin/echo", fmt.Sprint(n))
		group.Go(func() {
			out, err := output(inside)
			if err == nil && out != fmt.Sprintln(n) {
				err = fmt.Errorf("%d printed %q", n, out)
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = append(failed, err)
			}
		})
	}
	group.Wait()
	for _, err := range failed[:min(3, len(failed))] {
		t.Errorf("%d failed: %v", len(failed), err)
	}
	if procs := descendants(c.PID()); len(procs) != 3 {
		t.Errorf("%d processes are left in the sandbox", len(procs))
	}
	noChildBut(t, c.PID())
}

// TestEntryRulesAreTheFiles: the rules are of the files that were there when the sandbox
// was made, though its command puts a link in their place.
func TestEntryRulesAreTheFiles(t *testing.T) {
	host, err := Probe(Spec{})
	if err != nil {
		t.Fatal(err)
	}
	if host.Landlock == 0 {
		skip(t, errors.New("no Landlock"))
	}
	shown := t.TempDir()
	c, out := begun(t, "mkdir /home/dir; mv /home/at /home/away && ln -s / /home/at; ls -l /home/at/ >/dev/null && echo begun; sleep 1000", func(c *Cmd) {
		c.Spec.Enterable = true
		c.Spec.OCI.Mounts = []specs.Mount{bind(shown, "/home/at/shown", "rw")}
	})
	wantLine(t, out, "begun")
	got, err := output(enter(t, c, "/bin/sh", "-c", "echo x > /home/away/shown/x && cat /home/away/shown/x"))
	if got != "x\n" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if b, err := os.ReadFile(shown + "/x"); string(b) != "x\n" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
}
