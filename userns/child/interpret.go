package child

import "unsafe"

// Rules of this file, each from the comment in Go's syscall/exec_linux.go or
// from a crash. The child shares the memory of a Go program in which other threads
// go on, and until it executes something it is none of them: it has no place in
// the scheduler, and the garbage collector does not know it. So:
//
//   - every function is nosplit, and calls only nosplit functions. The linker
//     checks the sum of their frames; a stack that would have to grow could not.
//   - no allocation, no map, no string, no interface, no defer, no closure, no
//     bounds failure: a panic would need all of them.
//   - system calls only by call6: those of package syscall tell the scheduler.
//   - no signal may come: its handler is Go's, and would find itself in a thread
//     that it knows and that is elsewhere. All are blocked until the handlers are
//     gone.
//   - two or three processes run calls in one memory. They have a stack and
//     registers each, and no call of the one writes where a call of the other does.
//   - norace, because the race detector's calls are none of the above.

// interpret runs the calls from pc on and never returns.
//
//go:nosplit
//go:norace
func interpret(p *Program, pc uintptr) {
	if p.Handlers {
		defaultSignals()
		p.Handlers = false
	}
	for ; ; pc++ {
		c := &p.Calls[pc]
		var errno uintptr
		var r uintptr
		switch c.Op {
		case Syscall:
			r, errno = issue(p, c)
		case Await:
			for !poll(c.Args[0]) {
			}
			if !released(c.Args[0]) {
				exit(1)
			}
		case Next:
			p.Next.entry = p.entry
			p, pc = p.Next, ^uintptr(0)
			continue
		case Fork:
			r, errno = result(spawn(sysClone, cloneVM|sigchld, top(&p.Forked), 0, p, pc+1, p.entry))
			pc = c.Args[0] - 1
		case ForkCopy:
			r, errno = result(call6(sysClone, sigchld, 0, 0, 0, 0, 0))
			if errno == 0 && r == 0 {
				continue
			}
			pc = c.Args[0] - 1
		case Collect:
			errno = collect(p.Registers[c.Args[0]])
		case Store:
			*c.Word = uint32(p.Registers[c.Args[0]])
		case Load:
			r = uintptr(*c.Word)
		case DropBounding:
			errno = dropBounding(c.Args[0])
		case Exec:
			errno = execute(p, c.Exec)
		case Fail:
			errno = c.Args[0]
		}
		if errno == 0 {
			pc += uintptr(c.Skip)
		} else if errno == enoent && c.Absent > 0 {
			pc += uintptr(c.Absent)
		} else if errno != uintptr(c.Also[0]) && errno != uintptr(c.Also[1]) && errno != uintptr(c.Also[2]) {
			fail(p, c.Step, errno)
		}
		if c.Into != NoRegister {
			p.Registers[c.Into] = r
		}
	}
}

//go:nosplit
//go:norace
func issue(p *Program, c *Call) (uintptr, uintptr) {
	a := c.Args
	for i := range a {
		if c.From&(1<<i) != 0 {
			a[i] = p.Registers[a[i]]
		}
	}
	return result(call6(c.Nr, a[0], a[1], a[2], a[3], a[4], a[5]))
}

type pollfd struct {
	fd              int32
	events, revents int16
}

// poll waits for a byte on the leash, or its end, and tells whether there is
// either.
//
//go:nosplit
//go:norace
func poll(leash uintptr) bool {
	set := pollfd{fd: int32(leash), events: 1} // POLLIN
	_, errno := result(call6(sysPpoll, uintptr(unsafe.Pointer(&set)), 1, 0, 0, 0, 0))
	return errno == 0 && set.revents != 0
}

// released reads the byte that lets the child go on; false is the end of the
// leash: nobody holds it any more.
//
//go:nosplit
//go:norace
func released(leash uintptr) bool {
	var b [1]byte
	n, errno := result(call6(sysRead, leash, uintptr(unsafe.Pointer(&b)), 1, 0, 0, 0))
	return errno == 0 && n == 1
}

// dropBounding ends at the first capability that the kernel does not know.
//
//go:nosplit
//go:norace
func dropBounding(keep uintptr) uintptr {
	for n := uintptr(0); n < 64; n++ {
		if keep&(1<<n) != 0 {
			continue
		}
		_, errno := result(call6(sysPrctl, prCapbsetDrop, n, 0, 0, 0, 0))
		if errno == einval {
			return 0
		}
		if errno != 0 {
			return errno
		}
	}
	return 0
}

// fail tells the supervisor and ends the process; in PID 1 that ends all.
//
//go:nosplit
//go:norace
func fail(p *Program, step uint16, errno uintptr) {
	r := Report{uint32(step), uint32(errno), p.Detail}
	call6(sysWrite, uintptr(p.Reports), uintptr(unsafe.Pointer(&r)), unsafe.Sizeof(r), 0, 0, 0)
	exit(125)
}

//go:nosplit
//go:norace
func exit(code uintptr) {
	for {
		call6(sysExitGroup, code, 0, 0, 0, 0, 0)
	}
}
