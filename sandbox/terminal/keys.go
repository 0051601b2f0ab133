package terminal

import "strconv"

// maxPushed is how many settings a program may push. The terminal's stack is
// short too (kitty's has eight), and a full one loses what the caller pushed.
const maxPushed = 4

// keys carries out the sequences that say how keys are told (the kitty keyboard
// protocol). The terminal keeps a stack of settings for each of its two screens.
// What the program pushed is counted, so that it can neither change nor pop what
// lies below, the caller's shell's.
func (f *Filter) keys(s *sequence) {
	pushed := &f.modes.pushed[f.modes.screen()]
	first, second := s.numbers[0], s.numbers[1]
	ok := false
	if f.cooked {
		f.dropped[Mode]++
		return
	}
	switch s.name[0] {
	case '>':
		if ok = s.count <= 1 && first <= 31 && *pushed < maxPushed; ok {
			*pushed++
		}
	case '=':
		if ok = s.count <= 2 && first <= 31 && second <= 3; ok && *pushed == 0 {
			f.emitNumber('>', 0, 'u')
			*pushed = 1
		}
	case '<':
		n := first
		if s.count == 0 {
			n = 1
		}
		if n > *pushed {
			n = *pushed
			s.body = strconv.AppendInt(append(s.body[:0], '<'), int64(n), 10)
		}
		if ok = s.count <= 1 && n > 0; ok {
			*pushed -= n
		}
	}
	if !ok {
		f.dropped[Mode]++
		return
	}
	f.emit(s.body, 'u')
}
