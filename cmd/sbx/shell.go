package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

const plainShell = "/bin/sh"

// addShell makes a run without a command one of a shell, if somebody is at a terminal.
func (f *runFlags) addShell() error {
	if len(f.command) > 0 || f.image != nil {
		return nil
	}
	if f.Detach || !isTerminal(os.Stdin) || !isTerminal(os.Stdout) {
		return &mendedError{errors.New("no command to run"), "sbx run -- CMD [ARG...]; on a terminal, sbx run alone opens a shell"}
	}
	f.command = []string{f.shellInside(os.Getenv("SHELL"))}
	return nil
}

// shellInside is the caller's shell, if the sandbox shows it.
func (f *runFlags) shellInside(shell string) string {
	shell = filepath.Clean(shell)
	if !filepath.IsAbs(shell) || len(f.Layer) > 0 {
		return plainShell
	}
	if f.Rootfs == "" {
		if unix.Access(shell, unix.X_OK) != nil || slices.ContainsFunc(emptyInside[:], func(dir string) bool { return strings.HasPrefix(shell, dir) }) {
			return plainShell
		}
		return shell
	}
	root, err := os.OpenRoot(string(f.Rootfs)) // its links lead nowhere else
	if err != nil {
		return plainShell
	}
	defer root.Close()
	if fi, err := root.Stat(shell[1:]); err != nil || !fi.Mode().IsRegular() || fi.Mode().Perm()&0o111 == 0 {
		return plainShell
	}
	return shell
}

// emptyInside are directories of the host that a sandbox shows parts of at most.
var emptyInside = [...]string{"/home/", "/root/", "/tmp/", "/var/tmp/", "/run/", "/mnt/", "/media/", "/proc/", "/dev/"}
