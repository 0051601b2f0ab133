package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/profiles"
	"github.com/sbxrun/sbx/sandbox"
)

// trustVerb is sbx trust: it shows what the project's file widens, asks, and records that
// this very text may.
func trustVerb(u ui, args []string) int {
	var flags struct {
		Show    bool `help:"Print what it widens, and do nothing."`
		Yes     bool `short:"y" help:"Do not ask."`
		Project text `placeholder:"DIR" help:"Trust the file of DIR (default: this directory's project)."`
	}
	help := "Print what .sbx.toml of the project widens, ask, and allow it until the file changes."
	if done, code := parseVerb(u, "trust", help, &flags, args); done {
		return code
	}
	if flags.Show && flags.Yes {
		return exitOf(u, errors.New("--show and --yes exclude each other"), "")
	}
	err := withProjectUser(string(flags.Project), func(user *profiles.User, at profiles.Places) error { return trust(u, user, at, flags.Show, flags.Yes) })
	return exitOf(u, err, sandbox.Hint(err))
}

// trust reads the file once: what is shown, asked about and recorded is the same text,
// even if the file is changed meanwhile.
func trust(u ui, user *profiles.User, at profiles.Places, show, yes bool) error {
	text, err := readProjectFile(at.Project)
	if err != nil {
		return err
	}
	if text == nil {
		return fmt.Errorf("there is no %s in %s", profiles.ProjectFile, at.Project)
	}
	_, widens, err := user.Project(text)
	if err != nil {
		return err
	}
	for _, line := range widens {
		fmt.Fprintln(u.out, plain("it "+line))
	}
	file := at.Project + "/" + profiles.ProjectFile
	if len(widens) == 0 {
		fmt.Fprintln(u.out, plain("it widens nothing, so it is in force without being trusted: "+file))
		return nil
	}
	if show {
		return nil
	}
	if trusted, err := at.Store().Trusted(at.Project, text); err == nil && trusted {
		fmt.Fprintln(u.out, plain("trusted already, until it changes: "+file))
		return nil
	}
	if !yes {
		if err := u.ask("trust " + file + " until it changes?"); err != nil {
			return err
		}
	}
	if err := at.Store().Trust(at.Project, text); err != nil {
		return err
	}
	fmt.Fprintln(u.out, plain("trusted until it changes: "+file))
	return nil
}

// ask asks on the terminal. Only a y that is typed after the question is one: what was
// typed before it, or put there by what ran before, is thrown away.
func (u ui) ask(question string) error {
	if !isTerminal(os.Stdin) || !isTerminal(os.Stderr) {
		return &mendedError{errors.New("not trusted: there is no terminal to ask on"), "check the list, then sbx trust --yes"}
	}
	if err := unix.IoctlSetInt(int(os.Stdin.Fd()), unix.TCFLSH, unix.TCIFLUSH); err != nil {
		return os.NewSyscallError("ioctl TCFLSH", err)
	}
	fmt.Fprint(u.errors, said+plain(question)+" [y/N] ")
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil && err != io.EOF {
		return err
	}
	if answer := strings.ToLower(strings.TrimSpace(line)); answer != "y" && answer != "yes" {
		return errors.New("not trusted")
	}
	return nil
}
