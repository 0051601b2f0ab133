package userns

// spawn makes a process by system call nr, which is clone or clone3, with its
// first three arguments. The process shares this one's memory, so the arguments
// must say, and goes on with call pc of the program, on a stack of its own. A copy
// of the memory, as fork makes, would cost more than all that the process then
// does: the child is an image of a Go program, and every page that either touches
// is a fault. What each writes the other sees; an execve parts them.
//
//go:noescape
func spawn(nr, a, b, c uintptr, p *program, pc uintptr) uintptr

// stackSize is far above what the linker lets a chain of nosplit functions use.
const stackSize = 8192
