package child

import _ "unsafe" // for go:linkname

// Go's own fork (syscall/exec_linux.go) brackets clone with hooks of the runtime:
// block every signal and forbid stack growth, and undo that in the parent. They
// are the only internals of Go that sbx relies on; runtime/proc.go pins their
// names and signatures for packages that clone by themselves.

//go:linkname runtimeBeforeFork syscall.runtime_BeforeFork
func runtimeBeforeFork()

//go:linkname runtimeAfterFork syscall.runtime_AfterFork
func runtimeAfterFork()
