package main

import (
	"io"
	"os"

	"github.com/sbxrun/sbx/sandbox"
	tty "github.com/sbxrun/sbx/sandbox/terminal"
)

// shieldTerminal keeps the caller's terminal from a command that has none of its own
// because one of its streams is redirected. Whoever has a descriptor of a terminal
// can write to it, also by the one that he should read, and change its modes. So
// what is one is carried through a pipe, and what is shown on it is filtered.
func shieldTerminal(cmd *sandbox.Cmd) {
	if cmd.Stdin != nil && isTerminal(os.Stdin) {
		if pr, pw, err := os.Pipe(); err == nil {
			// Nobody waits for this: nothing ends a read of the caller's terminal.
			go func() {
				_, _ = io.Copy(pw, os.Stdin)
				pw.Close()
			}()
			cmd.Stdin = pr
		} else {
			cmd.Stdin = nil // rather nothing than the terminal
		}
	}
	out, errors := isTerminal(os.Stdout), isTerminal(os.Stderr)
	if out {
		cmd.Stdout = tty.New(os.Stdout)
	}
	switch {
	case errors && out:
		cmd.Stderr = cmd.Stdout // so that the order of what is written stays
	case errors:
		cmd.Stderr = tty.New(os.Stderr)
	}
}

// restoreTerminal undoes what was done to the terminals that were kept.
func restoreTerminal(cmd *sandbox.Cmd) {
	if f, ok := cmd.Stdout.(*tty.Filter); ok {
		_, _ = os.Stdout.Write(f.Restore()) // whoever read it has gone
	}
	if f, ok := cmd.Stderr.(*tty.Filter); ok && cmd.Stderr != cmd.Stdout {
		_, _ = os.Stderr.Write(f.Restore())
	}
}
