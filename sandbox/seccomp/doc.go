// Package seccomp turns a list of allowed system calls, in the form that OCI
// runtimes read (linux.seccomp), into the program that the kernel runs before
// every call (seccomp(2)). It brings a profile of its own for sandboxes.
//
// The kernel knows calls by number and architecture, and sees six argument
// registers; it cannot follow a pointer. Compile therefore makes one decision
// per architecture over the number, a balanced tree, and at its leaves tests
// of the arguments by halves of 32 bits. Equal decisions are one piece of
// code. What is not decided is refused: an architecture that the profile does
// not name ends the process, since the same number is another call there.
//
// # What a profile means
//
// The entries that name a call are tried in their order, those with conditions
// before those without. The conditions of one entry all have to hold. One rule
// is older than that and kept as runc keeps it: when an entry has two conditions
// on one argument, each of its conditions counts alone.
//
// That is libseccomp's meaning with two differences, both for profiles that
// give one call several actions. There an entry without conditions replaces all
// that have some, and runc leaves out entries whose action is the default. So
// "refuse this argument" together with "allow the call" allows everything
// there and refuses the argument here. The built-in profile only says what is
// allowed, and each way of allowing has its own entry: it means the same to both.
//
// Calls that are newer than all that a refusing profile names fail with ENOSYS
// and not with its error, as in runc: C libraries fall back on ENOSYS only.
//
// # Other ways into the kernel
//
// An amd64 kernel may also offer the x32 calls, by a bit in the number, and
// 32-bit calls, by another entry. The first fail with ENOSYS, which is what most
// kernels say to them and what programs expect; the second end the process.
// A profile has them by naming their architecture.
//
// # Built-in profile
//
// DefaultProfile is moby's, tightened: tighten.go says in what. Its programs
// for the usual sandboxes are compiled in advance, by go generate, and linked as
// data: Default costs nothing at start-up.
package seccomp

//go:generate go run ./generate/tables calls
//go:generate go run ./generate/tables base
//go:generate go run ./generate/programs
