package userns

import (
	"encoding/binary"
	"runtime"
)

// A call is one thing the child does. Steps are lowered to calls before the
// clone, so that the child needs no memory, no lock and no decision that is
// not in this table.
type call struct {
	op   op
	step uint16 // index of the plan's step, for the error
	nr   uintptr
	args [6]uintptr
	// from says which arguments are not values but numbers of registers.
	from uint8
	// into is the register that keeps the result, or noRegister.
	into int32
	// also are errnos that count as success: EEXIST of a mkdir.
	also [3]uint16
	// word is where opStore writes, exec what opExec runs.
	word *uint32
	exec *execution
}

// execution is the end of a plan: the places to look for the program, and what
// it gets. The pointers are to NUL-terminated bytes, the lists end with nil.
type execution struct {
	paths, argv, env []*byte
}

// op is what kind of thing a call is. All but opSyscall are the few that one
// system call cannot say.
type op uint8

const (
	// opSyscall issues system call nr.
	opSyscall op = iota
	// opAwait waits for a byte from the leash, and ends the child at its end.
	opAwait
	// opFork makes the command's process. The child goes on with the next call,
	// the parent jumps to call args[0] and has the child's id in register into.
	opFork
	// opForkCopy is opFork with memory of the child's own.
	opForkCopy
	// opOrphan ends a process whose parent is not args[0] any more.
	opOrphan
	// opBear makes the child of the next program, in which it goes on; see Early.
	opBear
	// opStore writes register args[0] to word.
	opStore
	// opTitle replaces the supervisor's command line in the child's memory.
	opTitle
	// opDropBounding drops every capability from the bounding set but those of
	// the set args[0].
	opDropBounding
	// opExec tries execve on each path of exec.
	opExec
	// opReap is the life of PID 1; see reap.
	opReap
	// opFail fails with errno args[0]. Fault tests put it in a step's place.
	opFail
)

const noRegister = -1

// report is what the child tells the supervisor of a failure, as the bytes of
// one message.
type report struct {
	step   uint32
	errno  uint32
	detail uint32
}

const reportSize = 12

// detailNoLoader is the detail of an execve that said ENOENT although the program
// is there: what is missing is its loader or the interpreter of its #! line.
const detailNoLoader = 1

// program is all that the child touches. It is one heap object, so that its
// address stays and it is kept alive by one pointer.
type program struct {
	calls     []call
	registers []uintptr
	flags     uintptr // clone flags
	pidfd     int32   // written by the kernel in the supervisor
	reports   int     // descriptor of the child's end
	report    report
	reap      reaper
	// cmdline is the memory that /proc/PID/cmdline shows, title what opTitle
	// puts there. They are of one length.
	cmdline, title []byte
	// stack is that of the process that is spawned: the command's, or the one
	// that was begun early.
	stack [stackSize]byte
	// What follows is an early process's and its supervisor's; see Early.
	wanted, born uint32
	next         *program
	pid          uintptr
	errno        uint32
	// sent are the steps that hand descriptors over, in order.
	sent     []Send
	messages []*message
	pinned   runtime.Pinner
}

func reportOf(b []byte) report {
	return report{
		binary.NativeEndian.Uint32(b), binary.NativeEndian.Uint32(b[4:]), binary.NativeEndian.Uint32(b[8:]),
	}
}
