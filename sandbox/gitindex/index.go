// Package gitindex tells whether a file's content is tracked by git: whether the index of
// its repository has a blob of just that content.
//
// The index may be an attacker's. What it says of paths is therefore not believed, so that
// nobody can declare a file tracked: only who knows a content can name its hash. And who
// reads the repository can read every blob that its index names.
package gitindex

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
)

var errIndex = errors.New("not a git index that can be read")

// A Hash is a blob's: 20 bytes of SHA-1, or 32 of SHA-256.
type Hash string

// Entries calls f with the hash of each file in an index, of version 2, 3 or 4
// (gitformat-index(5)). Size is that of a hash. Of a split index these are the files
// that changed; base is the name of the shared index with the others, or empty. The
// hash passed to f is good during the call only.
func Entries(index []byte, size int, f func(hash []byte)) (base string, err error) {
	if len(index) < 12+size || string(index[:4]) != "DIRC" {
		return "", errIndex
	}
	version, count := binary.BigEndian.Uint32(index[4:]), binary.BigEndian.Uint32(index[8:])
	if version < 2 || version > 4 {
		return "", errIndex
	}
	rest := index[12 : len(index)-size] // the end is a checksum
	for range count {
		n, err := entry(rest, size, version, f)
		if err != nil {
			return "", err
		}
		rest = rest[n:]
	}
	return sharedIndex(rest, size)
}

// entry reads one, and gives its length.
func entry(b []byte, size int, version uint32, f func(hash []byte)) (int, error) {
	const stat = 40
	name := stat + size + 2
	if len(b) < name {
		return 0, errIndex
	}
	if flags := binary.BigEndian.Uint16(b[stat+size:]); version >= 3 && flags&0x4000 != 0 { // extended
		name += 2
	}
	if len(b) <= name {
		return 0, errIndex
	}
	if version == 4 { // how much of the name before it is dropped, as a variable number
		for b[name]&0x80 != 0 {
			if name++; name+1 >= len(b) {
				return 0, errIndex
			}
		}
		name++
	}
	end := bytes.IndexByte(b[name:], 0)
	if end < 0 {
		return 0, errIndex
	}
	length := name + end + 1
	if version != 4 { // NULs pad it to a multiple of eight bytes
		length = (name + end + 8) &^ 7
	}
	if length > len(b) {
		return 0, errIndex
	}
	const typeMask, regular = 0o170000, 0o100000
	if mode := binary.BigEndian.Uint32(b[24:]); mode&typeMask == regular {
		f(b[stat : stat+size])
	}
	return length, nil
}

// sharedIndex finds the extension "link", which names the index that a split one stands on.
func sharedIndex(b []byte, size int) (string, error) {
	for len(b) >= 8 {
		name, length := string(b[:4]), binary.BigEndian.Uint32(b[4:])
		if b = b[8:]; uint64(length) > uint64(len(b)) {
			return "", errIndex
		}
		if name == "link" && int(length) >= size {
			var text strings.Builder
			for _, c := range b[:size] {
				const digits = "0123456789abcdef"
				text.WriteByte(digits[c>>4])
				text.WriteByte(digits[c&15])
			}
			if strings.Trim(text.String(), "0") == "" {
				return "", nil
			}
			return "sharedindex." + text.String(), nil
		}
		b = b[length:]
	}
	return "", nil
}
