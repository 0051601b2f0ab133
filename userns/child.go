package userns

import (
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Rules of this file, each from the comment in Go's syscall/exec_linux.go or
// from a crash. The child shares the memory of a Go program in which other threads
// go on, and until it executes something it is none of them: it has no place in
// the scheduler, and the garbage collector does not know it. So:
//
//   - every function is nosplit, and calls only nosplit functions. The linker
//     checks the sum of their frames; a stack that would have to grow could not.
//   - no allocation, no map, no string, no interface, no defer, no closure, no
//     bounds failure: a panic would need all of them.
//   - system calls only by RawSyscall6: Syscall would tell the scheduler.
//   - no signal may come: its handler is Go's, and would find itself in a thread
//     that it knows and that is elsewhere. All are blocked until the handlers are
//     gone.
//   - two or three processes run calls in one memory. They have a stack and
//     registers each, and no call of the one writes where a call of the other does.
//   - norace, because the race detector's calls are none of the above.

// begin spawns the child, which has new namespaces of those flags.
//
//go:noinline
//go:norace
func begin(namespaces uint64, pidfd *int32, p *program) (pid uintptr, errno syscall.Errno) {
	args := cloneArgs{
		flags: namespaces | unix.CLONE_VM | unix.CLONE_PIDFD | unix.CLONE_CLEAR_SIGHAND, pidfd: uint64(uintptr(unsafe.Pointer(pidfd))),
		exitSignal: uint64(unix.SIGCHLD), stack: uint64(uintptr(unsafe.Pointer(&p.stack))), stackSize: stackSize,
	}
	syscall.ForkLock.Lock()
	runtimeBeforeFork()
	pid, errno = result(spawn(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&args)), unsafe.Sizeof(args), 0, p, 0))
	if errno == unix.ENOSYS || errno == unix.EPERM {
		// What is around us, such as Docker's filter, looks into no clone3.
		p.handlers = true
		flags := uintptr(namespaces) | unix.CLONE_VM | unix.CLONE_PIDFD | uintptr(unix.SIGCHLD)
		pid, errno = result(spawn(unix.SYS_CLONE, flags, top(&p.stack), uintptr(unsafe.Pointer(pidfd)), p, 0))
	}
	runtimeAfterFork()
	syscall.ForkLock.Unlock()
	runtime.KeepAlive(pidfd)
	return pid, errno
}

// cloneArgs is struct clone_args, as of Linux 5.5 (clone(2)).
type cloneArgs struct {
	flags, pidfd, childTID, parentTID, exitSignal, stack, stackSize, tls, setTID, setTIDSize, cgroup uint64
}

// interpret runs the calls from pc on and never returns.
//
//go:nosplit
//go:norace
func interpret(p *program, pc uintptr) {
	if p.handlers {
		defaultSignals()
		p.handlers = false
	}
	for ; ; pc++ {
		c := &p.calls[pc]
		var errno syscall.Errno
		var r uintptr
		switch c.op {
		case opSyscall:
			r, errno = issue(p, c)
		case opAwait:
			for !poll(c.args[0]) {
			}
			if !released(c.args[0]) {
				exit(1)
			}
		case opNext:
			p, pc = p.next, ^uintptr(0)
			continue
		case opFork:
			r, errno = result(spawn(unix.SYS_CLONE, unix.CLONE_VM|uintptr(unix.SIGCHLD), top(&p.forked), 0, p, pc+1))
			pc = c.args[0] - 1
		case opForkCopy:
			r, _, errno = syscall.RawSyscall6(syscall.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
			if errno == 0 && r == 0 {
				continue
			}
			pc = c.args[0] - 1
		case opStore:
			*c.word = uint32(p.registers[c.args[0]])
		case opDropBounding:
			errno = dropBounding(c.args[0])
		case opExec:
			errno = execute(p, c.exec)
		case opFail:
			errno = syscall.Errno(c.args[0])
		}
		if errno == 0 {
			pc += uintptr(c.skip)
		} else if errno == unix.ENOENT && c.absent > 0 {
			pc += uintptr(c.absent)
		} else if errno != syscall.Errno(c.also[0]) && errno != syscall.Errno(c.also[1]) && errno != syscall.Errno(c.also[2]) {
			fail(p, c.step, errno)
		}
		if c.into != noRegister {
			p.registers[c.into] = r
		}
	}
}

// top is where a stack begins, which grows down.
//
//go:nosplit
//go:norace
func top(stack *[stackSize]byte) uintptr { return (uintptr(unsafe.Pointer(stack)) + stackSize) &^ 15 }

// result takes an error number out of what a system call returned.
//
//go:nosplit
//go:norace
func result(r uintptr) (uintptr, syscall.Errno) {
	if r > ^uintptr(4095) {
		return 0, syscall.Errno(-r)
	}
	return r, 0
}

//go:nosplit
//go:norace
func issue(p *program, c *call) (uintptr, syscall.Errno) {
	a := c.args
	for i := range a {
		if c.from&(1<<i) != 0 {
			a[i] = p.registers[a[i]]
		}
	}
	r, _, errno := syscall.RawSyscall6(c.nr, a[0], a[1], a[2], a[3], a[4], a[5])
	return r, errno
}

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
		syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, sig, 0, uintptr(unsafe.Pointer(&s)), sigsetSize, 0, 0)
		if s.handler > 1 {
			s = sigaction{}
			syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, sig, uintptr(unsafe.Pointer(&s)), 0, sigsetSize, 0, 0)
		}
	}
}

