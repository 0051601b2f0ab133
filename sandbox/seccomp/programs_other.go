//go:build !amd64 && !arm64

package seccomp

// No program is compiled in advance for this machine.
var programs [0]compiledProgram
