package child

import "unsafe"

// sigaction is the kernel's, whose handler 0 is the default and 1 ignores.
type sigaction struct {
	handler, flags, restorer uintptr
	mask                     uint64
}

// defaultSignals does what execve does with handlers, which is too late where
// signals are let through before it.
//
//go:nosplit
//go:norace
func defaultSignals() {
	for sig := uintptr(1); sig <= 64; sig++ {
		var s sigaction
		call6(sysRtSigaction, sig, 0, uintptr(unsafe.Pointer(&s)), sigsetSize, 0, 0)
		if s.handler > 1 {
			s = sigaction{}
			call6(sysRtSigaction, sig, uintptr(unsafe.Pointer(&s)), 0, sigsetSize, 0, 0)
		}
	}
}

// sigsetSize is the kernel's sizeof(sigset_t), which its calls want to hear.
const sigsetSize = 8
