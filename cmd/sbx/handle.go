package main

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/control"
)

// handle answers what others ask of the sandbox. Who asked and is gone needs no
// answer, so what sending it fails with is dropped.
func (s *supervisor) handle(r control.Request, c *control.Conn) {
	switch r.Do {
	case control.Signal:
		_ = answer(c, s.signal(syscall.Signal(r.Signal), r.All))
	case control.Stop:
		go s.finish(r.Grace, syscall.Signal(r.Signal))
		fallthrough
	case control.Wait:
		<-s.done
		_ = c.Answer(s.exit, nil)
	case control.Enter:
		_ = s.enter(c)
	case control.Attach:
		if s.stdio == nil {
			_ = c.Fail(fmt.Errorf("it has the terminal of who began it"))
			return
		}
		s.stdio.attach(r, c, s)
	case control.Reach:
		s.reach(c)
	default:
		_ = c.Fail(fmt.Errorf("this sandbox's sbx does not know %q", r.Do))
	}
}

func answer(c *control.Conn, err error) error {
	if err != nil {
		return c.Fail(err)
	}
	return c.Answer(0, nil)
}

// running gives the command that runs.
func (s *supervisor) running() (*sandbox.Cmd, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return nil, os.ErrProcessDone
	}
	return s.cmd, nil
}

// signal sends a signal to the command. One that is killed is not begun again.
func (s *supervisor) signal(sig syscall.Signal, all bool) error {
	switch {
	case sig == unix.SIGKILL:
		s.finish(0, 0)
		return nil
	case sig == unix.SIGSTOP:
		return fmt.Errorf("SIGSTOP would stop the sandbox's first process alone; sbx pause stops all")
	case all:
		return fmt.Errorf("a signal to all is not yet known")
	}
	cmd, err := s.running()
	if err != nil {
		return err
	}
	return cmd.Signal(sig)
}

// reach answers with what the sandbox's files are found by.
func (s *supervisor) reach(c *control.Conn) {
	cmd, err := s.running()
	var first, root *os.File
	if err == nil {
		first, root, err = cmd.Reach()
	}
	if err != nil {
		_ = c.Fail(err)
		return
	}
	defer first.Close()
	defer root.Close()
	_ = c.Answer(0, nil, first, root)
}
