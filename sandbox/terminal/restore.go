package terminal

// Restore gives what puts the terminal back to what it was before the output,
// as far as the output has changed it, and begins the account anew. It is
// nothing where nothing was changed. A sequence that the output ended within was
// held, so the terminal is not within one, unless it failed to take it whole.
func (f *Filter) Restore() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	var b []byte
	if f.cut {
		f.cut = false
		b = append(b, can) // breaks off a sequence, and means nothing outside one
	}
	return f.modes.undo(b)
}

// undo appends what puts the modes back. The order matters: to leave the
// alternate screen brings back what was kept with the cursor's place, and must
// come before that is undone.
func (m *modes) undo(b []byte) []byte {
	if m.now&synchronized != 0 {
		b = append(b, "\x1b[?2026l"...)
	}
	if number := m.alternate; number != 0 {
		b = m.leave(b)
		b = appendNumber(b, '?', number, 'l')
		m.recall()
	}
	b = m.pop(b)
	b = m.undoRegion(b)
	for _, p := range privateModes {
		switch {
		case m.now&p.flag == 0, p.flag == synchronized, p.flag == origin:
		case p.on:
			b = appendNumber(b, '?', p.number, 'h')
		default:
			b = appendNumber(b, '?', p.number, 'l')
		}
	}
	for _, u := range undone {
		if m.now&u.flag != 0 {
			b = append(b, u.sequence...)
		}
	}
	m.now = 0
	return b
}

// undoRegion gives the terminal its whole height back. That moves the cursor to
// the top, over what is there, so its place is kept, or else it goes to the
// last line.
func (m *modes) undoRegion(b []byte) []byte {
	switch m.now & (origin | region) {
	case region:
		b = append(b, "\x1b7\x1b[r\x1b8"...)
	case origin:
		b = append(b, "\x1b[?6l\x1b[9999;1H"...)
	case origin | region:
		b = append(b, "\x1b[?6l\x1b[r\x1b[9999;1H"...)
	}
	return b
}

// undone are the modes without a number, and what puts each back.
var undone = [...]struct {
	flag     flag
	sequence string
}{
	{insert, "\x1b[4l"},
	{keypad, "\x1b>"},
	{otherKeys, "\x1b[>4m"},
	{shape, "\x1b[0 q"},
	{shift, "\x0f"},
	{g0, "\x1b(B"},
	{g1, "\x1b)B"},
	{colours, "\x1b[m"},
}
