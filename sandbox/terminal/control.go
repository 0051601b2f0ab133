package terminal

import "strconv"

// maxNumbers and maxNumber are what a control sequence may have. Terminals
// have overflowed on more of either, and read it in different ways.
const (
	maxNumbers = 32
	maxNumber  = 1<<16 - 1
)

// inControl reads a byte of a control sequence (CSI).
func (f *Filter) inControl(b byte) {
	p := &f.parser
	if b < '@' {
		p.keep(b)
		return
	}
	p.state = text
	var s sequence
	if p.long || !s.parse(p.seq[:p.nseq], b) {
		f.dropped[Other]++
		return
	}
	f.control(&s)
}

// sequence is a whole control sequence.
type sequence struct {
	body    []byte // all but CSI and the final byte
	name    [3]byte
	nname   int
	numbers [maxNumbers]int // one that is left out is 0
	count   int             // of the numbers, 0 if all are left out
	parts   bool            // a colon is among what separates them
}

// parse takes the sequence apart: one of "<=>?" or none, numbers, one
// intermediate byte or none, and the final byte. All but the numbers are its
// name.
func (s *sequence) parse(body []byte, final byte) bool {
	s.body = body
	if len(body) > 0 && body[0] >= '<' {
		s.named(body[0])
		body = body[1:]
	}
	digits := 0
	for len(body) > 0 && body[0] >= '0' {
		switch b := body[0]; {
		case b <= '9':
			s.numbers[s.count] = s.numbers[s.count]*10 + int(b-'0')
			if digits++; digits > 5 || s.numbers[s.count] > maxNumber {
				return false
			}
		case b <= ';':
			if s.count++; s.count == maxNumbers {
				return false
			}
			s.parts = s.parts || b == ':'
			digits = 0
		default:
			return false
		}
		body = body[1:]
	}
	if len(s.body)-s.nname > len(body) {
		s.count++
	}
	if len(body) > 1 {
		return false
	}
	if len(body) == 1 {
		s.named(body[0])
	}
	s.named(final)
	return true
}

func (s *sequence) named(b byte) {
	s.name[s.nname] = b
	s.nname++
}

// final is the byte that ends the sequence.
func (s *sequence) final() byte {
	return s.name[s.nname-1]
}

// control passes a sequence that is on the list.
func (f *Filter) control(s *sequence) {
	name := s.name[:s.nname]
	if s.parts && string(name) != "m" {
		f.dropped[Other]++
		return
	}
	first, ok := s.numbers[0], false
	switch string(name) {
	case "m":
		ok = true
		f.modes.change(colours, s.coloured())
	case "A", "B", "C", "D", "E", "F", "G", "I", "Z", "a", "d", "e", "`", "X", "@", "P", "L", "M", "S", "T", "b":
		ok = s.count <= 1 // CSI T with more begins xterm's waiting mouse mode
	case "H", "f":
		ok = s.count <= 2
	case "J", "K":
		ok = s.count <= 1 && first <= 2
	case "r":
		if ok = s.count <= 2; ok {
			f.modes.change(region, first > 1 || s.numbers[1] > 0)
		}
	case "s":
		ok = s.count == 0 // with numbers it sets margins
	case "u":
		if ok = s.count == 0; ok {
			f.modes.recall()
		}
	case "h", "l":
		f.ansiModes(s)
		return
	case "?h", "?l":
		f.privateModes(s)
		return
	case " q":
		if ok = s.count <= 1 && first <= 6; ok {
			f.modes.change(shape, first != 0)
		}
	case "!p":
		if ok = s.count == 0; ok {
			f.modes.softReset()
		}
	case ">m":
		if ok = !f.cooked && s.count <= 2 && first == 4 && s.numbers[1] <= 3; ok {
			f.modes.change(otherKeys, s.numbers[1] != 0)
		}
	case ">u", "<u", "=u":
		f.keys(s)
		return
	default:
		f.refuse(s)
		return
	}
	if !ok {
		f.dropped[Other]++
		return
	}
	f.emit(s.body, s.final())
}

func (f *Filter) emit(body []byte, final byte) {
	f.out = append(f.out, esc, '[')
	f.out = append(f.out, body...)
	f.out = append(f.out, final)
}

func (f *Filter) emitNumber(prefix byte, number int, final byte) {
	f.out = appendNumber(f.out, prefix, number, final)
}

func appendNumber(b []byte, prefix byte, number int, final byte) []byte {
	b = append(b, esc, '[', prefix)
	b = strconv.AppendInt(b, int64(number), 10)
	return append(b, final)
}

// coloured tells whether text may look other than usual after an SGR sequence.
// Only the plain reset is sure: a zero may also be part of a colour.
func (s *sequence) coloured() bool {
	for _, n := range s.numbers[:s.count] {
		if n != 0 {
			return true
		}
	}
	return false
}

// refuse accounts for a sequence that is not on the list, and answers what may
// be answered: that there is a terminal of the plainest kind, which works.
func (f *Filter) refuse(s *sequence) {
	answer := ""
	kind := Other
	switch string(s.name[:s.nname]) {
	case "c":
		kind = Query
		if s.count <= 1 && s.numbers[0] == 0 {
			answer = "\x1b[?1;2c"
		}
	case "n":
		kind = Query
		if s.count == 1 && s.numbers[0] == 5 {
			answer = "\x1b[0n"
		}
	case ">c", "=c", "?n", "x", "*y", "$p", "?$p", ">q", "?u", "?m", "$w", "?S", "#S", "#R", "&w", "'|", "+x":
		kind = Query
	case "t":
		kind = Window
		switch n := s.numbers[0]; {
		case n >= 11 && n <= 21:
			kind = Query
		case n == 22, n == 23:
			return // to keep the title and find it again: it cannot have changed
		}
	case ">t", ">T":
		kind = Title
	}
	f.dropped[kind]++
	if answer != "" && f.Answer != nil {
		f.Answer(answer)
	}
}
