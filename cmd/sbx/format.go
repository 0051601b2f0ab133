package main

import (
	"bytes"
	"errors"
	"os/exec"

	"github.com/sbxrun/sbx/sandbox/hint"
)

// printFormat prints each value of a list as docker's --format has it: sbx-image does, so that
// no start of sbx pays for package template.
func printFormat(u ui, format string, list any) error {
	var b bytes.Buffer
	if err := hint.WriteJSONLine(&b, list); err != nil {
		return err
	}
	program, err := imageProgram()
	if err != nil {
		return err
	}
	cmd := exec.Command(program, "format", "--", format)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &b, u.out, u.errors
	var exit *exec.ExitError
	if err = cmd.Run(); errors.As(err, &exit) {
		return errSaid
	}
	return err
}

// errSaid says that the cause was printed.
var errSaid = errors.New("--format")
