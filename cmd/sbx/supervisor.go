package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/profiles"
	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/control"
	"github.com/sbxrun/sbx/sandbox/state"
	"github.com/sbxrun/sbx/userns"
)

// A supervisor is this process's part in a sandbox that others may ask for.
type supervisor struct {
	u        ui
	f        *runFlags
	held     *state.Held
	listener *control.Listener
	stdio    *stdio   // of what is detached, or nil
	noticed  []string // of what the command left, as it was said

	mu       sync.Mutex
	cmd      *sandbox.Cmd  // that runs, or nil
	stopping bool          // it is not to be begun again
	anew     chan error    // it is, by sbx restart, which waits for that, or nil
	stop     chan struct{} // closed with stopping
	done     chan struct{} // closed when it has ended for good
	exit     int           // how, then
	paused   *sandbox.Cmd  // that sbx pause holds, or nil
	resumed  time.Time     // when it was let go on
	entering int           // how many are about to run something in it
	holding  sync.Mutex    // of who pauses and resumes
}

// newSupervisor makes a place for the sandbox of the flags, and listens there.
func newSupervisor(u ui, f *runFlags) (*supervisor, error) {
	all, err := sandboxes()
	if err != nil {
		return nil, err
	}
	s := &supervisor{u: u, f: f, stop: make(chan struct{}), done: make(chan struct{})}
	if f.again != "" {
		s.held, err = all.Hold(f.again, f.record())
	} else {
		s.held, err = all.Add(f.record())
	}
	if err != nil {
		return nil, err
	}
	err = f.writeCidfile(s.held.Record().ID)
	if err == nil {
		s.listener, err = control.Listen(all.Socket(s.held.Record().ID))
	}
	if err != nil {
		return nil, errors.Join(err, s.abandon())
	}
	go s.listener.Serve(s.handle)
	return s, nil
}

// record is what the flags say of the sandbox.
func (f *runFlags) record() state.Record {
	r := state.Record{
		Name: f.Name, Command: f.command, Image: string(f.Image), Rootfs: string(f.Rootfs), Detached: f.Detach, Stdin: f.Interactive,
		Remove: !f.Detach || f.Rm, Restart: f.Restart, Net: f.Net, Labels: f.labels(),
	}
	if f.Tty != nil {
		r.Terminal = *f.Tty
	}
	return r
}

// runNamed runs a command in the caller's session that others may ask for by name.
func runNamed(u ui, f *runFlags, early *userns.Early) int {
	s, err := newSupervisor(u, f)
	if err != nil {
		u.fail(err, sandbox.Hint(err))
		return exitFailed
	}
	code, failed := runOnce(u, f, early, func(cmd *sandbox.Cmd) error {
		cmd.Started = func() { s.began(cmd) }
		return runUnlessPaused(cmd, s.stoppedByPause)
	})
	return s.end(code, failed)
}

// abandon gives up a sandbox that was not begun. One that ran before stays as it was.
func (s *supervisor) abandon() error {
	if s.f.again == "" {
		return s.held.Remove()
	}
	defer s.held.Close()
	return s.held.Ended(exitFailed, "it could not be begun again")
}

// superviseVerb is the process behind sbx run --detach.
func superviseVerb(u ui, args []string) int {
	f, code := parsedRun(u, args)
	if f == nil {
		return code
	}
	return supervise(u, f, args)
}

// superviseAgainVerb is the process behind sbx start, which names the sandbox's id first, and the
// directory.
func superviseAgainVerb(u ui, args []string) int {
	id, dir, of, args := args[0], args[1], args[2], args[3:]
	if err := checkBegun(dir, of); err != nil {
		return exitOf(u, err, sandbox.Hint(err))
	}
	f, code := parsedRun(u, args)
	if f == nil {
		return code
	}
	f.again, f.Cidfile = id, ""
	return supervise(u, f, args)
}

