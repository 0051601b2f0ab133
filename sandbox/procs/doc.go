// Package procs reads what the processes of a sandbox take, in the sandbox's own
// /proc. There are all of them and no others, whoever began them and whatever namespaces
// they made themselves, and a sandbox's many are not looked for among the host's many
// more.
//
// The names and numbers there are those of untrusted processes: they are for people to
// look at, and nothing goes by them.
package procs
