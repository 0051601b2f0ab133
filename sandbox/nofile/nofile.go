// Package nofile remembers the limit of open files that this process was
// started with.
//
// Go's package os raises the soft limit to the hard one when it is initialized,
// and keeps the old value to itself. What sbx starts must get the caller's: a
// program that closes every descriptor up to its limit takes minutes with a
// limit of a million. A package that imports only syscall, and whose path sorts
// before "os", is initialized first (Go specification, "Package
// initialization"); nothing else about it may change.
package nofile

import "syscall"

var atStart = read()

func read() (l syscall.Rlimit) {
	// It cannot fail for a resource that exists; zero would then say "unknown".
	_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l)
	return l
}

// AtStart is the limit of open files, soft and hard, before Go changed it.
func AtStart() syscall.Rlimit { return atStart }
