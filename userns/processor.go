package userns

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// pushOff moves a child that was begun early to another processor than this one,
// if it is not on another already. The scheduler often puts a new process behind
// the one that made it, although another processor is idle, and leaves it there
// for most of a millisecond: then all that was to be done meanwhile is done after.
// From there on it may go where it likes: the other processor can be a busy one.
func pushOff(pid int) {
	var all unix.CPUSet
	if unix.SchedGetaffinity(0, &all) != nil || all.Count() < 2 {
		return
	}
	others := all
	var here uint32
	if _, _, errno := unix.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&here)), 0, 0); errno != 0 {
		return
	}
	others.Clear(int(here))
	if others.Count() > 0 && unix.SchedSetaffinity(pid, &others) == nil {
		_ = unix.SchedSetaffinity(pid, &all) // it has ended, or may where its maker may
	}
}
