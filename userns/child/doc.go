// Package child is what runs between clone and execve: a loop over calls that were
// laid out before, in a process that shares the memory of a Go program and may use
// nothing of Go. Package userns lays them out.
//
// It has no imports, and its path sorts early, so that it is initialized before
// anything else: a program can begin a child when Go has just started and the
// packages of the program have not (Go specification, "Package initialization").
package child
