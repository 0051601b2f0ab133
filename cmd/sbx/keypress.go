package main

import (
	"bytes"
	"strconv"
	"strings"
)

// A keypress is what a terminal sends for one key, or for a part of what is pasted.
type keypress struct {
	raw []byte
	key byte // as a terminal sends it that nobody has asked to send keys otherwise
	is  bool // it has one
	// silent says that it counts for nothing: a key is let go, or one such as Control is
	// pressed by itself.
	silent bool
}

// maxSequence is longer than any that stands for a key.
const maxSequence = 64

// nextKeypress takes the first from what was typed. more says that its end is missing. A
// program can ask the terminal to send keys as sequences: by the kitty keyboard protocol
// (CSI 112;5u is Control-P) or xterm's modifyOtherKeys (CSI 27;5;112~).
func nextKeypress(b []byte) (k keypress, rest []byte, more bool) {
	if len(b) < 2 || b[0] != '\x1b' || b[1] != '[' {
		return keypress{raw: b[:1], key: b[0], is: true}, b[1:], false
	}
	end := 2
	for end < len(b) && end < maxSequence && b[end] >= 0x20 && b[end] < 0x40 {
		end++
	}
	switch {
	case end == len(b):
		return k, b, true
	case end == maxSequence || b[end] < 0x40 || b[end] > 0x7e:
		return keypress{raw: b[:end]}, b[end:], false
	}
	k.raw = b[:end+1]
	k.key, k.is, k.silent = decodeKey(string(b[2:end]), b[end])
	return k, b[end+1:], false
}

// The bits of a key's modifiers, less one. Caps and num lock count for nothing.
const (
	shiftBit   = 1 << 0
	controlBit = 1 << 2
	lockBits   = 1<<6 | 1<<7
)

// decodeKey reads the parameters of a sequence for a key.
func decodeKey(parameters string, final byte) (key byte, is, silent bool) {
	fields := strings.Split(parameters, ";")
	code, modifiers := "", "1"
	switch {
	case final == 'u':
		if code = fields[0]; len(fields) > 1 {
			modifiers = fields[1]
		}
	case final == '~' && len(fields) == 3 && fields[0] == "27":
		code, modifiers = fields[2], fields[1]
	default:
		return 0, false, false
	}
	mask, event, _ := strings.Cut(modifiers, ":")
	bits := number(mask) - 1
	if event == "3" {
		return 0, false, true
	}
	codes := strings.Split(code, ":")
	base := number(codes[0])
	if base >= 57358 && base <= 57360 || base >= 57441 && base <= 57454 { // locks and modifiers
		return 0, false, true
	}
	if base > 0x7e && len(codes) > 2 {
		base = number(codes[2]) // where the key is on a US keyboard
	}
	bits &^= lockBits
	switch {
	case base < 0 || base > 0x7e || bits < 0:
	case bits&^shiftBit == controlBit && strings.IndexByte("@abcdefghijklmnopqrstuvwxyz[\\]^_", byte(base)) >= 0:
		return bytes.ToUpper([]byte{byte(base)})[0] & 0x1f, true, false
	case bits == 0:
		return byte(base), true, false
	case bits == shiftBit && len(codes) > 1 && number(codes[1]) > 0 && number(codes[1]) <= 0x7e:
		return byte(number(codes[1])), true, false
	case bits == shiftBit:
		return bytes.ToUpper([]byte{byte(base)})[0], true, false
	}
	return 0, false, false
}

// number reads one, and gives -1 for what is none. Missing is 0.
func number(text string) int {
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}
	return n
}
