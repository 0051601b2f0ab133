package main

import "golang.org/x/sys/unix"

// int80 makes a system call by the gate of 32-bit programs.
func int80(nr, a, b, c uint32) int32

// machineCalls are those that only this machine has.
var machineCalls = map[string]func() error{
	"iopl":   func() error { return unix.Iopl(3) },
	"ioperm": func() error { return unix.Ioperm(0x80, 1, 1) },
}
