package child

// A Call is one thing the child does.
type Call struct {
	Op   Op
	Step uint16 // index of the plan's step, for the error
	Nr   uintptr
	Args [6]uintptr
	// From says which arguments are not values but numbers of registers.
	From uint8
	// Into is the register that keeps the result, or NoRegister.
	Into int32
	// Also are errnos that count as success: EEXIST of a mkdir.
	Also [3]uint16
	// Skip is how many of the next calls are for the case that this one fails, and
	// Absent how many are not if it fails with ENOENT, which then is no error.
	Skip, Absent uint8
	// Word is where Store writes and Load reads, Exec what Exec runs.
	Word *uint32
	Exec *Execution
}

// Execution is the end of a plan: the places to look for the program, and what
// it gets. The pointers are to NUL-terminated bytes, the lists end with nil.
type Execution struct {
	Paths, Argv, Env []*byte
	// Runs is set to 1 before the program is executed, unless it is nil.
	Runs *uint32
}

// Op is what kind of thing a call is. All but Syscall are the few that one
// system call cannot say.
type Op uint8

const (
	// Syscall issues system call Nr.
	Syscall Op = iota
	// Await waits for a byte from a pipe, and ends the child at the pipe's end.
	Await
	// Next goes on with the next program.
	Next
	// Fork makes the command's process. The child goes on with the next call, the
	// parent jumps to call Args[0] and has the child's id in register Into.
	Fork
	// ForkCopy is Fork with memory of the child's own.
	ForkCopy
	// Collect waits for the process in register Args[0], and ends as it did.
	Collect
	// Store writes register Args[0] to Word.
	Store
	// Load puts Word into register Into.
	Load
	// DropBounding drops every capability from the bounding set but those of the
	// set Args[0].
	DropBounding
	// Exec tries execve on each path of Exec.
	Exec
	// Fail fails with errno Args[0]. Fault tests put it in a step's place.
	Fail
)

// NoRegister is no register.
const NoRegister = -1

// NoStep is the step of a call that is before all steps.
const NoStep = 0xffff

// Report is what the child tells the supervisor of a failure, as the bytes of one
// message.
type Report struct {
	Step, Errno, Detail uint32
}

// ReportSize is the size of a Report.
const ReportSize = 12

// DetailNoLoader is the detail of an execve that said ENOENT although the program
// is there: what is missing is its loader or the interpreter of its #! line.
const DetailNoLoader = 1

// AtCwd is AT_FDCWD, negative, as the register the kernel reads.
const AtCwd = ^uintptr(99)

// Program is all that the child touches. It is one heap object, so that its
// address stays and it is kept alive by one pointer: the child shares this memory
// until it executes something.
type Program struct {
	Calls     []Call
	Registers []uintptr
	Reports   int    // descriptor of the child's end
	Pidfd     int32  // of the child, in the supervisor
	Detail    uint32 // of the command's failure
	Handlers  bool   // the child has handlers of Go's, see defaultSignals
	Copy      bool   // the child has memory of its own
	Cgroup    int    // descriptor of the cgroup's directory that the child is born in, or 0
	entry     uintptr
	// Next is what Next goes on with.
	Next *Program
	// Stack is that of the process that runs the first call, Forked that of the
	// command.
	Stack, Forked [StackSize]byte
}
