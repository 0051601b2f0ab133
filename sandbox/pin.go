package sandbox

import (
	"errors"
	"path"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// A mount that hides a name moves along when a directory above is renamed, so nothing is
// read in that run. But the next run looks for the secret at its old place, and shows it at
// the new one. So the directories above a hidden name are pinned: bound over themselves,
// which keeps whoever sees the mount from renaming or removing them (EBUSY, rename(2)).

// pinLimit bounds them. Each is a mount.
const pinLimit = 4096

var errPins = errors.New("too many directories with hidden files")

// probePins finds the directories that are pinned in what is shown writable.
func (h *Host) probePins(s Spec, hidden []string) error {
	own := s.ownMounts(*h)
	for _, m := range own {
		if !isBind(m) || slices.Contains(m.Options, "ro") || !h.isDir(m.Source) || slices.Contains(s.Kept, m.Source) {
			continue
		}
		source := h.real(m.Source)
		for _, p := range hidden {
			if source != m.Source && below(p, m.Source) {
				p = source + p[len(m.Source):]
			}
			if p == source || !below(p, source) || s.exposed(*h, p) || !accessible(p) {
				continue
			}
			if slices.ContainsFunc(hidden, func(dir string) bool { return dir != p && below(p, dir) }) {
				continue // it is hidden with that one
			}
			if err := h.pinParents(m, source, p, own); err != nil {
				return err
			}
		}
	}
	return nil
}

// pinParents pins the directories between the source of a mount and a path, as far as
// nothing else is mounted there and no link is among them.
func (h *Host) pinParents(m specs.Mount, source, p string, own []specs.Mount) error {
	var pins []specs.Mount
	for dir := path.Dir(p); dir != source && dir != "/"; dir = path.Dir(dir) {
		at := path.Join(m.Destination, dir[len(source):])
		if slices.ContainsFunc(h.pins, func(pin specs.Mount) bool { return pin.Destination == at }) {
			break // and those above it are pinned too
		}
		if slices.ContainsFunc(own, func(o specs.Mount) bool { return o.Destination == at }) {
			continue
		}
		if in := innermost(at, own); in == nil || in.Destination != m.Destination || in.Source != m.Source || !plainDirectory(dir) {
			continue // a read-only mount in between needs none
		}
		pins = append(pins, bind(dir, at))
		h.stat(dir)
		h.stat(m.Source + dir[len(source):])
	}
	if h.pins = append(h.pins, pins...); len(h.pins) > pinLimit {
		return errPins
	}
	return nil
}

// plainDirectory tells whether a path is a directory without a link in it.
func plainDirectory(dir string) bool {
	fd, err := unix.Openat2(unix.AT_FDCWD, dir, &unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS})
	if err != nil {
		return false
	}
	unix.Close(fd)
	return true
}

// isPin tells whether a mount is a directory that is bound over itself.
func (h Host) isPin(m specs.Mount) bool {
	return slices.ContainsFunc(h.pins, func(p specs.Mount) bool { return p.Destination == m.Destination && p.Source == m.Source })
}
