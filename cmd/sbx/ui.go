package main

import (
	"fmt"
	"io"

	"github.com/sbxrun/sbx/sandbox/hint"
)

// ui is what sbx says. All of it goes to standard error behind "sbx:", so that
// standard output is the command's alone; what was asked for, as a plan or a
// version, goes to standard output.
type ui struct {
	out, errors io.Writer
	umask       uint32 // the caller's, see takeUmask
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

func usage(w io.Writer) {
	fmt.Fprint(w, `sbx runs a command in a sandbox: no root, no daemon, no setuid program.

Usage:
  sbx run [flags] [--] CMD [ARG...]   run a command (sbx run --help)
  sbx ps, logs, exec, attach, cp      what runs detached (sbx run -d) or has a --name
  sbx stats, pause, resume, inspect   what it takes, to hold it, what it is
  sbx stop, kill, wait, rm, prune     to end it, and forget it
  sbx image pull|import|ls|rm|...     images to run in (sbx image --help)
  sbx profile ls|show|check|init      what a tool may see
  sbx cache ls|rm                     what profiles keep for projects
  sbx trust, untrust                  let this project's .sbx.toml widen it
  sbx net hosts [@SET...]             what @npm and its like stand for
  sbx unshare [CMD]                   look at what images and sandboxes left
  sbx doctor                          what this machine grants to sandboxes
  sbx version                         print the version

Examples:
  sbx run -- make                     the host's tools, this directory, nothing else
  sbx run --ro ~/go -- go build ./... with the module cache, read-only
  sbx run --rootfs DIR -- /bin/sh     another root, its files unchanged
  sbx run --image debian -- /bin/sh   an image, brought when it is missing
  sbx run --dry-run -- make           say what would be done, do nothing
`)
}
