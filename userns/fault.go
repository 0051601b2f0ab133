package userns

import "golang.org/x/sys/unix"

// Fault stands in for a step and fails in its place, with an errno that no step
// expects. It is for tests of what a failure of Step says and leaves behind.
type Fault struct{ Step Step }

func (f Fault) String() string { return f.Step.String() }

func (f Fault) lower(a *assembler) {
	a.add(opFail).args[0] = uintptr(unix.EXFULL)
}
