package child

import "unsafe"

// spawn makes a process by system call nr, which is clone or clone3, with its
// first three arguments. The process shares this one's memory, so the arguments
// must say, and goes on with call pc of the program, on a stack of its own. A copy
// of the memory, as fork makes, would cost more than all that the process then
// does: the child is an image of a Go program, and every page that either touches
// is a fault. What each writes the other sees; an execve parts them.
//
//go:noescape
func spawn(nr, a, b, c uintptr, p *Program, pc uintptr, interpret uintptr) uintptr

// codeOf is the address of interpret for calls in the way of Go. The address that
// assembly has of a Go function is that of a wrapper, which tells the race detector
// of the call.
func codeOf(f func(*Program, uintptr)) uintptr { return **(**uintptr)(unsafe.Pointer(&f)) }

// StackSize is far above what the linker lets a chain of nosplit functions use.
const StackSize = 8192

// Spawn makes the child, which has new namespaces of those flags and runs the
// program. The caller holds syscall.ForkLock, or knows that nobody else forks. It
// keeps the program until the child has executed something, or has ended. The
// second result is an error number.
//
//go:noinline
//go:norace
func Spawn(namespaces uintptr, p *Program) (pid, errno uintptr) {
	how := namespaces | clonePidfd
	if !p.Copy {
		how |= cloneVM
	}
	args := cloneArgs{
		flags: uint64(how) | cloneClearSighand, pidfd: uint64(uintptr(unsafe.Pointer(&p.Pidfd))),
		exitSignal: sigchld, stack: uint64(uintptr(unsafe.Pointer(&p.Stack))), stackSize: StackSize,
	}
	if p.Cgroup > 0 {
		args.flags |= cloneIntoCgroup
		args.cgroup = uint64(p.Cgroup)
	}
	p.entry = codeOf(interpret)
	runtimeBeforeFork()
	pid, errno = result(spawn(sysClone3, uintptr(unsafe.Pointer(&args)), unsafe.Sizeof(args), 0, p, 0, p.entry))
	if (errno == enosys || errno == eperm) && p.Cgroup <= 0 {
		// What is around us, such as Docker's filter, looks into no clone3. clone cannot
		// put the child into a cgroup, and one that is moved has run outside.
		p.Handlers = true
		pid, errno = result(spawn(sysClone, how|sigchld, top(&p.Stack), uintptr(unsafe.Pointer(&p.Pidfd)), p, 0, p.entry))
	}
	runtimeAfterFork()
	return pid, errno
}

// cloneArgs is struct clone_args, as of Linux 5.5 (clone(2)).
type cloneArgs struct {
	flags, pidfd, childTID, parentTID, exitSignal, stack, stackSize, tls, setTID, setTIDSize, cgroup uint64
}

// top is where a stack begins, which grows down.
//
//go:nosplit
//go:norace
func top(stack *[StackSize]byte) uintptr { return (uintptr(unsafe.Pointer(stack)) + StackSize) &^ 15 }
