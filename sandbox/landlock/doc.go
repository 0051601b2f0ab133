// Package landlock says what Landlock (landlock(7)) is to grant, and what of it
// a kernel can do.
//
// Landlock repeats the file policy of the mounts: where a mount is read-only no
// rule grants writing. It hides nothing by itself, that is the mounts' part; it is
// there for the day on which one of them can be got around. What it adds to them
// is that signals and abstract sockets end at the sandbox's edge even where
// namespaces are shared.
//
// A Policy is an immutable value. Which rights there are depends on the kernel's
// ABI version; the table rights has them all, and Restrict is the one place
// that takes from a policy what a kernel does not know. Rules are given to the
// kernel by a step of the plan (userns.Landlock).
package landlock
