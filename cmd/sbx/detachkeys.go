package main

import (
	"bytes"
	"fmt"
	"strings"
)

// detachKeys are what is typed to leave a command running. What is the beginning of
// them is held until it is known what follows.
type detachKeys struct {
	keys    []byte
	held    []keypress // the beginning of them
	partial []byte     // of a sequence whose end has not come
	passed  bool       // its first byte went on: Escape by itself is a key
}

// parseDetachKeys reads docker's form: letters and ctrl-LETTER, with commas. Nothing is
// no keys.
func parseDetachKeys(text string) (*detachKeys, error) {
	d := &detachKeys{}
	if text == "" {
		return d, nil
	}
	for _, key := range strings.Split(text, ",") {
		name, control := strings.CutPrefix(strings.ToLower(key), "ctrl-")
		switch {
		case !control && len(key) == 1 && key[0] > ' ' && key[0] < 0x7f:
			d.keys = append(d.keys, key[0])
		case control && len(name) == 1 && strings.Contains("@abcdefghijklmnopqrstuvwxyz[\\]^_", name):
			d.keys = append(d.keys, strings.ToUpper(name)[0]&0x1f)
		default:
			return nil, fmt.Errorf("--detach-keys %s: want letters and ctrl-LETTER, with commas", text)
		}
	}
	return d, nil
}

// typed takes what was typed. It gives what goes on to the command, and whether the
// keys were among it.
func (d *detachKeys) typed(b []byte) (through []byte, detach bool) {
	if len(d.keys) == 0 {
		return b, false
	}
	rest := append(d.partial, b...)
	skip := d.passed
	d.partial, d.passed = nil, false
	for len(rest) > 0 {
		k, after, more := nextKeypress(rest)
		if more {
			d.partial, d.passed = bytes.Clone(rest), skip
			return through, false
		}
		if string(rest) == "\x1b" && !skip {
			// It may be the beginning of a sequence. Behind others of the keys it waits with
			// them; otherwise a program waits for it.
			if d.partial, d.passed = []byte{'\x1b'}, len(d.held) == 0; d.passed {
				through = append(through, '\x1b')
			}
			return through, false
		}
		k.raw = bytes.Clone(k.raw)
		if skip {
			k.raw, skip = k.raw[1:], false
		}
		rest = after
		d.held = append(d.held, k)
		for len(d.held) > 0 && !d.begins() {
			through = append(through, d.held[0].raw...)
			d.held = d.held[1:]
		}
		if d.pressed() == len(d.keys) {
			d.held = nil
			return through, true
		}
	}
	return through, false
}

// begins tells whether what is held is the beginning of the keys.
func (d *detachKeys) begins() bool {
	n := 0
	for i, k := range d.held {
		switch {
		case k.silent && i > 0:
		case k.is && n < len(d.keys) && k.key == d.keys[n]:
			n++
		default:
			return false
		}
	}
	return true
}

// pressed is how many keys are held.
func (d *detachKeys) pressed() (n int) {
	for _, k := range d.held {
		if !k.silent {
			n++
		}
	}
	return n
}
