// Package nofile remembers the limit of open files that this process was
// started with.
//
// Go's package syscall raises the soft limit to the hard one when it is
// initialized, and keeps the old value to itself. What sbx starts must get the
// caller's: a program that closes every descriptor up to its limit takes minutes
// with a limit of a million. A package without imports, whose path sorts before
// "syscall", is initialized first (Go specification, "Package initialization").
// So this one makes its one system call itself, and nothing about that may
// change.
package nofile

// atStart is struct rlimit: soft, hard.
var atStart = read()

func read() (l [2]uint64) {
	getrlimit(&l)
	return l
}

// getrlimit reads RLIMIT_NOFILE. It cannot fail for a resource that exists; two
// zeros say that it did.
//
//go:noescape
func getrlimit(l *[2]uint64)

// AtStart is the limit of open files, soft and hard, before Go changed it.
func AtStart() (soft, hard uint64) { return atStart[0], atStart[1] }
