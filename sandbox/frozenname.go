package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// A read-only mount is on a name, and the file may have another below what is writable: cp
// -al makes some, and so could an earlier command. By it .git/config is written while the
// command runs, and the caller's git status obeys it before anything is looked at.

// severalLimit bounds how many names are looked at in read-only directories. Most have a
// few.
const severalLimit = 512

// mayBeLinked tells of a read-only path whether a file of it may have several names.
func mayBeLinked(info fs.FileInfo) bool { return info != nil && (info.IsDir() || severalNames(info)) }

// frozenLinked are the files with several names of what is read-only in the project.
func (h *Host) frozenLinked(s Spec) (linked []string) {
	var frozen []string
	if !s.AllowRunLater {
		frozen = h.perhapsLinked
	}
	for _, m := range s.OCI.Mounts {
		if isBind(m) && slices.Contains(m.Options, "ro") && s.Project != "" && m.Source != s.Project && below(m.Source, s.Project) && mayBeLinked(h.stat(m.Source)) {
			frozen = append(slices.Clip(frozen), m.Source)
		}
	}
	left := severalLimit
	for _, p := range frozen {
		if h.isDir(p) {
			linked = appendLinked(linked, p, &left)
		} else {
			linked = append(linked, p)
		}
	}
	if left < 0 {
		h.Unhidden = append(h.Unhidden, fmt.Sprintf("what is read-only has more than %d files, of which not all were looked at for other names, by which the command could write them", severalLimit))
	}
	return linked
}

// appendLinked adds those in a directory and below. What git has only as an example is none.
func appendLinked(linked []string, dir string, left *int) []string {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return linked // the command cannot look into it either, or it went away
	}
	defer unix.Close(fd)
	for _, e := range listed(fd) {
		if e.kind == unix.DT_LNK || strings.HasSuffix(e.name, ".sample") {
			continue
		}
		if *left--; *left < 0 {
			return linked
		}
		var st unix.Stat_t
		if e.kind != unix.DT_DIR && unix.Fstatat(fd, e.name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
			continue
		}
		switch {
		case e.kind == unix.DT_DIR || st.Mode&unix.S_IFMT == unix.S_IFDIR:
			linked = appendLinked(linked, path.Join(dir, e.name), left)
		case st.Mode&unix.S_IFMT == unix.S_IFREG && st.Nlink > 1:
			linked = append(linked, path.Join(dir, e.name))
		}
	}
	return linked
}

var errFrozen = errors.New("more other names of read-only files than can be made read-only")

// freezeName makes a name read-only wherever a writable mount shows it.
func (h *Host) freezeName(p string, own []specs.Mount) error {
	for _, m := range own {
		source := h.real(m.Source)
		if !isBind(m) || p == source || !below(p, source) {
			continue
		}
		at := path.Join(m.Destination, p[len(source):])
		in := innermost(at, own)
		mounted := slices.ContainsFunc(own, func(o specs.Mount) bool { return o.Destination == at }) || h.isPin(bind(p, at))
		if mounted || in == nil || in.Destination != m.Destination || in.Source != m.Source || slices.Contains(m.Options, "ro") {
			continue
		}
		h.pins = append(h.pins, bind(p, at, "ro"))
		h.stat(p)
		h.stat(m.Source + p[len(source):])
	}
	if len(h.pins) > pinLimit {
		return errFrozen
	}
	return nil
}
