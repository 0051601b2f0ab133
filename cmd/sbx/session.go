package main

import (
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox"
	tty "github.com/sbxrun/sbx/sandbox/terminal"
	"github.com/sbxrun/sbx/userns"
)

// runInSession runs a command as part of the caller's session: signals go on to
// it, the caller's terminal is raw while its own is used, and when it stops, so
// does sbx.
func runInSession(cmd *sandbox.Cmd) error {
	return runUnlessPaused(cmd, func() bool { return false })
}

// runUnlessPaused does that, but for stops that are none of the caller's session.
func runUnlessPaused(cmd *sandbox.Cmd, paused func() bool) error {
	cmd.Held = userns.HoldSignals(ending...) // until they go on to the command
	s := &session{cmd: cmd}
	if cmd.Spec.OCI.Process.Terminal {
		cmd.Stopped = func(syscall.Signal) {
			if !paused() {
				s.suspend()
			}
		}
		s.holdNotes()
		s.await()
		defer s.tellNotes()
		defer s.leave()
	}
	if cmd.Spec.OCI.Process.Terminal { // which must be given back, whatever comes
		started := cmd.Started
		cmd.Started = func() {
			if started != nil {
				started()
			}
			s.resize()
			go s.forward()
		}
	} else {
		cmd.Lasting, cmd.LastingAfter = func() { go s.forward() }, unforwarded
	}
	return cmd.Run()
}

// forwarded are the signals that go on to the command. The others have a
// meaning for sbx itself: SIGCHLD, SIGURG of Go's scheduler, SIGPIPE of its
// output, SIGTTIN and SIGTTOU of its place behind the terminal.
var forwarded = []os.Signal{
	unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2, unix.SIGALRM,
	unix.SIGTSTP, unix.SIGCONT, unix.SIGWINCH,
}

// ending are those of them by which a program ends. None may end sbx once the command runs,
// until what that left was looked at.
var ending = []unix.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2, unix.SIGALRM}

// session is the caller's terminal while a command has its own.
type session struct {
	cmd *sandbox.Cmd
	rawTerminal
	say  func(string)
	held []string // notes for when the terminal is no longer raw
}

// await takes the terminal for the command, as soon as that runs: what is said before is
// read on an ordinary terminal. A job in the background has it when it comes to the front.
func (s *session) await() {
	atOnce := s.cmd.AtOnce
	s.cmd.AtOnce = func() {
		if atOnce != nil {
			atOnce()
		}
		s.enter()
	}
	if s.cmd.Stdin == os.Stdin && isTerminal(os.Stdin) {
		s.cmd.Stdin = &tty.Input{File: os.Stdin, Foreground: func() {
			s.enter()
			s.resize()
		}}
	}
}

// holdNotes keeps what is to be said while the terminal is raw, where a new line
// would not begin at the left.
func (s *session) holdNotes() {
	if s.say = s.cmd.Note; s.say == nil {
		return
	}
	s.cmd.Note = func(line string) {
		s.raw.Lock()
		defer s.raw.Unlock()
		if s.outer != nil {
			s.held = append(s.held, line)
			return
		}
		s.say(line)
	}
}

func (s *session) tellNotes() {
	for _, line := range s.held {
		s.say(line)
	}
}

// unforwarded is how long a command runs before signals go on to it. To ask
// the runtime for them takes half a millisecond of both processors, which is a
// tenth of what a short command takes in all. A signal that comes sooner is held until then.
const unforwarded = 10 * time.Millisecond

// forward hands signals on until sbx ends.
func (s *session) forward() {
	signals := make(chan os.Signal, 64)
	signal.Notify(signals, forwarded...)
	s.sendHeld()
	late := time.After(stillHeld)
	for {
		var sig os.Signal
		select {
		case sig = <-signals:
		case <-late:
			s.sendHeld()
			continue
		}
		switch sig {
		case unix.SIGTSTP:
			s.send(unix.SIGTSTP)
			s.suspend()
		case unix.SIGCONT:
			s.enter()
			s.resize()
			s.send(unix.SIGCONT)
		case unix.SIGWINCH:
			s.resize()
		default:
			s.send(sig.(syscall.Signal))
		}
	}
}

// stillHeld is far more than a thread takes to come to the end of a signal's handler.
const stillHeld = time.Second

func (s *session) sendHeld() {
	for _, sig := range s.cmd.Held.Release() {
		s.send(sig)
	}
}

// send hands a signal on. A command that has ended needs none.
func (s *session) send(sig syscall.Signal) {
	if err := s.cmd.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		_ = s.cmd.Signal(unix.SIGKILL) // fail closed: it could not be reached
	}
}

// enter makes the caller's terminal raw where the command has its own.
func (s *session) enter() {
	if s.cmd.Spec.OCI.Process.Terminal {
		s.rawTerminal.enter()
	}
}

// suspend stops sbx, as the caller's shell expects of a job whose command has
// stopped. SIGCONT is taken from there.
func (s *session) suspend() {
	s.cmd.RestoreTerminal()
	s.leave()
	_ = unix.Kill(unix.Getpid(), unix.SIGSTOP)
}

func (s *session) resize() {
	if size := terminalSize(); size != nil {
		_ = s.cmd.Resize(uint16(size.Height), uint16(size.Width)) // it has ended
	}
}

// terminalSize is the size of the caller's terminal, or nil.
func terminalSize() *specs.Box {
	size, err := unix.IoctlGetWinsize(int(os.Stdout.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return nil
	}
	return &specs.Box{Height: uint(size.Row), Width: uint(size.Col)}
}
