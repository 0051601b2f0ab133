package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// statOf gives the kernel's own answer.
func statOf(info os.FileInfo) *syscall.Stat_t { return info.Sys().(*syscall.Stat_t) }

// terminalRows are the caller's terminal.
var terminalRows = []row{
	{id: "tty-tiocsti", group: "terminal", tries: "type a line for the caller's shell", views: both, tty: ttyAll, judge: untyped, cmd: []string{"{ATTACKS}", "tiocsti", "0"}},
	{id: "tty-tiocsti-input", group: "terminal", tries: "the same where only the input is a terminal", views: both, tty: ttyInput, judge: untyped, cmd: []string{"{ATTACKS}", "tiocsti", "0"}},
	{id: "tty-tiocsti-high-bit", group: "terminal", tries: "the same with the highest bit of the request set", views: both, tty: ttyInput, judge: untyped, cmd: []string{"{ATTACKS}", "tiocsti", "0x8000000000000000"}},
	{id: "tty-tioclinux", group: "terminal", tries: "paste on a virtual console (CVE-2023-28100)", views: both, tty: ttyInput, cmd: []string{"{ATTACKS}", "tioclinux"}},
	{id: "tty-dev-tty", group: "terminal", tries: "write to the caller's terminal by /dev/tty", views: both, tty: ttyInput, judge: unseen, cmd: []string{"{ATTACKS}", "tty-open"}},
	{id: "tty-foreground", group: "terminal", tries: "take the terminal's foreground from the caller's shell", views: both, tty: ttyInput, cmd: []string{"{ATTACKS}", "tty-steal"},
		judge: func(s *scene) string {
			if _, err := os.Lstat(s.path("{DIR}/regained")); err != nil {
				return "the shell could not set its terminal afterwards"
			}
			return ""
		}},
	{id: "tty-raw", group: "terminal", tries: "leave the terminal without echo", views: both, tty: ttyAll, cmd: []string{"{ATTACKS}", "tty-raw"},
		judge: sane},
	{id: "tty-tiocsti-output", group: "terminal", tries: "type a line where the output is a terminal", views: both, tty: ttyOutput, judge: untyped, cmd: []string{"{ATTACKS}", "tiocsti", "0"}},
	{id: "tty-tiocsti-error", group: "terminal", tries: "the same where only the errors go to a terminal", views: both, tty: ttyError, judge: untyped, cmd: []string{"{ATTACKS}", "tiocsti", "0"}},
	{id: "tty-raw-input", group: "terminal", tries: "leave the terminal without echo where only the input is one", views: both, tty: ttyInput, cmd: []string{"{ATTACKS}", "tty-raw"}, judge: sane},
	{id: "tty-names", group: "terminal", tries: "have sbx itself print a file's name that is a terminal's escape (CVE-2023-28101)", views: both, tty: ttyAll, judge: unasked,
		cmd: []string{"sh", "-c", `d=$(printf 'x\033[6n\033]52;c;eA==\007'); mkdir -p "$d/.vscode" "$d/.git"; echo x > "$d/.vscode/tasks.json"; echo x > "$d/.git/config"; touch "$d/s"; chmod 4755 "$d/s" 2> /dev/null; echo TRIED: planted`}},
	asks("tty-answer-position", "where the cursor is", `\x1b[6n`),
	asks("tty-answer-attributes", "what terminal it is", `\x1b[c`),
	asks("tty-answer-version", "its version", `\x1b[>q`),
	asks("tty-answer-status", "a setting, by DECRQSS", `\x1bP$q\x22p\x1b\\`),
	asks("tty-answer-title", "its title, which was set before", `\x1b]2;echo INJECTED\x07\x1b[21t`),
	asks("tty-answer-colour", "a colour", `\x1b]10;?\x07`),
	asks("tty-answer-8-bit", "where the cursor is, in 8-bit codes", `\x9b6n`),
	asks("tty-answer-utf8", "the same in UTF-8", `\u009b6n`),
	asks("tty-answer-tmux", "it by way of tmux", `\x1bPtmux;\x1b\x1b[6n\x1b\\`),
	asks("tty-answer-cancelled", "it behind a sequence that is broken off", `\x1b[\x18\x1b[?\x1b[6n`),
	bytewise(asks("tty-answer-bytewise", "it a byte at a time", `\x1b[6n`)),
	asksAt("tty-answer-by-input", "written to the input", ttyInput, "0"),
	asksAt("tty-answer-by-output", "where the input is none", ttyOutput, "1"),
	asksAt("tty-answer-by-error", "written to the errors", ttyError, "2"),
	asks("tty-clipboard", "the clipboard, or set it", `\x1b]52;c;ZWNobyBJTkpFQ1RFRA==\x07\x1b]52;c;?\x07`),
}

// asks prints what a terminal answers to on its input, where the next shell
// reads it. The terminal of the test answers nothing, but it may not be asked.
func asks(id, what, sequence string) row {
	return row{id: id, group: "terminal", tries: "ask the terminal for " + what + ", to have it type the answer", views: both, tty: ttyAll, judge: unasked,
		cmd: []string{"{ATTACKS}", "tty-query", "1", sequence}}
}

// asksAt asks by another descriptor, where that alone is the terminal.
func asksAt(id, where string, tty streams, fd string) row {
	r := asks(id, "where the cursor is, "+where, `\x1b[6n`)
	r.tty, r.cmd[2] = tty, fd
	return r
}

// bytewise asks a byte at a time.
func bytewise(r row) row {
	r.cmd = append(r.cmd, "bytes")
	return r
}

// unasked judges by what came to the terminal.
func unasked(s *scene) string {
	for _, question := range []string{"\x1b[6n", "\x1b[c", "\x1b[>q", "\x1bP$q", "\x1b[21t", "\x1b]10;?", "\x1b]52;", "\x9d52;", "\x9b6n", "\xc2\x9b6n", "\x1bPtmux"} {
		if strings.Contains(s.shown, question) {
			return fmt.Sprintf("%q came to the terminal", question)
		}
	}
	return ""
}

// sane judges by the terminal's modes afterwards.
func sane(s *scene) string {
	if strings.Contains(s.settled, "-icanon") || strings.Contains(s.settled, "-echo ") {
		return "it is raw"
	}
	return ""
}

func untyped(s *scene) string {
	if strings.Contains(s.typed, "INJECTED") {
		return fmt.Sprintf("%q was typed", s.typed)
	}
	return ""
}

func unseen(s *scene) string {
	if strings.Contains(s.shown, "OWNED") {
		return "it was written to"
	}
	return ""
}

// spareTerminal opens a terminal that the command is not given.
func spareTerminal(s *scene) {
	master, slave := s.terminal()
	fd := int(master.Fd())
	s.check(unix.SetNonblock(fd, true))
	s.t.Cleanup(func() { master.Close(); slave.Close() })
	s.vars["MASTER"] = fmt.Sprint(fd)
}

func silent(s *scene) string {
	var fd int
	_, err := fmt.Sscan(s.vars["MASTER"], &fd)
	s.check(err)
	b := make([]byte, 100)
	if n, err := unix.Read(fd, b); err == nil && n > 0 {
		return fmt.Sprintf("%q was written to it", b[:n])
	}
	return ""
}
