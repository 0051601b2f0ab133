package sandbox

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/terminal"
)

// terminal carries a terminal's master: what stdin has goes in, what comes out
// goes to stdout, through a filter unless it is to be raw. The copying in ends
// with the program, since nothing ends a read of the caller's terminal.
func (s *streams) terminal(master *os.File, in io.Reader, out io.Writer, raw bool) error {
	if in == nil {
		in = eof{}
	}
	if out == nil {
		out = io.Discard
	}
	s.mu.Lock()
	s.master = master
	s.mu.Unlock()
	if f, ok := in.(*os.File); ok && isTerminal(int(f.Fd())) {
		in = &terminal.Input{File: f}
	}
	go func() {
		typed := &lineReader{Reader: in}
		if _, err := io.Copy(master, typed); err == nil {
			terminal.TypeEnd(master, typed.unfinished)
		}
	}()
	if !raw {
		s.filter, s.shown = terminal.New(out), out
		s.filter.Answer = answering(master)
		out = s.filter
	}
	s.copies = append(s.copies, func() error {
		_, err := io.Copy(out, master)
		if errors.Is(err, unix.EIO) {
			return nil // all who had the other side open have ended
		}
		if err != nil { // or the command waits for ever for somebody to read
			_ = s.hangUp()
		}
		if errors.Is(err, unix.EPIPE) {
			return nil // the command learns it by SIGHUP
		}
		return err
	})
	return nil
}

// A lineReader knows whether what it has read ends in the middle of a line.
type lineReader struct {
	io.Reader
	unfinished bool
}

func (r *lineReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	if n > 0 {
		r.unfinished = b[n-1] != '\n'
	}
	return n, err
}

// hangUp closes the terminal's master, once.
func (s *streams) hangUp() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.master == nil {
		return nil
	}
	err := s.master.Close()
	s.master = nil
	return err
}

// answering types the filter's answers at the program. One that asks without end
// and does not read gets no more of them.
func answering(master io.Writer) func(string) {
	answers := make(chan string, 16)
	go func() {
		for a := range answers {
			_, _ = io.WriteString(master, a) // too late for one that has ended
		}
	}()
	return func(a string) {
		select {
		case answers <- a:
		default:
		}
	}
}

// restore undoes what the command did to the caller's terminal. The lock of the
// streams is not taken: a terminal that takes nothing would hold it.
func (s *streams) restore() {
	if s.filter != nil {
		_, _ = s.shown.Write(s.filter.Restore()) // whoever read it has gone
	}
}

// kept says what the command tried with the caller's terminal, where nobody would
// have asked for that: every editor asks a terminal questions and sets titles.
func (s *streams) kept() string {
	if s.filter == nil {
		return ""
	}
	var parts []string
	for _, d := range s.filter.Dropped() {
		if d.Kind == terminal.Clipboard || d.Kind == terminal.Notification {
			kind := d.Kind.String()
			if d.Count == 1 {
				kind = strings.TrimSuffix(kind, "s")
			}
			parts = append(parts, fmt.Sprintf("%d %s", d.Count, kind))
		}
	}
	if parts == nil {
		return ""
	}
	return "blocked on your terminal: " + strings.Join(parts, ", ") + " (allow with --raw-terminal)"
}

// resize tells the terminal how large it is.
func (s *streams) resize(rows, columns uint16) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.master == nil {
		return nil
	}
	return unix.IoctlSetWinsize(int(s.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns})
}
