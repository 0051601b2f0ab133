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
	// skip is how many of the next calls are for the case that this one fails, and
	// absent how many are not if it fails with ENOENT, which then is no error.
	skip, absent uint8
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
	// opNext goes on with the next program, see Early.
	opNext
	// opFork makes the command's process. The child goes on with the next call,
	// the parent jumps to call args[0] and has the child's id in register into.
	opFork
	// opForkCopy is opFork with memory of the child's own.
	opForkCopy
	// opStore writes register args[0] to word.
	opStore
	// opDropBounding drops every capability from the bounding set but those of
	// the set args[0].
	opDropBounding
	// opExec tries execve on each path of exec.
	opExec
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

// noStep is the step of a call that makes the namespaces, which is before all.
const noStep = 0xffff

// program is all that the child touches. It is one heap object, so that its
// address stays and it is kept alive by one pointer: the child shares this memory
// until it executes something.
type program struct {
	calls     []call
	registers []uintptr
	cells     map[FD]int // which register is whose; not for the child
	reports   int        // descriptor of the child's end
	detail    uint32     // of the command's failure
	handlers  bool       // the child has handlers of Go's, see defaultSignals
	// next is what opNext goes on with.
	next *program
	// stack is that of the process that runs the first call, forked that of the
	// command.
	stack, forked [stackSize]byte
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
