package terminal

// flag is a set of things that are not as they were.
type flag uint32

const (
	colours flag = 1 << iota
	shift
	g0
	g1
	origin
	wrap
	region
	keypad
	shape
	insert
	otherKeys
	synchronized
	cursor
	blink
	reverse
	cursorKeys
	paste
	focus
	mouse9
	mouse1000
	mouse1002
	mouse1003
	mouse1005
	mouse1006
	mouse1015
	mouse1016
	screens
	place

	// kept is what a terminal keeps and finds again along with the cursor's place.
	kept = colours | shift | g0 | g1 | origin | wrap
)

// privateMode is a mode that programs may switch.
type privateMode struct {
	number int
	flag   flag
	on     bool // as it is when no program has touched it
}

// privateModes are the modes that may be switched (DECSET, DECRST), in the order
// of their numbers.
var privateModes = [...]privateMode{
	{1, cursorKeys, false},
	{5, reverse, false},
	{6, origin, false},
	{7, wrap, true},
	{9, mouse9, false},
	{12, blink, false},
	{25, cursor, true},
	{47, screens, false},
	{1000, mouse1000, false},
	{1002, mouse1002, false},
	{1003, mouse1003, false},
	{1004, focus, false},
	{1005, mouse1005, false},
	{1006, mouse1006, false},
	{1015, mouse1015, false},
	{1016, mouse1016, false},
	{1047, screens, false},
	{1048, place, false},
	{1049, screens | place, false},
	{2004, paste, false},
	{2026, synchronized, false},
}

func findMode(number int) (privateMode, bool) {
	for _, m := range privateModes {
		if m.number == number {
			return m, true
		}
	}
	return privateMode{}, false
}

// modes is what the output has changed on the terminal and not put back.
type modes struct {
	now       flag   // not as it was
	ever      flag   // was at some time not as it was
	alternate int    // the mode that led to the alternate screen, or 0
	pushed    [2]int // settings of the keys, for the main and the alternate screen
}

func (m *modes) change(f flag, changed bool) {
	if changed {
		m.now |= f
		m.ever |= f
	} else {
		m.now &^= f
	}
}

// recall is what happens when the terminal finds the cursor's place again: what
// it kept along with it may be anything that was.
func (m *modes) recall() {
	m.now |= m.ever & kept
}

// softReset puts back most modes. Which ones differs between terminals, so all
// stay on the account; the line wrap, which some turn off, comes onto it.
func (m *modes) softReset() {
	m.change(wrap, true)
}

func (m *modes) screen() int {
	if m.alternate != 0 {
		return 1
	}
	return 0
}

// ansiModes switches insert mode, the only one of its kind that programs use.
// Among the others are a locked keyboard and an Enter key that sends two bytes.
func (f *Filter) ansiModes(s *sequence) {
	if s.count != 1 || s.numbers[0] != 4 {
		f.dropped[Mode]++
		return
	}
	f.modes.change(insert, s.final() == 'h')
	f.emit(s.body, s.final())
}

// privateModes switches those modes of a sequence that may be.
func (f *Filter) privateModes(s *sequence) {
	on, refused := s.final() == 'h', 0
	for _, n := range s.numbers[:s.count] {
		if _, ok := findMode(n); !ok {
			refused++
		}
	}
	f.dropped[Mode] += refused
	if s.count == refused {
		return
	}
	for _, n := range s.numbers[:s.count] {
		if m, ok := findMode(n); ok {
			f.switchMode(m, on)
			if refused > 0 {
				f.emitNumber('?', n, s.final())
			}
		}
	}
	if refused == 0 {
		f.emit(s.body, s.final())
	}
}

func (f *Filter) switchMode(m privateMode, on bool) {
	switch {
	case m.flag&(screens|place) == 0:
		f.modes.change(m.flag, on != m.on)
		return
	case m.flag&screens == 0:
	case on && f.modes.alternate == 0:
		f.modes.alternate = m.number
	case !on:
		f.out = f.modes.leave(f.out)
	}
	if m.flag&place != 0 && !on {
		f.modes.recall()
	}
}

// leave accounts for the alternate screen's end. Its stack of settings for the
// keys cannot be reached any more, so it is emptied.
func (m *modes) leave(b []byte) []byte {
	if m.alternate == 0 {
		return b
	}
	b = m.pop(b)
	m.alternate = 0
	return b
}

// pop takes off what the program pushed on the stack of the screen it is at.
func (m *modes) pop(b []byte) []byte {
	pushed := &m.pushed[m.screen()]
	if *pushed > 0 {
		b = appendNumber(b, '<', *pushed, 'u')
		*pushed = 0
	}
	return b
}
