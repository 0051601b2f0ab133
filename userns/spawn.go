package userns

// spawn makes a process that shares this one's memory and goes on with call pc
// on a stack of its own, which ends at stack. A copy of the memory, as fork
// makes, would cost more than all that the process then does: the child is an
// image of a Go program, and every page that either touches is a fault. What each
// writes the other sees; an execve parts them. flags are of clone(2), CLONE_VM
// among them, and pidfd is where CLONE_PIDFD has its result.
//
//go:noescape
func spawn(flags, stack uintptr, pidfd *int32, p *program, pc uintptr) uintptr

// stackSize is far above what the linker lets a chain of nosplit functions use.
const stackSize = 8192
