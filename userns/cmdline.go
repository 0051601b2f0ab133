package userns

import (
	"os"
	"unsafe"
)

// commandLine is the memory in which the kernel put this process's arguments,
// with the NUL after each. The strings of os.Args point into it, one behind the
// other; where they do not, because a program changed os.Args, what can be
// found is returned.
func commandLine() []byte {
	var start *byte
	n := 0
	for _, arg := range os.Args {
		if arg == "" {
			n++ // no address of its own, only its NUL
			continue
		}
		at := unsafe.StringData(arg)
		if start == nil {
			if n > 0 {
				return nil
			}
			start = at
		} else if uintptr(unsafe.Pointer(at)) != uintptr(unsafe.Pointer(start))+uintptr(n) {
			break
		}
		n += len(arg) + 1
	}
	if start == nil {
		return nil
	}
	return unsafe.Slice(start, n)
}
