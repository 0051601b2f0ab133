package main

import (
	"github.com/sbxrun/sbx/sandbox/control"
)

// enter answers with what a process needs to enter the sandbox.
func (s *supervisor) enter(c *control.Conn) error {
	cmd, err := s.running()
	if err != nil {
		return c.Fail(err)
	}
	entry, files, err := cmd.Entry()
	if err != nil {
		return c.Fail(err)
	}
	err = c.Answer(0, entry, files...)
	for _, f := range files {
		f.Close()
	}
	return err
}
