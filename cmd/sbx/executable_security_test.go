package main

import (
	"strings"
	"testing"
)

// privateDirectories are those of the host view that are the sandbox's own, and mounted in
// memory.
var privateDirectories = []string{"/tmp", "/var/tmp", "/dev/shm", "/run", "/home", "/dev", "/dev/mqueue", "/sys", "{HOME}", "/tmp/mine"}

// executableRows are what --noexec-tmp and the profile strict promise: nothing that was
// put into a private directory runs.
var executableRows = []row{
	{id: "noexec-named", group: "files", tries: "run a program from a private directory, by itself and by the dynamic loader", views: hostOnly, setup: mine, flags: []string{"--noexec-tmp", "--tmpfs", "/tmp/mine"},
		cmd: append([]string{"{ATTACKS}", "run-named"}, privateDirectories...)},
	{id: "noexec-unnamed", group: "files", tries: "run one that has no name (O_TMPFILE)", views: hostOnly, setup: mine, flags: []string{"--noexec-tmp", "--tmpfs", "/tmp/mine"},
		cmd: append([]string{"{ATTACKS}", "run-unnamed"}, privateDirectories...)},
	{id: "noexec-mapped", group: "files", tries: "map a file of a private directory to be executed", views: hostOnly, setup: mine, flags: []string{"--noexec-tmp", "--tmpfs", "/tmp/mine"},
		cmd: append([]string{"{ATTACKS}", "map-executable"}, privateDirectories...)},
	{id: "noexec-disk", group: "files", tries: "run one where --disk bounds the private directories", views: hostOnly, setup: mine, flags: []string{"--noexec-tmp", "--disk", "64m", "--tmpfs", "/tmp/mine"},
		cmd: append([]string{"{ATTACKS}", "run-named"}, privateDirectories...)},
	{id: "noexec-strict", group: "files", tries: "run one in the profile strict", views: hostOnly, setup: mine, flags: []string{"--profile", "strict", "--tmpfs", "/tmp/mine"},
		cmd: append([]string{"{ATTACKS}", "run-named"}, privateDirectories...)},
	{id: "noexec-root", group: "files", tries: "run one in a root that is read-only", views: rootfsOnly, setup: mine, flags: []string{"--noexec-tmp", "--read-only", "--tmpfs", "/tmp", "--tmpfs", "/run"},
		cmd: []string{"{ATTACKS}", "run-named", "/tmp", "/var/tmp", "/dev/shm", "/run", "/dev/mqueue", "/root"}},
	{id: "noexec-memfd", group: "files", tries: "run a file that is in memory alone (memfd_create)", views: both, flags: []string{"--noexec-tmp"}, cmd: []string{"{ATTACKS}", "run-memfd", "1"}},
	{id: "noexec-memfd-executable", group: "files", tries: "the same with MFD_EXEC", views: both, flags: []string{"--noexec-tmp"}, cmd: []string{"{ATTACKS}", "run-memfd", "0x11"}},
	{id: "noexec-memfd-sealed", group: "files", tries: "run one that is sealed against execution, by the dynamic loader", views: both, flags: []string{"--noexec-tmp"}, cmd: []string{"{ATTACKS}", "run-memfd", "0x9"}},
	{id: "noexec-memfd-strict", group: "files", tries: "run one in the profile strict", views: both, flags: []string{"--profile", "strict"}, cmd: []string{"{ATTACKS}", "run-memfd", "1"}},
	{id: "kernel-i386-memfd", group: "files", tries: "make one by the 32-bit gate", views: both, flags: []string{"--noexec-tmp", "--allow-ia32"}, cmd: []string{"{ATTACKS}", "i386", "356", "@0x78", "1"}},
	{id: "tty-tiocsetd", group: "terminal", tries: "give the terminal a driver for its line (CVE-2017-2636, CVE-2023-6546)", views: both, tty: ttyAll, cmd: []string{"{ATTACKS}", "tiocsetd"}},
	{id: "tty-tiocsetd-input", group: "terminal", tries: "the same where only the input is a terminal", views: both, tty: ttyInput, cmd: []string{"{ATTACKS}", "tiocsetd"}},
	{id: "kernel-i386-tiocsetd", group: "terminal", tries: "the same by the 32-bit gate", views: both, flags: []string{"--allow-ia32"}, cmd: []string{"{ATTACKS}", "i386", "54", "0", "0x5423", "@13"}},
}

// mine makes outside what --tmpfs makes inside.
func mine(s *scene) { s.mkdir("/tmp/mine") }

// TestExecutableEntered: a command that enters is held as well.
func TestExecutableEntered(t *testing.T) {
	needNamespaces(t)
	for _, r := range executableRows {
		if r.tty == ttyNone || r.tty == ttyInput {
			r.mustHold(t, r.views[0], enterLauncher{})
		}
	}
}

// TestExecutableStillRuns: without the flag the private directories run programs, and
// one that asks for it does with the flag.
func TestExecutableStillRuns(t *testing.T) {
	needNamespaces(t)
	for flags, dir := range map[string]string{"": "/dev/shm", "--noexec-tmp --tmpfs /tmp/mine:exec": "/tmp/mine"} {
		s := newScene(t, t.TempDir(), hostView, row{})
		argv := append(append([]string{"{SBX}", "run"}, strings.Fields(flags)...), "--", "{ATTACKS}", "run-named", dir)
		if code := s.run(row{}, s.expand(argv)); code != 1 || !strings.Contains(s.output, "BROKE: it runs in "+dir) {
			t.Errorf("%s: exit code %d: %s", flags, code, s.output)
		}
	}
}
