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
				_, _ = io.Copy(pw, &tty.Input{File: os.Stdin})
				pw.Close()
			}()
			cmd.Stdin = pr
		} else {
			cmd.Stdin = nil // rather nothing than the terminal
		}
	}
	shown := newShown(false)
	cmd.Stdout, cmd.Stderr = shown.out, shown.errors
}

// restoreTerminal undoes what was done to the terminals that were kept.
func restoreTerminal(cmd *sandbox.Cmd) { shown{cmd.Stdout, cmd.Stderr}.restore() }
