package main

import (
	"fmt"
	"io"

	"github.com/sbxrun/sbx/cmd/internal/usage"
	"github.com/sbxrun/sbx/sandbox/hint"
)

// ui is what sbx says. All of it goes to standard error behind "sbx:", so that
// standard output is the command's alone; what was asked for, as a plan or a
// version, goes to standard output.
type ui struct {
	out, errors io.Writer
	umask       uint32         // the caller's, see takeUmask
	asked       *usage.Command // a verb says here what it takes, and does nothing
}

// said stands before all that sbx says.
const said = "sbx: "

func (u ui) say(format string, args ...any) {
	fmt.Fprintf(u.errors, said+"%s\n", plain(fmt.Sprintf(format, args...)))
}

func (u ui) fail(err error, hint string) {
	lines := noticed(err)
	if lines == nil {
		lines = []string{err.Error()}
	}
	for _, line := range lines {
		u.say("%s", line)
	}
	if hint != "" {
		u.say("hint: %s", hint)
	}
}

// hinted is an error with what would mend it, as sandbox.Hint reads it.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }
func (h hinted) Hint() string  { return h.hint }

// plain shows control characters as text: names of the untrusted tree are in what sbx
// prints.
func plain(s string) string { return hint.SafeText(s) }
