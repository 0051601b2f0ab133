package main

import (
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox"
)

// unsaid keeps the lines that could not be printed: the reader of standard error has gone, or
// the command has shut it down. It is kept for the next sbx, as are the notices of a
// sandbox that goes with its log.
type unsaid struct {
	voice *voice   // or nil, where there is a log
	of    string   // what ran
	stays []string // lines about what the command left in place
}

// listen keeps what cannot be said of a command from when on it runs.
func listen(u ui, cmd *sandbox.Cmd, of string) *unsaid {
	v, _ := u.errors.(*voice)
	n := &unsaid{voice: v, of: of}
	cmd.Noticed = func(line string, stays bool) {
		if stays {
			n.stays = append(n.stays, plain(line))
		}
	}
	cmd.AtOnce = func() {
		signal.Ignore(unix.SIGPIPE) // of what is carried; userns.RestoreSignals undoes it for others
		if v != nil {
			v.share()
		}
	}
	return n
}

// settle waits until all is printed, and keeps what was not. It returns the exit code:
// exitFailed if a line about a file that stays could not be printed.
func (n *unsaid) settle(code int) int {
	if n.voice == nil {
		return code
	}
	lines := n.voice.settle()
	if len(lines) == 0 {
		return code
	}
	for i, line := range lines {
		lines[i] = strings.TrimSuffix(strings.TrimPrefix(line, said), "\n")
	}
	err := keepNotices(n.of, strconv.Itoa(os.Getpid()), lines)
	if err != nil || slices.ContainsFunc(lines, func(line string) bool { return slices.Contains(n.stays, line) }) {
		return exitFailed
	}
	return code
}
