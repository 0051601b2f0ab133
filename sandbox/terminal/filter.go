package terminal

import (
	"io"
	"sync"
	"unicode/utf8"
)

// Filter passes on output that may be shown, and keeps account of what has to
// be undone on the terminal when the output ends. It may be used by several
// goroutines.
type Filter struct {
	// Answer, if it is set, gets what the terminal would say to a question that
	// the Filter answers in its place, to be written to the program's input. It
	// is called within Write and must not block: a program that asks and does not
	// read would stop its own output.
	Answer func(string)

	w       io.Writer
	cooked  bool       // see NewCooked
	mu      sync.Mutex // guards what is below
	out     []byte     // of this Write, kept for its room
	cut     bool       // w took only part of a write
	parser  parser
	modes   modes
	dropped [kinds]int
}

// New gives a Filter that writes to w.
func New(w io.Writer) *Filter {
	return &Filter{w: w}
}

// NewCooked gives a Filter for a terminal that is not raw, so that Ctrl-C is a signal. A
// program may not change how keys are sent there: as an escape sequence it is none.
func NewCooked(w io.Writer) *Filter {
	return &Filter{w: w, cooked: true}
}

// Write filters p and writes what passes in one write, or in none. An escape
// sequence or a character that p ends within is held until it is whole.
func (f *Filter) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	rest := p
	if f.parser.atText() {
		n := plain(p)
		if n == len(p) {
			return f.pass(p, len(p))
		}
		f.out, rest = append(f.out[:0], p[:n]...), p[n:]
	} else {
		f.out = f.out[:0]
	}
	for len(rest) > 0 {
		if f.parser.atText() {
			n := plain(rest)
			f.out, rest = append(f.out, rest[:n]...), rest[n:]
			if len(rest) == 0 {
				break
			}
		}
		f.step(rest[0])
		rest = rest[1:]
	}
	return f.pass(f.out, len(p))
}

// pass writes b, and gives what a Write of size bytes that came to b returns.
// After an error nobody can tell how much of them was shown, so it is none.
func (f *Filter) pass(b []byte, size int) (int, error) {
	if len(b) == 0 {
		return size, nil
	}
	n, err := f.w.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	if f.cut = err != nil; f.cut {
		return 0, err
	}
	return size, nil
}

// plain is how many bytes at the start of b are text that passes as it is:
// no control that means more than a place on the screen, and no character
// that is not whole.
func plain(b []byte) int {
	for i := 0; i < len(b); {
		switch c := b[i]; {
		case c >= ' ' && c < del, c >= bel && c <= cr:
			i++
		case c < utf8.RuneSelf:
			return i
		default:
			r, size := utf8.DecodeRune(b[i:])
			if size == 1 || r < firstAfterC1 {
				return i
			}
			i += size
		}
	}
	return len(b)
}
