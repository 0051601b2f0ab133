package journal

import (
	"bytes"
	"io"
)

// A scanner takes a file apart into records. At the file's end it gives io.EOF, and
// goes on when the file has.
type scanner struct {
	from       io.Reader
	buf        []byte
	start, end int
	skipping   bool // what has no end that a record could have
}

// next gives the next record. What is none is passed over: there is none but what a
// crash left, and nobody is helped by half a line that he takes for a whole one.
func (s *scanner) next() (Record, error) {
	for {
		if i := bytes.IndexByte(s.buf[s.start:s.end], '\n'); i >= 0 {
			line := s.buf[s.start : s.start+i]
			s.start += i + 1
			skip := s.skipping
			s.skipping = false
			if r, ok := parse(line); ok && !skip {
				return r, nil
			}
			continue
		}
		if s.end-s.start > maxRecord {
			s.skipping = true
		}
		if s.skipping {
			s.start = s.end
		}
		if err := s.fill(); err != nil {
			return Record{}, err
		}
	}
}

func (s *scanner) fill() error {
	if s.buf == nil {
		s.buf = make([]byte, 4*maxRecord)
	}
	if s.start > 0 && (s.start == s.end || s.end == len(s.buf)) {
		s.end = copy(s.buf, s.buf[s.start:s.end])
		s.start = 0
	}
	n, err := s.from.Read(s.buf[s.end:])
	s.end += n
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// cut gives the record at the end that a crash cut short, when there is one.
func (s *scanner) cut() (Record, bool) {
	line := s.buf[s.start:s.end]
	s.start = s.end
	if s.skipping {
		return Record{}, false
	}
	r, ok := parse(line)
	r.Partial = true
	return r, ok && len(r.Text) > 0
}

// reset begins another file.
func (s *scanner) reset(from io.Reader) {
	s.from, s.start, s.end, s.skipping = from, 0, 0, false
}
