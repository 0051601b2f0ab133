// Package cgroup gives a sandbox a cgroup of its own, with limits, without root.
//
// Who may make cgroups is decided by who owns the directory: systemd gives a user's
// processes a part of the tree when it is asked to (Delegate=yes), a container's
// engine or an administrator may have done so before. Host is what there is, Choose
// decides where to make one, Make makes it.
//
//	PARENT              delegated: a scope of systemd's, or a cgroup of the caller's
//	PARENT/supervisor   sbx itself, in a scope
//	PARENT/sbx-ID       the limits and the statistics
//	PARENT/sbx-ID/box   the sandbox's processes
//
// The processes are one level below the limits, and that is the root of the cgroup
// namespace: whoever is inside and may mount a cgroup file system, as with
// --allow-userns, sees no file of a limit, although his user owns them all. It would
// not be enough that the kernel forbids to write at a namespace's root (the mount
// option nsdelegate), since another namespace could be made further down.
package cgroup