func supervise(u ui, f *runFlags, args []string) int {
	if code := f.bring(u); code != 0 {
		return code
	}
	defer f.inUse.Close()
	s, err := newSupervisor(u, f)
	if err == nil {
		if s.stdio, err = newStdio(s.held.Path(), f); err != nil {
			err = errors.Join(err, s.abandon())
		}
	}
	if err != nil {
		u.fail(err, sandbox.Hint(err))
		return exitFailed
	}
	if dir, err := sandbox.WorkingDirectory(); err == nil && f.again == "" && !f.Rm {
		id, err := profiles.ProjectID(dir)
		if err == nil {
			err = s.held.KeepBegun(state.Begun{Dir: dir, ID: id, Args: args})
		}
		if err != nil {
			u.fail(err, "")
		}
	}
	s.u.errors = s.stdio.notes(u.errors)
	go s.heed()
	code, failed := s.runAgain()
	if !s.stdio.reported && f.again == "" { // nobody has heard of it
		s.held.Change(func(r *state.Record) { r.Remove = true })
	}
	if err := s.stdio.close(); err != nil {
		s.u.fail(err, "")
	}
	return s.end(code, failed)
}

// heed has a signal that ends other programs end the sandbox. The end of a terminal is
// none of them.
func (s *supervisor) heed() {
	signal.Ignore(unix.SIGPIPE)
	// What is ignored is so for the command too (execve(2)), which sbx kill -s HUP would not reach.
	signal.Notify(make(chan os.Signal, 1), unix.SIGHUP)
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, unix.SIGTERM, unix.SIGINT, unix.SIGQUIT)
	for range signals {
		go s.finish(s.f.grace(defaultGrace), 0)
	}
}

// runAgain runs the command until it is not to be begun again.
func (s *supervisor) runAgain() (code int, failed error) {
	policy, _ := parseRestart(s.f.Restart) // checked before
	pause := firstPause
	var tried chan error
	for done := 0; ; done++ {
		begun := time.Now()
		code, failed = runOnce(s.u, s.f, nil, s.runDetached)
		s.mu.Lock()
		anew := s.anew
		over := s.stopping || !s.stdio.reported || anew == nil && !policy.again(code, done) || anew != nil && anew == tried
		s.cmd = nil
		s.mu.Unlock()
		if tried = anew; anew != nil && !over {
			s.change(func(r *state.Record) { r.Status, r.PID, r.Restarts = state.Restarting, 0, done+1 })
			continue
		}
		if over {
			return code, failed
		}
		if time.Since(begun) > steady {
			pause = firstPause
		}
		if !s.f.Quiet {
			s.u.say("%v; it is begun again in %v", failed, pause)
		}
		s.change(func(r *state.Record) { r.Status, r.PID, r.Restarts = state.Restarting, 0, done+1 })
		select {
		case <-s.stop:
			return code, failed
		case <-time.After(pause):
			pause = min(2*pause, longestPause)
		}
	}
}

// How long a command that failed rests until it is begun again: twice as long each
// time, and as in the beginning when it ran steadily.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = time.Minute
	steady       = 10 * time.Second
)

// mostNoticed bounds the lines that are kept over restarts: the last ones.
const mostNoticed = 1000

// runDetached runs a command whose streams are the supervisor's.
func (s *supervisor) runDetached(cmd *sandbox.Cmd) error {
	defer s.stdio.disconnect()
	if err := s.stdio.connect(cmd); err != nil {
		return err
	}
	cmd.Noticed = func(line string, _ bool) {
		if s.noticed = append(s.noticed, line); len(s.noticed) > mostNoticed {
			s.noticed = s.noticed[1:]
		}
	}
	cmd.Started = func() {
		s.began(cmd)
		cmd.AwaitGuard() // the caller's next command may be git config
		if err := s.stdio.began(s.held.Record().ID); err != nil {
			s.u.fail(err, "")
		}
	}
	return cmd.Run()
}

