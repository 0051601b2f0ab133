package child

// call6 makes a system call, and returns what the kernel does: an error is its
// number, negative.
//
//go:noescape
func call6(nr, a, b, c, d, e, f uintptr) uintptr

// result takes an error number out of what a system call returned.
//
//go:nosplit
//go:norace
func result(r uintptr) (uintptr, uintptr) {
	if r > ^uintptr(4095) {
		return 0, -r
	}
	return r, 0
}

// Do makes a system call for a package that has no other way yet.
func Do(nr, a, b, c, d, e, f uintptr) (r, errno uintptr) { return result(call6(nr, a, b, c, d, e, f)) }
