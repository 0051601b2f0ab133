package main

import (
	"fmt"
	"os"
	"syscall"

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
	case control.Restart:
		_ = answer(c, s.restart(r.Grace))
	case control.Rename:
		_ = answer(c, s.held.Rename(r.Name))
	case control.Enter:
		_ = s.enter(c)
	case control.Attach:
		if s.stdio == nil {
			_ = c.Fail(fmt.Errorf("it has the terminal of who began it"))
			return
		}
		s.stdio.attach(r, c, s)
	case control.Pause, control.Resume:
		_ = answer(c, s.pause(r.Do == control.Pause))
	case control.Usage:
		s.usage(c)
	case control.Top:
		s.top(c)
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
