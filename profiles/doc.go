// Package profiles says what a build tool may see, by name.
//
// A profile is a short text in TOML: what is shown of the home, which caches are
// kept, which variables are passed, what is given up and what is forbidden
// besides. A dozen are built in. The user writes his own in a directory of his,
// and a project may bring one in .sbx.toml.
//
// The three differ in whose word they are. Those built in and the user's are
// obeyed. The project's file comes with the untrusted code, so it may only
// tighten: Widens lists all that it wants beyond that, and a file with such a
// line counts as a whole only after the user has seen the list and a Store has
// the hash of the very bytes.
//
// Every value keeps the file and the line that it comes from, through extending
// and merging, so that a mount can be traced to the line that asked for it.
//
// The profiles that are built in are parsed by go generate and linked in as
// plain data. A run that uses no other reads no file and parses nothing: that is
// what most runs are, and sbx's start is counted in microseconds.
//
// The package knows nothing of sandboxes. It gives absolute paths and plain
// words; cmd/sbx makes a sandbox.Spec of them.
package profiles

//go:generate go run generate.go
