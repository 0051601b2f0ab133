package userns

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// reaper is the state of PID 1, in memory that its process alone has.
type reaper struct {
	command uintptr // process id of the command, as PID 1 sees it
	status  uintptr // descriptor: wait statuses for the supervisor
	mask    uint64  // the caller's signal mask, for the command
	all     uint64  // every signal
	word    uint32  // the wait status at hand
	info    [128]byte
}

// reap is the life of PID 1 once the command runs. It takes every signal as
// data, because the kernel drops those for which an init has no handler; but a
// blocked one it keeps (kernel/signal.c, sig_ignored). What the supervisor
// sends goes on to the command. Children are collected whoever's they were. The
// end of the command is the end of PID 1, and with it the kernel ends all.
//
// The exit code is the command's. A stop, and a death by a signal, do not fit
// in an exit code, so their wait status is written to the status pipe.
//
//go:nosplit
//go:norace
func reap(r *reaper) {
	for {
		sig, _, errno := syscall.RawSyscall6(syscall.SYS_RT_SIGTIMEDWAIT,
			uintptr(unsafe.Pointer(&r.all)), uintptr(unsafe.Pointer(&r.info)), 0, sigsetSize, 0, 0)
		if errno != 0 {
			continue
		}
		if sig != uintptr(unix.SIGCHLD) {
			forward(r.command, sig)
			continue
		}
		for {
			pid, _, errno := syscall.RawSyscall6(syscall.SYS_WAIT4, ^uintptr(0), uintptr(unsafe.Pointer(&r.word)),
				unix.WNOHANG|unix.WUNTRACED|unix.WALL, 0, 0, 0)
			if errno != 0 || pid == 0 {
				break
			}
			if pid == r.command {
				commandChanged(r)
			}
		}
	}
}

//go:nosplit
//go:norace
func commandChanged(r *reaper) {
	exited := r.word&0x7f == 0
	if exited {
		exit(uintptr(r.word >> 8 & 0xff))
	}
	syscall.RawSyscall6(syscall.SYS_WRITE, r.status, uintptr(unsafe.Pointer(&r.word)), unsafe.Sizeof(r.word), 0, 0, 0)
	stopped := r.word&0xff == 0x7f
	if !stopped {
		exit(uintptr(128 + r.word&0x7f))
	}
}

// forward hands a signal to the command: to its whole group when it is one that
// a terminal would send to all of them, since the command does not share the
// caller's terminal, and to the process otherwise.
//
//go:nosplit
//go:norace
func forward(command, sig uintptr) {
	to := command
	switch syscall.Signal(sig) {
	case unix.SIGINT, unix.SIGQUIT, unix.SIGHUP, unix.SIGTSTP, unix.SIGCONT, unix.SIGWINCH:
		to = -command
	}
	syscall.RawSyscall6(syscall.SYS_KILL, to, sig, 0, 0, 0, 0)
}

// sigsetSize is the kernel's sizeof(sigset_t), which its calls want to hear.
const sigsetSize = 8
