package main

import (
	"errors"

	"github.com/sbxrun/sbx/sandbox"
)

// A command that fails inside and not outside often says nothing that points to the sandbox. What
// of the sandbox may be the cause is printed behind the command's own output.

// A clue gives a line about what in the sandbox may have made the command fail, or nothing.
type clue func(*runFlags, *sandbox.Cmd, *sandbox.ExitError) string

// clues are in the order in which they are printed.
var clues = [...]clue{hiddenSecrets}

// explainFailure prints the clues about a command that ran and failed. A signal is no failure of
// the command's: it is mostly the user's.
func explainFailure(u ui, f *runFlags, cmd *sandbox.Cmd, err error) {
	var exit *sandbox.ExitError
	if f.Quiet || !errors.As(err, &exit) || exit.Signaled() {
		return
	}
	for _, clue := range clues {
		if line := clue(f, cmd, exit); line != "" {
			u.say("hint: %s", line)
		}
	}
}

// hiddenSecrets names the files of the project that the command could not read. An open of one
// fails without a trace (ENXIO or EACCES of a socket), so that nobody knows whether it tried.
func hiddenSecrets(_ *runFlags, cmd *sandbox.Cmd, _ *sandbox.ExitError) string { return cmd.Hidden() }
