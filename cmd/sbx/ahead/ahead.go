package ahead

import (
	"unsafe"

	"github.com/sbxrun/sbx/userns/child"
)

// A Child waits for the rest of its plan, see userns.Adopt.
type Child struct {
	Program                *child.Program
	PID                    int
	Leash, Reports, Status [2]int
}

var begun = begin()

// Take gives the child that was begun, once, if one was. The caller ends it.
func Take() (c Child, ok bool) {
	c, begun = begun, Child{}
	return c, c.PID != 0
}

// Namespaces are those that the child has, or makes.
const Namespaces = newUser | newPID | newMounts | newUTS | newIPC | newCgroup | newNet

const (
	newMounts = 0x20000
	newCgroup = 0x2000000
	newUTS    = 0x4000000
	newIPC    = 0x8000000
	newUser   = 0x10000000
	newPID    = 0x20000000
	newNet    = 0x40000000

	cloexec  = 0x80000
	nonblock = 0x800
)

func begin() (c Child) {
	if !wanted() || privileged() || !c.connect() {
		return Child{}
	}
	c.Program = Program(c.Leash, c.Reports)
	pid, errno := child.Spawn(newUser|newPID, c.Program)
	if errno != 0 {
		c.disconnect()
		return Child{}
	}
	c.PID = int(pid)
	c.pushOff()
	return c
}

// privileged tells whether this is a setuid program, which sbx refuses to be.
func privileged() bool {
	get := func(nr uintptr) uintptr { id, _ := child.Do(nr, 0, 0, 0, 0, 0, 0); return id }
	return get(sysGetuid) != get(sysGeteuid) || get(sysGetgid) != get(sysGetegid)
}

// connect makes what userns connects supervisor and child by.
func (c *Child) connect() bool {
	pair := func(to *[2]int, nr uintptr, args ...uintptr) bool {
		var fds [2]int32
		a := [4]uintptr{}
		copy(a[:], args)
		a[len(args)] = uintptr(unsafe.Pointer(&fds))
		if nr == sysPipe2 {
			a[0], a[1] = a[1], a[0]
		}
		_, errno := child.Do(nr, a[0], a[1], a[2], a[3], 0, 0)
		if errno == 0 {
			*to = [2]int{int(fds[0]), int(fds[1])}
		}
		return errno == 0
	}
	const unix, seqpacket = 1, 5
	c.Leash, c.Status, c.Reports = [2]int{-1, -1}, [2]int{-1, -1}, [2]int{-1, -1}
	if pair(&c.Leash, sysPipe2, cloexec) && pair(&c.Status, sysPipe2, cloexec|nonblock) && pair(&c.Reports, sysSocketpair, unix, seqpacket|cloexec, 0) {
		return true
	}
	c.disconnect()
	return false
}

func (c *Child) disconnect() {
	for _, fd := range []int{c.Leash[0], c.Leash[1], c.Status[0], c.Status[1], c.Reports[0], c.Reports[1]} {
		if fd >= 0 {
			child.Do(sysClose, uintptr(fd), 0, 0, 0, 0, 0)
		}
	}
}

// Program is what userns makes of a plan with these namespaces, whose one step is
// to die with the supervisor, and that is to be gone on with. A test compares.
func Program(leash, reports [2]int) *child.Program {
	call := func(step uint16, nr uintptr, args ...uintptr) child.Call {
		c := child.Call{Step: step, Nr: nr, Into: child.NoRegister}
		copy(c.Args[:], args)
		return c
	}
	const setDeathSignal, sigkill = 1, 9
	tied := new([8]byte)
	return &child.Program{Reports: reports[1], Calls: []child.Call{
		call(child.NoStep, sysUnshare, Namespaces&^(newUser|newPID)),
		call(0, sysPrctl, setDeathSignal, sigkill),
		call(0, sysClose, uintptr(leash[1])),
		call(0, sysWrite, uintptr(reports[1]), uintptr(unsafe.Pointer(tied)), 2),
		{Op: child.Await, Args: [6]uintptr{uintptr(leash[0])}, Into: child.NoRegister},
		{Op: child.Next, Into: child.NoRegister},
	}}
}

// pushOff moves the child to another processor than this one, see there in userns.
func (c *Child) pushOff() {
	var all [128]byte
	n, errno := child.Do(sysSchedGetaffinity, 0, uintptr(len(all)), uintptr(unsafe.Pointer(&all)), 0, 0, 0)
	var here uint32
	_, lost := child.Do(sysGetcpu, uintptr(unsafe.Pointer(&here)), 0, 0, 0, 0, 0)
	if errno != 0 || lost != 0 || here/8 >= uint32(n) {
		return
	}
	others := all
	others[here/8] &^= 1 << (here % 8)
	if others == [128]byte{} {
		return
	}
	child.Do(sysSchedSetaffinity, uintptr(c.PID), uintptr(len(others)), uintptr(unsafe.Pointer(&others)), 0, 0, 0)
	child.Do(sysSchedSetaffinity, uintptr(c.PID), uintptr(len(all)), uintptr(unsafe.Pointer(&all)), 0, 0, 0)
}
