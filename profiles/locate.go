package profiles

import (
	"strconv"
	"strings"
)

// locate gives the line of every key and of every element of an array in a text
// that the TOML parser has accepted. The parser keeps positions for its errors
// and gives none out for values.
//
// It relies on the text being valid, and so skips what it need not know. On a
// text that is not, it may be wrong, but it moves forward and ends.
func locate(text string) map[string]int {
	s := scanner{text: strings.TrimPrefix(text, "\uFEFF"), line: 1, lines: map[string]int{}}
	table := ""
	for {
		s.space(true)
		if s.i >= len(s.text) {
			return s.lines
		}
		if s.text[s.i] == '[' {
			line := s.line
			s.i++
			s.take('[')
			table = s.key("")
			s.note(table, line)
			s.toLineEnd()
			continue
		}
		s.pair(table)
	}
}

// under is the name, among the lines, of a key below another.
func under(parent, name string) string { return parent + "\x00" + name }

// element is the name of an element of an array.
func element(parent string, i int) string { return parent + "\x00#" + strconv.Itoa(i) }

type scanner struct {
	text  string
	i     int
	line  int
	lines map[string]int
}

// note keeps the first line that a key is at.
func (s *scanner) note(name string, line int) {
	if _, known := s.lines[name]; !known {
		s.lines[name] = line
	}
}

func (s *scanner) take(c byte) bool {
	if s.i < len(s.text) && s.text[s.i] == c {
		s.i++
		return true
	}
	return false
}

// next moves over one byte and counts the lines.
func (s *scanner) next() {
	if s.text[s.i] == '\n' {
		s.line++
	}
	s.i++
}

func (s *scanner) toLineEnd() {
	for s.i < len(s.text) && s.text[s.i] != '\n' {
		s.i++
	}
}

// space skips white space, and with lines the ends of lines and comments too.
func (s *scanner) space(lines bool) {
	for s.i < len(s.text) {
		switch c := s.text[s.i]; {
		case c == ' ' || c == '\t':
			s.i++
		case lines && (c == '\n' || c == '\r'):
			s.next()
		case lines && c == '#':
			s.toLineEnd()
		default:
			return
		}
	}
}

// pair reads "key = value" below a table.
func (s *scanner) pair(table string) {
	line, start := s.line, s.i
	name := s.key(table)
	s.note(name, line)
	s.space(false)
	if s.take('=') {
		s.space(false)
		s.value(name)
	}
	if s.i == start {
		s.next()
	}
}

// key reads a key of one or several parts.
func (s *scanner) key(parent string) string {
	for {
		s.space(false)
		start, part := s.i, ""
		if c := s.peek(); c == '"' || c == '\'' {
			s.quoted(c)
			part = unquote(s.text[start:s.i])
		} else {
			for s.i < len(s.text) && !strings.ContainsRune(" \t\r\n.=]#[{},\"'", rune(s.text[s.i])) {
				s.i++
			}
			part = s.text[start:s.i]
		}
		parent = under(parent, part)
		s.space(false)
		if !s.take('.') {
			return parent
		}
		// The table that a dotted key makes on the way is at the same line.
		s.note(parent, s.line)
	}
}

func unquote(q string) string {
	if len(q) < 2 {
		return q
	}
	if q[0] == '"' {
		if text, err := strconv.Unquote(q); err == nil {
			return text
		}
	}
	return q[1 : len(q)-1]
}

func (s *scanner) peek() byte {
	if s.i < len(s.text) {
		return s.text[s.i]
	}
	return 0
}

// value skips a value, and notes what is in it.
func (s *scanner) value(name string) {
	switch c := s.peek(); c {
	case '"', '\'':
		s.quoted(c)
	case '[':
		s.array(name)
	case '{':
		s.inline(name)
	default:
		for s.i < len(s.text) && !strings.ContainsRune(",]}#\n", rune(s.text[s.i])) {
			s.i++
		}
	}
}

// quoted skips a string of any of the four forms.
func (s *scanner) quoted(q byte) {
	fence := strings.Repeat(string(q), 3)
	long := strings.HasPrefix(s.text[s.i:], fence)
	if !long {
		fence = fence[:1]
	}
	s.i += len(fence)
	for s.i < len(s.text) && !strings.HasPrefix(s.text[s.i:], fence) {
		if s.text[s.i] == '\\' && q == '"' && s.i+1 < len(s.text) {
			s.next()
		}
		s.next()
	}
	s.i = min(s.i+len(fence), len(s.text))
	// A long string may end in two quotes of its own before the fence.
	for n := 0; long && n < 2 && s.take(q); n++ {
	}
}

func (s *scanner) array(name string) {
	s.i++
	for n := 0; ; n++ {
		s.space(true)
		if s.i >= len(s.text) || s.take(']') {
			return
		}
		start, e := s.i, element(name, n)
		s.note(e, s.line)
		s.value(e)
		s.space(true)
		s.take(',')
		if s.i == start {
			s.next()
		}
	}
}

func (s *scanner) inline(name string) {
	s.i++
	for {
		s.space(true)
		if s.i >= len(s.text) || s.take('}') {
			return
		}
		s.pair(name)
		s.space(true)
		s.take(',')
	}
}
