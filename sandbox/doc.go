// Package sandbox runs a command in a sandbox, after the manner of os/exec.
//
// A Spec is what is wanted, a Host what is granted. Complete fills the one in
// from the other, Compile makes a plan of it for package userns, and a Cmd has
// that run and waits. The first two are pure functions of plain data: what a
// flag comes to is tested without a namespace, and what will be done can be
// shown before it is done.
//
// The Spec is an OCI runtime configuration and the few things OCI has no word
// for, so that a bundle needs no translation and another OCI runtime can be
// asked to do the same. A part of OCI that is not carried out is refused, never
// left out.
//
// There are three views. The host view is the default: the caller's machine,
// read-only, with private directories over what is nobody else's business. A new
// mount namespace is a copy of the host's mounts already, so nothing is bound or
// pivoted there; one call seals them all, however many there are. The views
// Rootfs and Union have a root of their own, and pivot into it.
package sandbox
