package runlater

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/sbxrun/sbx/sandbox/gitindex"
)

// tableLimit bounds a reftable. Git writes them small, and compacts them.
const tableLimit = 64 << 20

var errTable = errors.New("not a reftable")

// tableReplaces tells whether a reftable has a name in refs/replace. One that cannot be
// read may.
func tableReplaces(dir int, name string) bool {
	text, err := readAt(dir, name, tableLimit)
	if err != nil {
		return true
	}
	found := false
	err = tableNames(text, func(name []byte, gone bool) { found = found || !gone && bytes.HasPrefix(name, replacePrefix) })
	return found || err != nil
}

// tableNames calls f with the name of each ref that a reftable sets or removes (git's
// Documentation/technical/reftable.txt): blocks of type "r", in which a name is what it
// shares with the one before and the rest.
func tableNames(b []byte, f func(name []byte, gone bool)) error {
	header, id := 24, 20
	switch {
	case len(b) < header || string(b[:4]) != "REFT":
		return errTable
	case b[4] == 2:
		if header = 28; len(b) < header {
			return errTable
		}
		if string(b[24:28]) == "s256" {
			id = 32
		}
	case b[4] != 1:
		return errTable
	}
	size := int(binary.BigEndian.Uint32(b[4:]) & 0xffffff)
	for at, skip := 0, header; at+skip+4 <= len(b) && b[at+skip] == 'r'; skip = 0 {
		length := int(binary.BigEndian.Uint32(b[at+skip:]) & 0xffffff)
		if length < skip+6 || at+length > len(b) {
			return errTable
		}
		block := b[at : at+length]
		restarts := int(binary.BigEndian.Uint16(block[length-2:]))
		end := length - 2 - 3*restarts
		if end < skip+4 {
			return errTable
		}
		if err := tableBlock(block[skip+4:end], id, f); err != nil {
			return err
		}
		if at += length; length < size && at < len(b) && b[at] == 0 { // padded
			at += size - length
		}
	}
	return nil
}

func tableBlock(b []byte, id int, f func(name []byte, gone bool)) error {
	var name []byte
	for len(b) > 0 {
		shared, n := gitindex.Varint(b)
		suffix, m := gitindex.Varint(b[n:])
		if n+m > len(b) || n == 0 || m == 0 || shared > uint64(len(name)) || suffix>>3 > uint64(len(b)-n-m) {
			return errTable
		}
		b = b[n+m:]
		name = append(name[:shared], b[:suffix>>3]...)
		b = b[suffix>>3:]
		_, n = gitindex.Varint(b) // the update's index
		value := 0
		switch suffix & 7 {
		case 0:
		case 1:
			value = id
		case 2:
			value = 2 * id
		case 3:
			length, m := gitindex.Varint(b[n:])
			if m == 0 || length > uint64(len(b)) {
				return errTable
			}
			value = m + int(length)
		default:
			return errTable
		}
		if n == 0 || n+value > len(b) {
			return errTable
		}
		b = b[n+value:]
		f(name, suffix&7 == 0)
	}
	return nil
}
