package userns

import (
	"encoding/binary"
	"errors"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Process is a child that runs its program.
type Process struct {
	in     Input
	pid    int
	mu     sync.Mutex // guards pidfd, whose number another file may get
	pidfd  int
	kill   syscall.Signal // what ends it
	leash  int
	status int
	done   chan struct{}
	result syscall.WaitStatus
	err    error
}

// PID is the process id of the child, as seen from here: of PID 1 where the plan
// makes a pid namespace.
func (p *Process) PID() int { return p.pid }

// Handle is a pidfd of the child, for Join. It is the caller's to close.
func (p *Process) Handle() (*os.File, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fd, err := unix.FcntlInt(uintptr(p.pidfd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, os.ErrProcessDone
	}
	return os.NewFile(uintptr(fd), "sandbox"), nil
}

// Wait waits for the end of the child and of everything in its pid namespace.
// The status is the command's.
func (p *Process) Wait() (syscall.WaitStatus, error) {
	<-p.done
	return p.result, p.err
}

// Done is closed when the child has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Signal sends a signal to the child; PID 1 hands it to the command. It goes by
// pidfd, so it cannot hit another process that got the same id. It returns
// os.ErrProcessDone when the child has ended.
func (p *Process) Signal(sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if sig == unix.SIGKILL {
		sig = p.kill
	}
	err := unix.PidfdSendSignal(p.pidfd, sig, nil, 0)
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EBADF) {
		return os.ErrProcessDone
	}
	return err
}

// Kill ends the child at once; with PID 1 the kernel ends the whole namespace.
func (p *Process) Kill() error { return p.Signal(unix.SIGKILL) }

// reap waits for the child on the thread that cloned it.
func (p *Process) reap() {
	if p.in.Lasting != nil && !p.endsWithin(p.in.LastingAfter) {
		p.in.Lasting()
	}
	var killed syscall.WaitStatus
	if p.in.Stopped != nil {
		killed = p.watch()
	}
	for {
		_, err := syscall.Wait4(p.pid, &p.result, 0, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			p.err = os.NewSyscallError("wait4", err)
		}
		break
	}
	for {
		word, ok := p.change()
		if !ok {
			break
		}
		if !word.Stopped() {
			killed = word
		}
	}
	// PID 1 can only exit for the command that died of a signal.
	if killed != 0 && p.result.Exited() {
		p.result = killed
	}
	shut(&p.leash, &p.status)
	p.mu.Lock()
	shut(&p.pidfd)
	p.mu.Unlock()
}

// endsWithin waits so long for the child's end, at most, and tells whether it
// came.
func (p *Process) endsWithin(limit time.Duration) bool {
	if p.in.Urgent == 0 {
		return hold(p.pidfd, limit)
	}
	set := [2]unix.PollFd{{Fd: int32(p.pidfd), Events: unix.POLLIN}, {Fd: int32(p.in.Urgent), Events: unix.POLLIN}}
	t := unix.NsecToTimespec(int64(limit))
	n, _, errno := unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&set)), 2, uintptr(unsafe.Pointer(&t)), 0, 0, 0)
	return errno == 0 && n > 0 && set[0].Revents != 0
}

// hold waits for something to read, for a moment at most, and tells whether there
// is. Go's scheduler does not hear of it: whoever it knows to wait comes back on
// another thread, and to wake that takes longer than a short command does. Nothing
// of this process can run on this processor meanwhile, so the moment must be one.
func hold(fd int, limit time.Duration) bool {
	set := unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
	t := unix.NsecToTimespec(int64(limit))
	n, _, errno := unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&set)), 1, uintptr(unsafe.Pointer(&t)), 0, 0, 0)
	return errno == 0 && n == 1
}

// comes waits for something to read, and lets others run meanwhile.
func comes(fd int, limit time.Duration) bool {
	for end := time.Now().Add(limit); ; {
		set := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(set, int(max(0, time.Until(end)).Milliseconds()))
		if err != unix.EINTR {
			return err == nil && n == 1
		}
	}
}

// watch passes on the stops of the command until PID 1 ends.
func (p *Process) watch() (killed syscall.WaitStatus) {
	set := []unix.PollFd{{Fd: int32(p.status), Events: unix.POLLIN}}
	for {
		if _, err := unix.Poll(set, -1); err != nil && err != unix.EINTR {
			return killed
		}
		for {
			word, ok := p.change()
			if !ok {
				break
			}
			if word.Stopped() {
				p.in.Stopped(word.StopSignal())
			} else {
				killed = word
			}
		}
		if set[0].Revents&unix.POLLHUP != 0 {
			return killed
		}
	}
}

// change reads one wait status that PID 1 wrote.
func (p *Process) change() (syscall.WaitStatus, bool) {
	var b [4]byte
	n, err := unix.Read(p.status, b[:])
	if err != nil || n != len(b) {
		return 0, false
	}
	return syscall.WaitStatus(binary.NativeEndian.Uint32(b[:])), true
}
