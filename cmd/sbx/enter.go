package main

import (
	"fmt"
	"os"
	"time"

	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/control"
)

// enter answers with what a process needs to enter the sandbox. Who has the answer is
// entering until its command runs, or it is gone: it closes its end of the connection then.
func (s *supervisor) enter(c *control.Conn) error {
	cmd, err := s.admit()
	if err != nil {
		return c.Fail(err)
	}
	defer s.entered()
	entry, files, err := cmd.Entry()
	if err != nil {
		return c.Fail(err)
	}
	err = c.Answer(0, entry, files...)
	for _, f := range files {
		f.Close()
	}
	if err != nil {
		return err
	}
	over := make(chan struct{})
	defer close(over)
	go func() {
		select {
		case <-over:
		case <-s.done: // there is nothing to enter any more, and nobody waits for who is stopped
			c.Close()
		}
	}()
	_, err = c.Receive()
	return err
}

// admit gives the command that runs, and counts one more who enters it.
func (s *supervisor) admit() (*sandbox.Cmd, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.cmd == nil:
		return nil, os.ErrProcessDone
	case s.paused == s.cmd:
		return nil, s.errPaused()
	}
	s.entering++
	return s.cmd, nil
}

func (s *supervisor) entered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entering--
}

// enteringLimit is how long a pause waits for those who enter before it gives up: something
// inside may be able to stop them.
const enteringLimit = 5 * time.Second

// awaitEntered waits until nobody enters. Who does is in no pid namespace of the sandbox's
// yet, where a signal to all would reach it.
func (s *supervisor) awaitEntered() error {
	for until := time.Now().Add(enteringLimit); ; time.Sleep(2 * time.Millisecond) {
		s.mu.Lock()
		n := s.entering
		s.mu.Unlock()
		switch {
		case n == 0:
			return nil
		case time.Now().After(until):
			return &mendedError{fmt.Errorf("a command of sbx exec does not come to run in it"), "end that sbx exec, or try again"}
		}
	}
}
