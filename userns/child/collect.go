package child

import "unsafe"

// collect waits for a process and ends this one as it ended: with its exit code, or
// that of a shell for a death by a signal. It returns only an error.
//
//go:nosplit
//go:norace
func collect(pid uintptr) uintptr {
	var status uint32
	for {
		_, errno := result(call6(sysWait4, pid, uintptr(unsafe.Pointer(&status)), 0, 0, 0, 0))
		if errno == eintr {
			continue
		}
		if errno != 0 {
			return errno
		}
		if signal := status & 0x7f; signal != 0 {
			exit(uintptr(128 + signal))
		}
		exit(uintptr(status >> 8 & 0xff))
	}
}
