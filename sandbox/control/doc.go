// Package control is how a sandbox's supervisor is asked for something: one request
// on a connection of a socket in the sandbox's directory, and what answers it.
//
// The directory is its user's alone, and hidden from what is sandboxed. The peer's
// user is looked at all the same (SO_PEERCRED): a socket that got out, as a descriptor,
// is of no use to another user.
package control
