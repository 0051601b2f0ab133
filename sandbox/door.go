package sandbox

import (
	"path"
	"slices"

	"golang.org/x/sys/unix"
)

// A door is a FIFO or a socket: what is behind it is a process of the host's, which
// no mount keeps anybody from. Where one is tells only a look at every directory,
// so that is done at the top of what is shown, where most are.

// doors are those that are hidden. In a directory that is shown read-only that
// takes nothing from a build, which could not replace or remove them. Elsewhere it
// would: what is hidden is a mount point, and rm -f pipe && mkfifo pipe fails on
// what an earlier run left. So there a socket is hidden if some process on the
// host has one of that name, and a FIFO is not: whether anybody waits behind it
// nothing tells, not even opening it, which would wake him.
func (h *Host) doors(s Spec, bound []string) (paths []string) {
	for _, m := range s.ownMounts(*h) {
		dir, top := h.real(m.Source), h.top
		switch {
		case !isBind(m) || !h.isDir(m.Source) || slices.Contains(s.Kept, m.Source):
			continue
		case m.Source != s.Project && s.Project != "" && below(m.Source, s.Project):
			continue // the guard's, and seen with the project if at its top
		case m.Source != s.Project:
			top = entries(dir)
		}
		frozen := slices.Contains(m.Options, "ro")
		for _, e := range top {
			if e.kind == unix.DT_FIFO && frozen || e.kind == unix.DT_SOCK && !h.refusesSockets(s) && (frozen || isBound(e.name, bound)) {
				paths = append(paths, path.Join(dir, e.name))
			}
		}
	}
	return paths
}

// isBound tells whether a name may be that of a process's socket. One that was
// bound from within its directory, or through a link, has another path in the
// kernel's list.
func isBound(name string, bound []string) bool {
	return slices.ContainsFunc(bound, func(b string) bool { return path.Base(b) == name })
}
