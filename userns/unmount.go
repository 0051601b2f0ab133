package userns

import "golang.org/x/sys/unix"

// Unmount takes off what a step has mounted at a path. What was taken of it before,
// by Take, stays.
type Unmount struct{ Target string }

func (s Unmount) String() string { return "unmount " + s.Target }

func (s Unmount) lower(a *assembler) {
	a.syscall(unix.SYS_UMOUNT2, a.str(s.Target), num(unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW))
}
