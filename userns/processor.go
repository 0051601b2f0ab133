package userns

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// pushOff moves a child that was begun early to another processor than this one,
// if it is not on another already. The scheduler often puts a new process behind
// the one that made it, although another processor is idle, and leaves it there
// for most of a millisecond: then all that was to be done meanwhile is done after.
// It returns the processors that the child may use, which it takes back with its
// next program, or nil when it was left alone.
func pushOff(pid int) *[128]byte {
	var all unix.CPUSet
	if unix.SchedGetaffinity(0, &all) != nil || all.Count() < 2 {
		return nil
	}
	others := all
	var here uint32
	if _, _, errno := unix.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&here)), 0, 0); errno != 0 {
		return nil
	}
	others.Clear(int(here))
	if others.Count() == 0 || unix.SchedSetaffinity(pid, &others) != nil {
		return nil
	}
	return (*[128]byte)(unsafe.Pointer(&all))
}

// takeBack has the process use the processors that pushOff took from it. One that
// is gone meanwhile is no reason to stop.
func (a *assembler) takeBack(all *[128]byte) {
	b := a.bytes(len(all))
	copy(b, all[:])
	a.syscall(unix.SYS_SCHED_SETAFFINITY, num(0), num(len(b)), a.at(b)).Also[0] = uint16(unix.EINVAL)
}
