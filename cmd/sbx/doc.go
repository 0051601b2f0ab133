// Command sbx runs untrusted builds in a sandbox.
//
// This package turns arguments into a sandbox.Spec, and what comes of it into
// output and an exit code. It has no policy and makes no system call that a
// sandbox is made of: those are in package sandbox and below. One file a verb.
package main
