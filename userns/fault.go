package userns

import (
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/userns/child"
)

// Fault stands in for a step and fails in its place, with an errno that no step
// expects. It is for tests of what a failure of Step says and leaves behind.
type Fault struct{ Step Step }

func (f Fault) String() string { return f.Step.String() }

// lower lays the step's calls and takes them off again, so that descriptors it
// would open have their names.
func (f Fault) lower(a *assembler) {
	calls, branches, sent := len(a.prog.Calls), len(a.branches), len(a.prog.sent)
	f.Step.lower(a)
	a.prog.Calls, a.branches, a.prog.sent = a.prog.Calls[:calls], a.branches[:branches], a.prog.sent[:sent]
	a.add(child.Fail).Args[0] = uintptr(unix.EXFULL)
}