// began says that the command runs. One that was to be stopped meanwhile is.
func (s *supervisor) began(cmd *sandbox.Cmd) {
	s.mu.Lock()
	s.cmd = cmd
	stopping := s.stopping
	s.mu.Unlock()
	defer s.answerAnew(nil)
	spec := cmd.Spec
	s.change(func(r *state.Record) {
		r.View, r.Project, r.Net = spec.View.String(), spec.Project, spec.Network()
		r.Published, r.Writable = nil, spec.WritableOutside()
		for _, p := range cmd.Published() {
			r.Published = append(r.Published, p.String())
		}
		r.Terminal = spec.OCI.Process.Terminal
		r.Limits, r.Cgroup = cmd.Limits()
	})
	if err := s.held.Begun(cmd.PID()); err != nil {
		s.u.fail(err, "")
	}
	if stopping {
		_ = cmd.Signal(unix.SIGKILL) // it has ended
	}
}

// change changes the record, which is for others: what cannot be written there is no
// reason to end what runs.
func (s *supervisor) change(change func(*state.Record)) {
	if err := s.held.Change(change); err != nil {
		s.u.fail(err, "")
	}
}

// end says how it ended, to those who wait too.
func (s *supervisor) end(code int, failed error) int {
	words := ""
	if failed != nil && code >= exitTimeout && code <= exitNotFound {
		words = failed.Error()
	}
	var err error
	s.mu.Lock()
	stopping := s.stopping // rm -f removes its log
	s.mu.Unlock()
	if r := s.held.Record(); r.Detached && (r.Remove || stopping) {
		if lines := append(s.noticed, noticed(failed)...); len(lines) > 0 {
			err = keepNotices(fmt.Sprintf("sandbox %s (%s)", r.Name, r.ID), r.ID, lines)
		}
	}
	err = errors.Join(err, s.held.Ended(code, words))
	s.listener.Close()
	if s.held.Record().Remove {
		err = errors.Join(err, s.held.Remove())
	} else {
		s.held.Close()
	}
	s.mu.Lock()
	s.cmd, s.exit = nil, code
	s.mu.Unlock()
	close(s.done)
	s.answerAnew(fmt.Errorf("it ended instead, with exit code %d", code))
	if s.stdio != nil {
		s.stdio.audience.end(code)
	}
	s.listener.Drain()
	if err != nil {
		s.u.fail(err, "")
	}
	return code
}

// answerAnew answers who asked for the command to begin again.
func (s *supervisor) answerAnew(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.anew != nil {
		s.anew <- err
		s.anew = nil
	}
}

// restart ends the command, and has it begun again. It is not done for one in the foreground,
// whose caller waits for its end.
func (s *supervisor) restart(grace time.Duration) error {
	if s.stdio == nil {
		return &mendedError{fmt.Errorf("it runs in the foreground"), "only what sbx run -d began can be begun again"}
	}
	s.mu.Lock()
	if s.stopping || s.anew != nil || s.cmd == nil {
		s.mu.Unlock()
		return fmt.Errorf("it ends or begins just now; try again")
	}
	done, cmd := make(chan error, 1), s.cmd
	s.anew = done
	s.mu.Unlock()
	s.release()
	if grace < 0 {
		grace = s.f.grace(defaultGrace)
	}
	if grace > 0 {
		_ = cmd.Signal(s.f.stopSignal()) // it may have ended just now
	}
	select {
	case err := <-done:
		return err
	case <-time.After(grace):
	}
	_ = cmd.Signal(unix.SIGKILL)
	return <-done
}

// defaultGrace is how long a command has to end by itself: docker's.
const defaultGrace = 10 * time.Second

// finish ends the command, and does not begin it again.
func (s *supervisor) finish(grace time.Duration, sig syscall.Signal) {
	s.mu.Lock()
	if !s.stopping {
		s.stopping = true
		close(s.stop)
	}
	cmd := s.cmd
	s.mu.Unlock()
	if cmd == nil {
		return // it ends, or will as soon as it begins
	}
	if sig == 0 {
		sig = s.f.stopSignal()
	}
	if grace < 0 {
		grace = s.f.grace(defaultGrace)
	}
	if grace > 0 {
		s.release()
		_ = cmd.Signal(sig) // it may have ended just now
		select {
		case <-s.done:
			return
		case <-time.After(grace):
		}
	}
	_ = cmd.Signal(unix.SIGKILL)
}
