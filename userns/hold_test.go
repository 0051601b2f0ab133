package userns

import (
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestHoldSignals keeps signals that would end this program, and gives them once.
func TestHoldSignals(t *testing.T) {
	h := HoldSignals(unix.SIGTERM, unix.SIGQUIT, unix.SIGALRM)
	h.begin()
	for range 1000 { // on any thread
		for _, sig := range []unix.Signal{unix.SIGTERM, unix.SIGALRM} {
			if err := unix.Kill(os.Getpid(), sig); err != nil {
				t.Fatal(err)
			}
		}
	}
	signals := make(chan os.Signal, 9)
	signal.Notify(signals, unix.SIGTERM, unix.SIGQUIT, unix.SIGALRM)
	defer signal.Stop(signals)
	if came := h.Release(); !slices.Equal(came, []unix.Signal{unix.SIGALRM, unix.SIGTERM}) {
		t.Errorf("%v came", came)
	}
	if err := unix.Kill(os.Getpid(), unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for end := time.After(10 * time.Second); ; {
		select {
		case sig := <-signals:
			if sig == unix.SIGTERM {
				return
			}
		case <-end:
			t.Fatal("Notify hears of none when they are released")
		}
	}
}

// TestHoldSignalsIgnored: what the caller has ignored stays so (nohup(1)).
func TestHoldSignalsIgnored(t *testing.T) {
	signal.Ignore(unix.SIGHUP)
	defer signal.Reset(unix.SIGHUP)
	h := HoldSignals(unix.SIGHUP)
	if err := unix.Kill(os.Getpid(), unix.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if came := h.Release(); came != nil {
		t.Errorf("%v came", came)
	}
}

// TestHoldSignalsBefore: until the program runs a signal ends this process, and when it
// runs none does, not a moment later.
func TestHoldSignalsBefore(t *testing.T) {
	switch os.Getenv("HOLD") {
	case "before":
		HoldSignals(unix.SIGTERM)
		_ = unix.Kill(os.Getpid(), unix.SIGTERM)
		time.Sleep(10 * time.Second)
		return
	case "run":
		// The program is this process's child, and ends with it.
		h := HoldSignals(unix.SIGTERM)
		p := Plan{0, []Step{DieWithSupervisor{}, AwaitSupervisor{}, Stdio{}, CloseOnExec{}, RestoreSignals{},
			Exec{Paths: []string{"/bin/sh"}, Argv: []string{"sh", "-c", "kill -TERM $PPID; exit 7"}}}}
		status, err := p.Run(Input{Held: h}, nil)
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, unix.SIGTERM)
		came := h.Release()
		for len(came) == 0 { // another thread may have to take it
			select {
			case sig := <-signals:
				came = append(came, sig.(unix.Signal))
			case <-time.After(time.Millisecond):
				came = h.Release()
			}
		}
		if err != nil || status.ExitStatus() != 7 || !slices.Equal(came, []unix.Signal{unix.SIGTERM}) {
			t.Fatalf("%v, %v, %v", status, err, came)
		}
		return
	}
	for how, want := range map[string]unix.Signal{"before": unix.SIGTERM, "run": 0} {
		for range 10 {
			cmd := exec.Command("/proc/self/exe", "-test.run=^TestHoldSignalsBefore$")
			cmd.Env = append(os.Environ(), "HOLD="+how)
			out, err := cmd.CombinedOutput()
			status := cmd.ProcessState.Sys().(syscall.WaitStatus)
			if want != 0 && (!status.Signaled() || status.Signal() != want) || want == 0 && err != nil {
				t.Fatalf("%s: %v\n%s", how, err, out)
			}
		}
	}
}
