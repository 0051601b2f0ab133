package userns

import (
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Early is a process with a new user, a new network and a new time namespace,
// begun before the plan is known that will run in them. To make a network namespace takes the
// kernel as long as it takes sbx to read its flags and make a plan, and another
// processor can do it meanwhile. The process shares the supervisor's memory and
// runs nothing but this package's calls. When the plan is there it bears the
// child, as the supervisor's and not its own (CLONE_PARENT), and ends: the child
// is in its namespaces and in all else what the supervisor's own clone would
// have made. Nothing of the sandbox runs yet while it is there.
//
// It does not share the supervisor's descriptors: then it would hold the leash
// too. It has copies of those there were, and has closed the leash.
type Early struct {
	prog *program
	ends *ends
	pid  int
}

// earlyNamespaces are those that are begun.
const earlyNamespaces = User | Net

// Begin begins a child for a plan with new user and network namespaces. The
// plan is to be run by the same process; End ends one that is not used.
func Begin() (*Early, error) {
	e, err := newEnds()
	if err != nil {
		return nil, err
	}
	p := &program{reports: -1, pidfd: -1}
	a := &assembler{prog: p, cells: map[FD]int{}}
	a.syscall(unix.SYS_PRCTL, num(unix.PR_SET_PDEATHSIG), num(unix.SIGKILL))
	a.add(opOrphan).args[0] = uintptr(unix.Getpid())
	a.syscall(unix.SYS_CLOSE, num(e.leash[1]))
	a.syscall(unix.SYS_UNSHARE, num(Net|unix.CLONE_NEWTIME))
	a.zeroClocks(clocks())
	a.add(opBear)
	if err = a.finish(); err != nil {
		e.close()
		return nil, err
	}
	pid, errno := begin(p)
	if errno != 0 {
		p.pinned.Unpin()
		e.close()
		return nil, &CloneError{earlyNamespaces, errno}
	}
	return &Early{p, e, int(pid)}, nil
}

// clocks are the monotonic and the boot clock, in whole seconds.
func clocks() (monotonic, boottime int64) {
	var mono, boot unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &mono) != nil || unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot) != nil {
		return 0, 0
	}
	return mono.Sec, boot.Sec
}

// begin spawns the early process. The hooks of the runtime are those of clone:
// the process must not take signals, whose handlers are Go's.
//
//go:noinline
//go:norace
func begin(p *program) (uintptr, syscall.Errno) {
	syscall.ForkLock.Lock()
	runtimeBeforeFork()
	pid, errno := spawned(unix.CLONE_VM|unix.CLONE_NEWUSER|uintptr(unix.SIGCHLD), p, 0)
	runtimeAfterFork()
	syscall.ForkLock.Unlock()
	return pid, errno
}

// fits tells whether the early process can bear the child of a plan: the plan
// wants its namespaces and its clocks, and no descriptor that it has not.
func (e *Early) fits(p Plan, in Input) bool {
	if e == nil || e.prog == nil || p.Namespaces&earlyNamespaces != earlyNamespaces || len(in.Files) > 0 {
		return false
	}
	if !slices.ContainsFunc(p.Steps, func(s Step) bool { _, ok := s.(NewClock); return ok }) {
		return false
	}
	for _, f := range []*os.File{in.Stdin, in.Stdout, in.Stderr} {
		if f == nil || f.Fd() > 2 {
			return false
		}
	}
	return true
}

// begun gives the early process, if there is one that fits, and the descriptors
// between supervisor and child. One that does not fit is ended.
func (in Input) begun(p Plan) (*Early, *ends, error) {
	if in.Early.fits(p, in) {
		return in.Early, in.Early.ends, nil
	}
	in.Early.End()
	e, err := newEnds()
	return nil, e, err
}

// bear has the early process make the child of a program, and ends it. It
// returns what its clone did, or why it came to none.
func (e *Early) bear(next *program) (pid int, errno syscall.Errno) {
	p := e.prog
	all := next.flags
	next.flags = all&^uintptr(earlyNamespaces|unix.CLONE_PIDFD) | unix.CLONE_PARENT
	p.next = next
	atomic.StoreUint32(&p.wanted, 1)
	futex(&p.wanted, futexWake, 1)
	e.awaitBirth()
	pid, errno = int(p.pid), syscall.Errno(p.errno)
	next.flags = all
	e.collect()
	if errno == 0 {
		fd, err := unix.PidfdOpen(pid, 0) // not collected yet, so it is the child's
		if err != nil {
			_ = unix.Kill(pid, unix.SIGKILL)
			_, _ = unix.Wait4(pid, nil, 0, nil)
			return 0, err.(syscall.Errno)
		}
		next.pidfd = int32(fd)
	}
	return pid, errno
}

// awaitBirth waits until the early process has done its part, or is gone.
func (e *Early) awaitBirth() {
	for gone := false; atomic.LoadUint32(&e.prog.born) == 0; {
		if gone { // and had done nothing before it went
			e.prog.errno = uint32(unix.ESRCH)
			return
		}
		limit := unix.NsecToTimespec(int64(50 * time.Millisecond))
		_, _, errno := unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&e.prog.born)), futexWait, 0,
			uintptr(unsafe.Pointer(&limit)), 0, 0)
		if errno != unix.ETIMEDOUT {
			continue
		}
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PID, e.pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
		gone = err != nil || info.Signo != 0
	}
}

// End ends a process that bore nothing.
func (e *Early) End() {
	if e == nil || e.prog == nil {
		return
	}
	_ = unix.Kill(e.pid, unix.SIGKILL) // it is not collected yet, so it is there
	e.collect()
	e.ends.close()
}

func (e *Early) collect() {
	for {
		if _, err := unix.Wait4(e.pid, nil, 0, nil); err != unix.EINTR {
			break
		}
	}
	e.prog.pinned.Unpin()
	runtime.KeepAlive(e.prog)
	e.prog = nil
}

const (
	futexWait = 0
	futexWake = 1
)

// post sets a word and wakes who awaits it, in a child. No atomic operation may
// be used there (they are calls under the race detector), and a processor may
// show two plain writes in another order. The kernel's futex code has barriers:
// the first call is there for them alone.
//
//go:nosplit
//go:norace
func post(word *uint32) {
	futex(word, futexWake, 1)
	*word = 1
	futex(word, futexWake, 1)
}

// await waits for a post, in a child. It enters the kernel at least once, for
// the same reason.
//
//go:nosplit
//go:norace
func await(word *uint32) {
	for {
		futex(word, futexWait, 0)
		if *word != 0 {
			return
		}
	}
}

//go:nosplit
//go:norace
func futex(word *uint32, op, value uintptr) {
	syscall.RawSyscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(word)), op, value, 0, 0, 0)
}

// bear makes the child and ends this process. It returns in the child only,
// which is a copy that shares nothing with anybody.
//
//go:nosplit
//go:norace
func bear(p *program) {
	await(&p.wanted)
	pid, _, errno := syscall.RawSyscall6(syscall.SYS_CLONE, p.next.flags, 0, uintptr(unsafe.Pointer(&p.next.pidfd)), 0, 0, 0)
	if errno == 0 && pid == 0 {
		runtimeAfterForkInChild()
		return
	}
	p.pid, p.errno = pid, uint32(errno)
	post(&p.born)
	exit(0)
}