// sigsetSize is the kernel's sizeof(sigset_t), which its calls want to hear.
const sigsetSize = 8

// poll waits for a byte on the leash, or its end, and tells whether there is
// either.
//
//go:nosplit
//go:norace
func poll(leash uintptr) bool {
	set := unix.PollFd{Fd: int32(leash), Events: unix.POLLIN}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&set)), 1, 0, 0, 0, 0)
	return errno == 0 && set.Revents != 0
}

// released reads the byte that lets the child go on; false is the end of the
// leash: nobody holds it any more.
//
//go:nosplit
//go:norace
func released(leash uintptr) bool {
	var b [1]byte
	n, _, errno := syscall.RawSyscall6(syscall.SYS_READ, leash, uintptr(unsafe.Pointer(&b)), 1, 0, 0, 0)
	return errno == 0 && n == 1
}

// dropBounding ends at the first capability that the kernel does not know.
//
//go:nosplit
//go:norace
func dropBounding(keep uintptr) syscall.Errno {
	for n := uintptr(0); n < 64; n++ {
		if keep&(1<<n) != 0 {
			continue
		}
		_, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, unix.PR_CAPBSET_DROP, n, 0, 0, 0, 0)
		if errno == syscall.EINVAL {
			return 0
		}
		if errno != 0 {
			return errno
		}
	}
	return 0
}

// execute is execvp(3) without its search: the paths are the search. EACCES on
// one of them is remembered, as a shell does, and any other error than "not
// there" is final. The path that was not there although it is (a missing
// loader) is told from one that is not.
//
//go:nosplit
//go:norace
func execute(p *program, e *execution) syscall.Errno {
	last := syscall.ENOENT
	for _, path := range e.paths {
		if magic(path) {
			return unix.ELOOP
		}
		_, _, errno := syscall.RawSyscall6(syscall.SYS_EXECVE, uintptr(unsafe.Pointer(path)),
			uintptr(unsafe.Pointer(&e.argv[0])), uintptr(unsafe.Pointer(&e.env[0])), 0, 0, 0)
		switch errno {
		case syscall.EACCES:
			last = errno
		case syscall.ENOENT:
			_, _, missing := syscall.RawSyscall6(syscall.SYS_FACCESSAT, atCwd, uintptr(unsafe.Pointer(path)), 0, 0, 0, 0)
			if missing == 0 {
				p.detail = detailNoLoader
				return errno
			}
		case syscall.ENOTDIR:
		default:
			return errno
		}
	}
	return last
}

// magic tells whether a path leads through a link of /proc to what a process has
// open. A program of a root file system that is a link to /proc/self/exe would be
// sbx itself, and its file within reach of what runs inside (CVE-2019-5736).
//
//go:nosplit
//go:norace
func magic(path *byte) bool {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_MAGICLINKS}
	fd, _, errno := syscall.RawSyscall6(unix.SYS_OPENAT2, atCwd, uintptr(unsafe.Pointer(path)), uintptr(unsafe.Pointer(&how)), unsafe.Sizeof(how), 0, 0)
	if errno == 0 {
		syscall.RawSyscall6(syscall.SYS_CLOSE, fd, 0, 0, 0, 0, 0)
	}
	return errno == unix.ELOOP
}

// fail tells the supervisor and ends the process; in PID 1 that ends all.
//
//go:nosplit
//go:norace
func fail(p *program, step uint16, errno syscall.Errno) {
	r := report{uint32(step), uint32(errno), p.detail}
	syscall.RawSyscall6(syscall.SYS_WRITE, uintptr(p.reports), uintptr(unsafe.Pointer(&r)), unsafe.Sizeof(r), 0, 0, 0)
	exit(125)
}

//go:nosplit
//go:norace
func exit(code uintptr) {
	for {
		syscall.RawSyscall6(syscall.SYS_EXIT_GROUP, code, 0, 0, 0, 0, 0)
	}
}

// atCwd is AT_FDCWD, negative, as the register the kernel reads.
const atCwd = ^uintptr(99)
