package userns

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/idmap"
)

func needNamespaces(t testing.TB) {
	t.Helper()
	p := Plan{User, []Step{Exit{0}}}
	child, err := p.Start(Input{})
	if err == nil {
		_, err = child.Wait()
	}
	if err != nil && os.Getenv("SBX_MUST_WORK") == "1" {
		t.Fatal(err)
	} else if err != nil {
		t.Skip(err)
	}
}

// needRanges gives maps with root as the caller, and another id.
func needRanges(t testing.TB) (uids, gids idmap.Map) {
	t.Helper()
	needNamespaces(t)
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	u, g, err := idmap.Granted(uint32(os.Getuid()), me.Username)
	if missing := idmap.FindHelpers().Missing(); missing != "" {
		err = fmt.Errorf("no %s", missing)
	}
	if err == nil && len(u) > 0 && len(g) > 0 {
		return idmap.Root(uint32(os.Getuid()), u), idmap.Root(uint32(os.Getgid()), g)
	}
	if os.Getenv("SBX_MUST_WORK") == "1" {
		t.Fatal("no subordinate ids: ", err)
	}
	t.Skip("no subordinate ids: ", err)
	return nil, nil
}

// pid1 is a plan with a PID 1 that reaps, and a shell script as command.
func pid1(script string) Plan {
	uid, gid := uint32(os.Getuid()), uint32(os.Getgid())
	return Plan{User | Mounts | PID, []Step{
		DieWithSupervisor{}, MapSelf{idmap.Single(uid, uid), idmap.Single(gid, gid)}, Seal{},
		Mount{Type: "proc", Target: "/proc"}, NewSession{}, AwaitSupervisor{},
		Fork{Init: []Step{SetCaps{}, NoNewPrivs{}}},
		DropBounding{}, SetCaps{}, NoNewPrivs{}, Stdio{}, CloseOnExec{}, RestoreSignals{}, AwaitInit{},
		Exec{Paths: []string{"/bin/sh"}, Argv: []string{"sh", "-c", script}, Env: []string{"PATH=/usr/bin:/bin"}},
	}}
}

func statusOf(t *testing.T, p Plan, in Input) syscall.WaitStatus {
	t.Helper()
	child, err := p.Start(in)
	if err != nil {
		t.Fatal(err)
	}
	s, err := child.Wait()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStatusIsTheCommands(t *testing.T) {
	needNamespaces(t)
	if s := statusOf(t, pid1("exit 7"), Input{}); s.ExitStatus() != 7 {
		t.Errorf("exit 7: %v", s)
	}
	if s := statusOf(t, pid1("kill -9 $$"), Input{}); !s.Signaled() || s.Signal() != syscall.SIGKILL {
		t.Errorf("kill -9: %v", s)
	}
	// An exit code above 128 is no signal.
	if s := statusOf(t, pid1("exit 137"), Input{}); s.Signaled() || s.ExitStatus() != 137 {
		t.Errorf("exit 137: %v", s)
	}
	s, err := pid1("exit 3").Run(Input{}, nil)
	if err != nil || s.ExitStatus() != 3 {
		t.Errorf("Run: %v, %v", s, err)
	}
}

// TestOthersKeepTheirMemory: the kernel closes the memory of who becomes another
// user, with all who share it. It must not be the caller's, whose next sandbox could
// not be made: the files of its child in /proc would be nobody's.
func TestOthersKeepTheirMemory(t *testing.T) {
	uids, gids := needRanges(t)
	become := func(middle ...Step) Plan {
		steps := append([]Step{DieWithSupervisor{}, AwaitMaps{uids, gids, idmap.FindHelpers()}, AwaitSupervisor{}}, middle...)
		return Plan{User | PID, append(steps, SetUser{UID: 1, GID: 1, Groups: []uint32{}}, Stdio{}, CloseOnExec{}, RestoreSignals{},
			Exec{Paths: []string{"/bin/true"}, Argv: []string{"true"}})}
	}
	for name, p := range map[string]Plan{
		"without PID 1": become(),
		"behind a fork": become(Fork{Copy: true}, AwaitInit{}),
	} {
		if s := statusOf(t, p, Input{}); s != 0 {
			t.Errorf("%s: %v", name, s)
		}
		if open, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || open != 1 {
			t.Errorf("%s: this process is closed now: %d, %v", name, open, err)
		}
		if s := statusOf(t, pid1("exit 7"), Input{}); s.ExitStatus() != 7 {
			t.Errorf("the next one %s: %v", name, s)
		}
	}
}

// beginning is what pid1 and the plans of TestEarly begin with.
func beginning(t *testing.T) *Early {
	t.Helper()
	p := pid1("")
	early, err := Begin(Plan{p.Namespaces, p.Steps[:2]})
	if err == nil {
		err = early.Open(Plan{p.Namespaces, p.Steps[:4]})
	}
	if err != nil {
		t.Fatal(err)
	}
	if early.Open(Plan{p.Namespaces, p.Steps[:4]}) == nil {
		t.Error("it was opened with what it had begun with")
	}
	return early
}

// TestEarly has plans gone on with, and others not, which leaves nothing.
func TestEarly(t *testing.T) {
	needNamespaces(t)
	for i := range 20 {
		early := beginning(t)
		pid := early.begun.pid
		p, err := pid1("exit 5").Start(Input{Early: early, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr})
		if err != nil {
			t.Fatal(err)
		}
		if p.PID() != pid {
			t.Fatalf("run %d: process %d was begun, and %d runs", i, pid, p.PID())
		}
		if s, err := p.Wait(); err != nil || s.ExitStatus() != 5 {
			t.Fatalf("%v, %v", s, err)
		}
		early.End() // it was used, so this does nothing
	}
	other, faulty := pid1("exit 5"), pid1("exit 5")
	other.Steps[2] = Seal{NoDev}
	faulty.Steps[6] = Fault{faulty.Steps[6]}
	for _, c := range []struct {
		plan Plan
		in   Input
		ok   bool
	}{
		{Plan{User, []Step{Exit{5}}}, Input{}, true}, {Plan{User, []Step{Fault{Exit{0}}}}, Input{}, false},
		{other, Input{}, true}, {faulty, Input{}, false}, {pid1("exit 5"), Input{}, true}, // which has no streams of its own
	} {
		c.in.Early = beginning(t)
		s, err := c.plan.Run(c.in, nil)
		if c.ok != (err == nil && s.ExitStatus() == 5) {
			t.Errorf("%v: %v, %v", c.plan, s, err)
		}
	}
	beginning(t).End()
	if _, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); err != unix.ECHILD {
		t.Errorf("a child is left: %v", err)
	}
}

