package main

import (
	"bytes"
	"fmt"
	"strings"
)

// detachKeys are what is typed to leave a command running. What is the beginning of
// them is held until it is known what follows.
type detachKeys struct {
	keys []byte
	held int // of them
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
	all := append(bytes.Clone(d.keys[:d.held]), b...)
	if i := bytes.Index(all, d.keys); i >= 0 {
		d.held = 0
		return all[:i], true
	}
	d.held = min(len(d.keys)-1, len(all))
	for !bytes.HasSuffix(all, d.keys[:d.held]) {
		d.held--
	}
	return all[:len(all)-d.held], false
}
