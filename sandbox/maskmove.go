package sandbox

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A movable is an open directory that has names which are masked, or an open file that is
// hidden, and the path where it was last. It is found by it when it was moved.
type movable struct {
	fd   int
	path string
	object
}

// at is a path by which a place of the host's is found, also if the project was moved.
func (w *maskWatch) at(outside string) string {
	if w.project < 0 || !below(outside, w.spec.Project) {
		return outside
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", w.project, strings.TrimPrefix(strings.TrimPrefix(outside, w.spec.Project), "/"))
}

// handle opens a directory of the project, once.
func (w *maskWatch) handle(dir string) {
	w.handles = w.hold(w.handles, dir, unix.O_DIRECTORY)
}

// hold adds a movable, or gives the path of one anew.
func (w *maskWatch) hold(list []movable, at string, flags int) []movable {
	if w.project < 0 || at == w.spec.Project || !below(at, w.spec.Project) || len(list) >= handleLimit {
		return list
	}
	fd, err := unix.Open(w.at(at), unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC|flags, 0)
	if err != nil {
		return list
	}
	here := objectOf(fd)
	for i, h := range list {
		if h.object == here {
			list[i].path = at
			unix.Close(fd)
			return list
		}
	}
	return append(list, movable{fd, at, here})
}

// handleLimit bounds the descriptors.
const handleLimit = 256

func objectOf(fd int) object {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return object{}
	}
	return object{uint64(st.Dev), st.Ino}
}

func (w *maskWatch) letGo() {
	if w.project >= 0 {
		unix.Close(w.project)
	}
	for _, h := range slices.Concat(w.handles, w.files) {
		unix.Close(h.fd)
	}
}

// relocate finds the directories of the project that were moved in it, and has the names in
// them masked at their new places: what is mounted on a name moves along, but not what is
// mounted on the directories above, by which the command went to it until now.
func (w *maskWatch) relocate() {
	project, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", w.project))
	if w.project < 0 || err != nil {
		return
	}
	place := func(h movable) string {
		now, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", h.fd))
		if err != nil || !below(now, project) || h.removed() {
			return h.path
		}
		return w.spec.Project + now[len(project):]
	}
	for i, h := range w.handles {
		moved := place(h)
		if moved == h.path {
			continue
		}
		for _, m := range slices.Clone(w.masks) {
			if path.Dir(m.outside) == h.path && m.inside == m.outside {
				at := path.Join(moved, path.Base(m.outside))
				w.addMask(mask{at, at, m.how})
			}
		}
		w.handles[i].path = moved
	}
	for i, h := range w.files {
		if moved := place(h); moved != h.path {
			w.addMask(mask{moved, moved, hides})
			w.files[i].path = moved
		}
	}
}

// removed tells that it has no name any more.
func (m movable) removed() bool {
	var st unix.Stat_t
	return unix.Fstat(m.fd, &st) == nil && st.Nlink == 0
}

// handleAll opens what can be moved, and closes what is gone.
func (w *maskWatch) handleAll() {
	gone := func(m movable) bool {
		if m.removed() {
			unix.Close(m.fd)
			return true
		}
		return false
	}
	w.handles, w.files = slices.DeleteFunc(w.handles, gone), slices.DeleteFunc(w.files, gone)
	for _, dir := range w.directories() {
		w.handle(dir)
	}
	for _, m := range w.masks {
		if m.how == hides && m.inside == m.outside {
			w.files = w.hold(w.files, m.outside, 0)
		}
	}
}

// addMask adds one, unless it is known.
func (w *maskWatch) addMask(m mask) {
	if !w.known[m.inside] {
		w.known[m.inside] = true
		w.masks = append(w.masks, m)
	}
}

// followLinks adds what hidden names that are links lead to in the project.
func (w *maskWatch) followLinks(masks []mask) []mask {
	before := len(w.masks)
	for _, m := range masks {
		if m.how != hides || m.inside != m.outside || w.project < 0 || !below(m.outside, w.spec.Project) {
			continue
		}
		if info, err := os.Lstat(w.at(m.outside)); err != nil || info.Mode().Type() != fs.ModeSymlink {
			continue
		}
		project, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", w.project))
		to, e := filepath.EvalSymlinks(w.at(m.outside))
		if err == nil && e == nil && to != project && below(to, project) {
			at := w.spec.Project + to[len(project):]
			w.addMask(mask{at, at, hides})
		}
	}
	added := slices.Clone(w.masks[before:])
	if len(added) > 0 && w.events != nil {
		w.again()
	}
	return added
}
