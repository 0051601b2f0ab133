package sandbox

import (
	"fmt"
	"sync"
)

// heldNotes are lines that the caller gets later. It says them where the command's output
// goes, and the command may have closed that, or filled it: the first line could end the
// caller, or have it wait, while what was left is still in place.
type heldNotes struct {
	mu    sync.Mutex
	on    bool
	lines []func()
}

func (h *heldNotes) hold() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.on = true
}

// say tells a line now, or behind those that are held.
func (h *heldNotes) say(line func()) {
	h.mu.Lock()
	on := h.on
	if on {
		h.lines = append(h.lines, line)
	}
	h.mu.Unlock()
	if !on {
		line()
	}
}

// tell tells all, and holds no more.
func (h *heldNotes) tell() {
	h.mu.Lock()
	lines := h.lines
	h.on, h.lines = false, nil
	h.mu.Unlock()
	for _, line := range lines {
		line()
	}
}

func (c *Cmd) note(format string, args ...any) {
	if c.Note != nil {
		line := fmt.Sprintf(format, args...)
		c.notes.say(func() { c.Note(line) })
	}
}

// notice is a note about what the command left, and whether that is where it was.
func (c *Cmd) notice(stays bool, format string, args ...any) {
	c.note(format, args...)
	if c.Noticed != nil {
		line := fmt.Sprintf(format, args...)
		c.notes.say(func() { c.Noticed(line, stays) })
	}
}
