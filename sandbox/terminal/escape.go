package terminal

// inEscape reads a byte after ESC.
func (f *Filter) inEscape(b byte) {
	p := &f.parser
	if b < '0' { // it prepares for what follows
		p.keep(b)
		return
	}
	p.state = text
	switch {
	case p.nseq > 0:
		f.designate(b)
	case b == '[':
		p.begin(control)
	case b == ']':
		p.begin(command)
	case b == 'P', b == 'X', b == '^', b == '_':
		p.begin(str)
		f.dropped[Data]++
	case b == 'k': // where a terminal does not know it, the title would be shown
		p.begin(str)
		f.dropped[Title]++
	default:
		f.single(b)
	}
}

// single carries out ESC and one byte.
func (f *Filter) single(b byte) {
	switch b {
	case '\\': // the end of a string, which was dropped
		return
	case 'c':
		f.reset()
		return
	case 'Z':
		f.dropped[Query]++
		return
	case '7', 'D', 'E', 'M':
	case '8':
		f.modes.recall()
	case '=':
		f.modes.change(keypad, true)
	case '>':
		f.modes.change(keypad, false)
	default: // CVE-2021-33477 was one: ESC G Q answers with a new line in it
		f.dropped[Other]++
		return
	}
	f.out = append(f.out, esc, b)
}

// designate names the character set G0 or G1. The others are of no use without
// the shifts to them.
func (f *Filter) designate(b byte) {
	p := &f.parser
	if p.nseq > 1 || p.seq[0] != '(' && p.seq[0] != ')' || b != 'A' && b != 'B' && b != '0' {
		f.dropped[Other]++
		return
	}
	set := g0
	if p.seq[0] == ')' {
		set = g1
	}
	f.modes.change(set, b != 'B')
	f.out = append(f.out, esc, p.seq[0], b)
}

// reset stands for a full reset (RIS), which programs send to clear the
// screen. It undoes what the program did, and leaves the caller's settings and
// what has scrolled off the screen alone.
func (f *Filter) reset() {
	f.out = f.modes.undo(f.out)
	f.modes.softReset()
	f.out = append(f.out, "\x1b[!p\x1b[H\x1b[2J"...)
}
