package journal

import (
	"bytes"
	"time"
)

// rest is how long the beginning of a line is waited with for its end.
const rest = 100 * time.Millisecond

// A Stream is one of the streams of a log. Its Write takes all that it is given, and
// has no error.
type Stream struct {
	journal *Journal
	name    string
	begun   []byte // of a line whose end has not come
	since   time.Time
	timer   *time.Timer
	armed   bool
	full    []byte // the head of records, for as long as a write takes
	part    []byte
}

// Stream gives a stream of the log, for one writer.
func (j *Journal) Stream(name string) *Stream {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := &Stream{journal: j, name: name}
	j.streams = append(j.streams, s)
	return s
}

func (s *Stream) Write(p []byte) (int, error) {
	j := s.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return len(p), nil
	}
	now := j.now()
	s.heads(now)
	for rest := p; len(rest) > 0; {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			s.keep(rest, now)
			break
		}
		s.line(rest[:i])
		rest = rest[i+1:]
	}
	j.flush()
	return len(p), nil
}

func (s *Stream) heads(now time.Time) {
	s.full = appendHead(s.full[:0], now, s.name, 'F')
	s.part = append(s.part[:0], s.full...)
	s.part[len(s.part)-2] = 'P'
}

// line records a line whose end has come.
func (s *Stream) line(text []byte) {
	if len(s.begun) > 0 {
		room := min(maxText-len(s.begun), len(text))
		s.begun = append(s.begun, text[:room]...)
		if text = text[room:]; len(text) == 0 {
			s.journal.record(s.full, s.begun)
			s.begun = s.begun[:0]
			return
		}
		s.journal.record(s.part, s.begun)
		s.begun = s.begun[:0]
	}
	for len(text) > maxText {
		s.journal.record(s.part, text[:maxText])
		text = text[maxText:]
	}
	s.journal.record(s.full, text)
}

// keep keeps the beginning of a line, for a while.
func (s *Stream) keep(text []byte, now time.Time) {
	if len(s.begun) == 0 {
		s.since = now
	}
	for len(s.begun)+len(text) > maxText {
		room := maxText - len(s.begun)
		s.begun = append(s.begun, text[:room]...)
		text = text[room:]
		s.journal.record(s.part, s.begun)
		s.begun, s.since = s.begun[:0], now
	}
	s.begun = append(s.begun, text...)
	if s.armed {
		return
	}
	s.armed = true
	if s.timer == nil {
		s.timer = time.AfterFunc(rest, s.rested)
	} else {
		s.timer.Reset(rest)
	}
}

// rested records the beginning of a line that has rested.
func (s *Stream) rested() {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	s.armed = false
	if len(s.begun) == 0 {
		return
	}
	if age := time.Since(s.since); age >= 0 && age < rest { // another line has begun meanwhile
		s.armed = true
		s.timer.Reset(rest - age)
		return
	}
	s.release()
}

func (s *Stream) release() {
	if len(s.begun) > 0 && s.journal.file != nil {
		s.heads(s.journal.now())
		s.journal.record(s.part, s.begun)
		s.begun = s.begun[:0]
		s.journal.flush()
	}
}

// Flush records what came of a line that will have no end.
func (s *Stream) Flush() {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	s.release()
}