// TestEarlyChildDies, and its plan is run by another.
func TestEarlyChildDies(t *testing.T) {
	needNamespaces(t)
	early := beginning(t)
	if err := unix.Kill(early.begun.pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond)
	s, err := pid1("exit 4").Run(Input{Early: early, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}, nil)
	if err != nil || s.ExitStatus() != 4 {
		t.Errorf("%v, %v", s, err)
	}
}

// TestUnderPressure launches while the garbage collector runs and goroutines
// are busy: a call in the child that is not nosplit dies here.
func TestUnderPressure(t *testing.T) {
	needNamespaces(t)
	stop := make(chan struct{})
	var busy sync.WaitGroup
	for range 4 {
		busy.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_ = fmt.Sprint(strings.Repeat("x", 1000))
					runtime.GC()
				}
			}
		})
	}
	defer busy.Wait()
	defer close(stop)
	for i := range 60 {
		if s := statusOf(t, pid1(fmt.Sprintf("exit %d", i)), Input{}); s.ExitStatus() != i {
			t.Fatalf("launch %d: %v", i, s)
		}
	}
}

// TestPlanMistakes: a plan that cannot be lowered is a bug, and is told as one
// before anything is cloned.
func TestPlanMistakes(t *testing.T) {
	for want, p := range map[string]Plan{
		`descriptor "nobody" is used`: {0, []Step{Attach{From: "nobody", Target: "/x"}}},
		"exec of nothing":             {0, []Step{Exec{}}},
		"has a NUL byte":              {0, []Step{Chdir{Path: "/etc\x00/x"}}},
		"argument":                    {0, []Step{RestoreSignals{}, Exec{Paths: []string{"/bin/true"}, Argv: []string{"true", "argument\x00"}}}},
	} {
		if _, err := p.Start(Input{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// TestExecSearch follows execvp(3): the next place where a program is not there
// or not executable, EACCES over ENOENT at the end, and a loader told apart.
func TestExecSearch(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := dir + "/" + name
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	plain := write("plain", "", 0o644)
	broken := write("broken", "#!/no/such/interpreter\n", 0o755)
	good := write("good", "#!/bin/sh\nexit 5\n", 0o755)
	for _, c := range []struct {
		paths    []string
		want     syscall.Errno
		noLoader bool
	}{
		{[]string{dir + "/absent", plain, dir + "/x", good}, 0, false},
		{[]string{dir + "/absent", plain + "/below"}, syscall.ENOENT, false},
		{[]string{dir + "/absent", plain, dir + "/x"}, syscall.EACCES, false},
		{[]string{dir + "/absent", broken, good}, syscall.ENOENT, true},
	} {
		p := Plan{0, []Step{Stdio{}, CloseOnExec{}, RestoreSignals{}, Exec{Paths: c.paths, Argv: []string{"x"}}}}
		child, err := p.Start(Input{})
		var step *StepError
		switch {
		case c.want == 0:
			if err != nil {
				t.Errorf("%v: %v", c.paths, err)
				continue
			}
			if s, _ := child.Wait(); s.ExitStatus() != 5 {
				t.Errorf("%v: %v", c.paths, s)
			}
		case !errors.As(err, &step) || step.Err != c.want || step.NoLoader != c.noLoader:
			t.Errorf("%v: got %v (%+v)", c.paths, err, step)
		}
	}
}

// TestSignalAfterTheEnd must not reach whoever has the number now.
func TestSignalAfterTheEnd(t *testing.T) {
	needNamespaces(t)
	child, err := pid1("exit 0").Start(Input{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := child.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := child.Signal(unix.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("got %v", err)
	}
}

// TestStopIsTold: PID 1 tells of a command that stops, and hands SIGCONT on.
func TestStopIsTold(t *testing.T) {
	needNamespaces(t)
	stopped := make(chan syscall.Signal, 1)
	child, err := pid1("kill -STOP $$; exit 6").Start(Input{Stopped: func(s syscall.Signal) { stopped <- s }})
	if err != nil {
		t.Fatal(err)
	}
	if s := <-stopped; s != syscall.SIGSTOP {
		t.Errorf("stopped by %v", s)
	}
	if err := child.Signal(unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if s, err := child.Wait(); err != nil || s.ExitStatus() != 6 {
		t.Errorf("%v, %v", s, err)
	}
}

// TestDescriptors: what the supervisor needs for a child it gives back.
func TestDescriptors(t *testing.T) {
	needNamespaces(t)
	count := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	statusOf(t, pid1("true"), Input{})
	before := count()
	for range 10 {
		statusOf(t, pid1("true"), Input{})
		if _, err := (Plan{User, []Step{Fault{Exit{0}}}}).Start(Input{}); err == nil {
			t.Fatal("a fault was no error")
		}
	}
	if after := count(); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}
