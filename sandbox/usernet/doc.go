// Package usernet is a network in user mode: what a sandbox sends to its one device is
// read by a program outside, pasta or slirp4netns, which opens connections of its own
// for it, as the caller. That needs no root, and reaches whatever the caller reaches.
//
// Two things are not left to these programs. Both pass on what is for the machine itself,
// by its own addresses, and for the places where cloud machines find their secrets; that
// is closed in the sandbox's namespace, see egress.Barrier. And both outlive their
// sandbox where they are left alone, pasta as a daemon that nobody knows; here they stay
// in the foreground and die with the supervisor.
//
// rootlesskit has drivers for both. They make pasta a daemon, give either program all of
// the caller's environment, and run ip(8) in the sandbox's mounts. What is left without
// that are the addresses, which are the same.
package usernet
