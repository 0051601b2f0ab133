//go:build !amd64

package main

// int80 is not there: no other machine has that gate.
func int80(nr, a, b, c uint32) int32 {
	wrong("no 32-bit gate")
	return 0
}

var machineCalls = map[string]func() error{}
