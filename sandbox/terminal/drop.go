package terminal

// Kind is what a dropped part of the output would have done.
type Kind uint8

const (
	Clipboard Kind = iota
	Title
	Query
	Window
	Notification
	Link
	Palette
	Data
	Mode
	Control
	Other
	kinds int = iota
)

// String names the kind in the plural, to be followed by a count.
func (k Kind) String() string {
	switch k {
	case Clipboard:
		return "clipboard requests"
	case Title:
		return "titles"
	case Query:
		return "queries"
	case Window:
		return "window operations"
	case Notification:
		return "notifications"
	case Link:
		return "links"
	case Palette:
		return "palette changes"
	case Data:
		return "data strings"
	case Mode:
		return "modes"
	case Control:
		return "control characters"
	}
	return "other sequences"
}

// Drop is how many of a kind were dropped.
type Drop struct {
	Kind  Kind
	Count int
}

// Dropped tells what was dropped so far, in the order of the kinds.
func (f *Filter) Dropped() []Drop {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []Drop
	for k, n := range f.dropped {
		if n > 0 {
			all = append(all, Drop{Kind(k), n})
		}
	}
	return all
}

// commandKind is the kind of an operating system command (OSC).
func commandKind(number int) Kind {
	switch {
	case number == 52, number == 5522:
		return Clipboard
	case number <= 2, number == 21:
		return Title
	case number == 4, number == 5, number >= 10 && number <= 19, number >= 104 && number <= 119:
		return Palette
	case number == 8:
		return Link
	case number == 9, number == 99, number == 777:
		return Notification
	}
	return Data
}
