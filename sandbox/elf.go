package sandbox

import (
	"encoding/binary"
	"io"
	"strings"
)

// elfInterpreter reads the loader that a 64-bit ELF file asks for (elf(5),
// PT_INTERP), or nothing. debug/elf would do; it also reads the debugger's
// sections, and what that links costs every start.
func elfInterpreter(f io.ReaderAt) string {
	const (
		headerSize  = 64
		programSize = 56
		ptInterp    = 3
		maxPrograms = 64
		maxName     = 4096
	)
	var h [headerSize]byte
	if _, err := f.ReadAt(h[:], 0); err != nil || string(h[:4]) != "\x7fELF" || h[4] != 2 {
		return ""
	}
	var order binary.ByteOrder = binary.LittleEndian
	if h[5] == 2 {
		order = binary.BigEndian
	}
	at, count := int64(order.Uint64(h[32:])), int64(order.Uint16(h[56:]))
	for i := range min(count, maxPrograms) {
		var p [programSize]byte
		if _, err := f.ReadAt(p[:], at+i*programSize); err != nil {
			return ""
		}
		size := order.Uint64(p[32:])
		if order.Uint32(p[:]) != ptInterp || size > maxName {
			continue
		}
		name := make([]byte, size)
		if _, err := f.ReadAt(name, int64(order.Uint64(p[8:]))); err != nil && err != io.EOF {
			return ""
		}
		text, _, _ := strings.Cut(string(name), "\x00")
		return text
	}
	return ""
}
