package terminal

import "unicode/utf8"

const (
	enq = 0x05
	bel = 0x07
	cr  = 0x0d
	so  = 0x0e
	si  = 0x0f
	can = 0x18
	sub = 0x1a
	esc = 0x1b
	del = 0x7f

	firstAfterC1 = 0xa0
	replacement  = "\uFFFD"
)

// maxSequence is how long the parameters of a sequence may be. The longest in
// use, a colour of each kind and the underline's, takes less than a quarter.
const maxSequence = 256

// state is where in the output the parser is.
type state uint8

const (
	text      state = iota
	escape          // after ESC, and bytes that only prepare
	control         // after ESC [
	command         // after ESC ], in its number
	commanded       // in what follows the number, to BEL or ST
	str             // in another string, to ST
	colour          // after ESC ] P, the Linux console's only string without an end
)

// parser is how far the output has been read. It follows the diagram that the
// VT500 series drew and most terminals obey: ESC begins anew wherever it is, CAN
// and SUB break off, and other controls within a sequence act at once.
type parser struct {
	state  state
	held   [utf8.UTFMax]byte // a character that is not whole
	nheld  int
	seq    [maxSequence]byte // a sequence without its introducer and final byte
	nseq   int
	long   bool // it did not fit
	number int  // of a command, or how many digits of a colour are to come
}

// atText tells whether the next byte may be plain text.
func (p *parser) atText() bool {
	return p.state == text && p.nheld == 0
}

func (p *parser) begin(s state) {
	p.state, p.nseq, p.long, p.number = s, 0, false, 0
}

func (p *parser) keep(b byte) {
	if p.nseq == len(p.seq) {
		p.long = true
		return
	}
	p.seq[p.nseq] = b
	p.nseq++
}

// step reads one byte.
func (f *Filter) step(b byte) {
	p := &f.parser
	switch {
	case p.nheld > 0:
		f.character(b)
	case b == esc:
		f.abandon()
		p.begin(escape)
	case b == can, b == sub:
		f.abandon()
		p.state = text
	case p.state >= command:
		f.inString(b)
	case b < ' ':
		f.c0(b)
	case b == del: // fills time on paper tape
	case b >= utf8.RuneSelf:
		f.abandon()
		p.state = text
		f.character(b)
	case p.state == escape:
		f.inEscape(b)
	case p.state == control:
		f.inControl(b)
	default:
		f.out = append(f.out, b)
	}
}

// abandon accounts for a sequence that will have no end.
func (f *Filter) abandon() {
	switch f.parser.state {
	case escape, control:
		f.dropped[Other]++
	case command:
		f.dropped[commandKind(f.parser.number)]++
	case colour:
		f.dropped[Palette]++
	}
}

// character reads a byte of a character that is not ASCII. What is written is
// always valid: a terminal that waits for the rest of a character might take
// it from a sequence that follows, even from what Restore writes.
func (f *Filter) character(b byte) {
	p := &f.parser
	p.held[p.nheld] = b
	p.nheld++
	held := p.held[:p.nheld]
	if !utf8.FullRune(held) {
		return
	}
	p.nheld = 0
	r, size := utf8.DecodeRune(held)
	switch {
	case size == 1 && len(held) > 1: // b is not of it, and may be anything
		f.out = append(f.out, replacement...)
		f.step(b)
	case size == 1 && b >= firstAfterC1:
		f.out = append(f.out, replacement...)
	case r < firstAfterC1, size == 1:
		f.dropped[Control]++
	default:
		f.out = append(f.out, held...)
	}
}

// c0 reads a control character, also one within a sequence.
func (f *Filter) c0(b byte) {
	switch {
	case b == so:
		f.modes.change(shift, true)
	case b == si:
		f.modes.change(shift, false)
	case b >= bel && b <= cr:
	case b == 0: // padding
		return
	case b == enq:
		f.dropped[Query]++
		return
	default: // among them XOFF, which stops some terminals
		f.dropped[Control]++
		return
	}
	f.out = append(f.out, b)
}

// inString reads a byte of a string, none of which passes.
func (f *Filter) inString(b byte) {
	p := &f.parser
	switch p.state {
	case command:
		f.inCommand(b)
	case commanded:
		if b == bel {
			p.state = text
		}
	case colour:
		if !hexadecimal(b) {
			p.number = 0
		} else if p.number--; p.number > 0 {
			return
		}
		f.dropped[Palette]++
		p.state = text
		if !hexadecimal(b) {
			f.step(b)
		}
	}
}

// inCommand reads the number of an operating system command. The Linux console
// has two that begin with a letter and no end: to wait for one would hide all
// that a program writes there after it set a colour.
func (f *Filter) inCommand(b byte) {
	p := &f.parser
	switch {
	case b >= '0' && b <= '9':
		p.number = min(p.number*10+int(b-'0'), 1<<16)
		p.keep(b)
		return
	case b == 'R' && p.nseq == 0:
		f.dropped[Palette]++
		p.state = text
		return
	case b == 'P' && p.nseq == 0:
		p.state, p.number = colour, 7
		return
	case p.nseq == 0:
		p.number = 1 << 16
	}
	f.dropped[commandKind(p.number)]++
	p.state = commanded
	f.inString(b)
}

func hexadecimal(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'f' || b >= 'A' && b <= 'F'
}
