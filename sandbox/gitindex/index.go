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

// A File is an entry of an index.
type File struct {
	Path []byte // that of a directory ends with a slash, in a sparse index
	Mode uint32
	Hash []byte
	// Unchanged says that git takes it for unchanged (git update-index --assume-unchanged),
	// and Skipped that it need not be in the worktree (--skip-worktree).
	Unchanged, Skipped bool
}

const typeMask, regular = 0o170000, 0o100000

// Entries calls f with the hash of each file in an index, of version 2, 3 or 4
// (gitformat-index(5)). Size is that of a hash. Of a split index these are the files
// that changed; base is the name of the shared index with the others, or empty. The
// hash passed to f is good during the call only.
func Entries(index []byte, size int, f func(hash []byte)) (base string, err error) {
	return Files(index, size, func(e File) {
		if e.Mode&typeMask == regular {
			f(e.Hash)
		}
	})
}

// Files does so with each entry. In a split index one that stands for another of the shared
// index has no path.
func Files(index []byte, size int, f func(File)) (base string, err error) {
	if len(index) < 12+size || string(index[:4]) != "DIRC" {
		return "", errIndex
	}
	version, count := binary.BigEndian.Uint32(index[4:]), binary.BigEndian.Uint32(index[8:])
	if version < 2 || version > 4 {
		return "", errIndex
	}
	rest := index[12 : len(index)-size] // the end is a checksum
	var e File
	for range count {
		n, err := e.read(rest, size, version)
		if err != nil {
			return "", err
		}
		f(e)
		rest = rest[n:]
	}
	return sharedIndex(rest, size)
}

// read reads an entry behind another, and gives its length.
func (e *File) read(b []byte, size int, version uint32) (int, error) {
	const stat = 40
	name := stat + size + 2
	if len(b) < name+2 {
		return 0, errIndex
	}
	flags, more := binary.BigEndian.Uint16(b[stat+size:]), uint16(0)
	if version >= 3 && flags&0x4000 != 0 { // extended
		more = binary.BigEndian.Uint16(b[name:])
		name += 2
	}
	if len(b) <= name {
		return 0, errIndex
	}
	kept := 0 // of the path of the entry before
	if version == 4 {
		dropped, n := Varint(b[name:])
		if n == 0 || name+n >= len(b) || dropped > uint64(len(e.Path)) {
			return 0, errIndex
		}
		name, kept = name+n, len(e.Path)-int(dropped)
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
	e.Path = append(e.Path[:kept], b[name:name+end]...)
	e.Mode, e.Hash = binary.BigEndian.Uint32(b[24:]), b[stat:stat+size]
	e.Unchanged, e.Skipped = flags&0x8000 != 0, more&0x4000 != 0
	return length, nil
}

// Varint reads a number as git writes offsets (gitformat-pack(5)), and returns how many bytes
// it takes, or 0.
func Varint(b []byte) (v uint64, n int) {
	for i, c := range b[:min(len(b), 9)] {
		if v |= uint64(c & 0x7f); c&0x80 == 0 {
			return v, i + 1
		}
		v = (v + 1) << 7
	}
	return 0, 0
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
