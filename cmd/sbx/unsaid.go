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

// unsaid is what could not be said of a command: whoever reads standard error has gone, or
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

// settle waits until all is said, and keeps what was not. It gives the exit code: nobody
// is to take a tree for clean where that it is not was not said.
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
