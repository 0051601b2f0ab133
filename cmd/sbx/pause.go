package main

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/control"
	"github.com/sbxrun/sbx/sandbox/state"
)

// pauseVerb is sbx pause.
func pauseVerb(u ui, args []string) int {
	return holdVerb(u, "pause", "Freeze all processes of sandboxes, until sbx resume.", control.Pause, args)
}

// resumeVerb is sbx resume.
func resumeVerb(u ui, args []string) int {
	return holdVerb(u, "resume", "Continue sandboxes that sbx pause froze.", control.Resume, args)
}

func holdVerb(u ui, name, help, do string, args []string) int {
	var flags struct {
		Box []string `arg:"" name:"SANDBOX" help:"A name, an id, or the beginning of one."`
	}
	if done, code := parseVerb(u, name, help, &flags, args); done {
		return code
	}
	return eachBox(u, flags.Box, func(all *state.Sandboxes, r state.Record) error {
		_, _, err := askBox(all, r, control.Request{Do: do})
		return err
	})
}

// errPaused refuses what a paused sandbox cannot do.
func (s *supervisor) errPaused() error {
	return &mendedError{fmt.Errorf("it is paused"), "sbx resume " + s.held.Record().Name}
}

// pause holds all processes, or lets them go on, and writes that down.
func (s *supervisor) pause(on bool) error {
	s.holding.Lock()
	defer s.holding.Unlock()
	cmd, err := s.running()
	switch {
	case err != nil:
		return err
	case on == s.isPaused() && on:
		return fmt.Errorf("it is paused already")
	case on == s.isPaused():
		return fmt.Errorf("it is not paused")
	}
	if on {
		s.setPaused(cmd, true) // before the command stops, which is no job's stop; and nobody enters any more
	}
	if err := s.hold(cmd, on); err != nil {
		s.setPaused(cmd, !on)
		return err
	}
	s.setPaused(cmd, on)
	s.change(func(r *state.Record) {
		if r.Status = state.Running; on {
			r.Status = state.Paused
		}
	})
	return nil
}

// hold stops all processes of the sandbox at once, or has them go on: by its cgroup, where
// it has one, of which they notice nothing, and into which who enters is born.
func (s *supervisor) hold(cmd *sandbox.Cmd, on bool) error {
	if cmd.Cgroup() != nil {
		return cmd.Freeze(on)
	}
	if on {
		if err := s.awaitEntered(); err != nil {
			return err
		}
		return cmd.SignalAll(unix.SIGSTOP)
	}
	return cmd.SignalAll(unix.SIGCONT)
}

func (s *supervisor) isPaused() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.paused != nil && s.paused == s.cmd
}

// stoppedByPause tells whether a stop of the command is that of a pause, of which one may
// hear a moment after its end.
func (s *supervisor) stoppedByPause() bool {
	paused := s.isPaused()
	s.mu.Lock()
	defer s.mu.Unlock()
	return paused || time.Since(s.resumed) < moment
}

const moment = time.Second / 2

func (s *supervisor) setPaused(cmd *sandbox.Cmd, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if on {
		s.paused = cmd
	} else if s.paused != nil {
		s.paused, s.resumed = nil, time.Now()
	}
}

// signal sends a signal to the command, or to all. One that is killed is not begun
// again.
func (s *supervisor) signal(sig syscall.Signal, all bool) error {
	switch {
	case sig == unix.SIGKILL:
		s.finish(0, 0)
		return nil
	case sig == unix.SIGSTOP:
		return &mendedError{fmt.Errorf("SIGSTOP would stop some of the sandbox"), "sbx pause " + s.held.Record().Name + " stops all of it"}
	case sig == unix.SIGCONT && s.isPaused():
		return s.errPaused()
	}
	cmd, err := s.running()
	if err != nil {
		return err
	}
	if all {
		return cmd.SignalAll(sig)
	}
	return cmd.Signal(sig)
}

// release lets a paused sandbox go on, to end.
func (s *supervisor) release() {
	if s.isPaused() {
		if err := s.pause(false); err != nil && err != os.ErrProcessDone && s.isPaused() {
			s.u.fail(err, "")
		}
	}
}
