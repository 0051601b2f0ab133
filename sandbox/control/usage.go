package control

// Taken is what a sandbox takes of the machine, and answers Usage. Nil is what is not
// known.
type Taken struct {
	// At is when, in seconds, by a clock that nobody sets.
	At float64 `json:"at"`
	// CPU is the processor time, in seconds, of all that ever ran in it.
	CPU float64 `json:"cpuSeconds"`
	// Memory, in bytes, is what it has now, the most that it had, and what it may have.
	Memory      *uint64 `json:"memory,omitempty"`
	MemoryPeak  *uint64 `json:"memoryPeak,omitempty"`
	MemoryLimit *uint64 `json:"memoryLimit,omitempty"`
	// Processes are they and their threads.
	Processes    *uint64 `json:"processes,omitempty"`
	ProcessLimit *uint64 `json:"processLimit,omitempty"`
	ReadBytes    *uint64 `json:"readBytes,omitempty"`
	WrittenBytes *uint64 `json:"writtenBytes,omitempty"`
	// From says who counted: the kernel's cgroup, or sbx, over the living processes.
	From string `json:"from"`
}

// Who counts.
const (
	FromCgroup    = "cgroup"
	FromProcesses = "processes"
)
