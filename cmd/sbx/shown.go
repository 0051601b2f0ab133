package main

import (
	"io"
	"os"

	tty "github.com/sbxrun/sbx/sandbox/terminal"
)

// shown is where the output of an untrusted command is shown: the caller's standard
// output and error, each through a filter where it is a terminal.
type shown struct {
	out, errors io.Writer
}

// newShown is for a terminal that is raw, or not: see tty.NewCooked.
func newShown(raw bool) shown {
	filter := tty.NewCooked
	if raw {
		filter = tty.New
	}
	s := shown{os.Stdout, os.Stderr}
	out, errors := isTerminal(os.Stdout), isTerminal(os.Stderr)
	if out {
		s.out = filter(os.Stdout)
	}
	switch {
	case errors && out:
		s.errors = s.out // one terminal, which is in the midst of one sequence at most
	case errors:
		s.errors = filter(os.Stderr)
	}
	return s
}

// restore undoes what the output did to the terminal.
func (s shown) restore() {
	if f, ok := s.out.(*tty.Filter); ok {
		_, _ = os.Stdout.Write(f.Restore()) // whoever read it has gone
	}
	if f, ok := s.errors.(*tty.Filter); ok && s.errors != s.out {
		_, _ = os.Stderr.Write(f.Restore())
	}
}
