package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/dotenv"
	"github.com/sbxrun/sbx/sandbox/gitindex"
	"github.com/sbxrun/sbx/sandbox/secrets"
)

// A mask is a mount on a name in a directory that is the user's: it hides the file, makes
// it read-only, or keeps its directory from being renamed inside.
type mask struct {
	inside, outside string // the same place in the sandbox and on the host
	how             masking
}

type masking uint8

const (
	hides masking = iota
	readOnly
	pins
)

// masks are those of the sandbox's mounts that the host can take off: the kernel detaches
// what is mounted on a name when that name is removed or replaced in another mount
// namespace (detach_mounts of fs/namespace.c). Editors and git replace what they write.
func (s Spec) masks(h Host) (list []mask) {
	for _, p := range s.OCI.Linux.MaskedPaths {
		if below(p, "/proc") || below(p, "/sys") {
			continue
		}
		if outside := s.backing(p, s.OCI.Mounts); outside != "" && !slices.ContainsFunc(list, func(m mask) bool { return m.inside == p }) {
			list = append(list, mask{p, outside, hides})
		}
	}
	if h.Guard != nil && !s.AllowRunLater {
		for _, b := range h.Guard.Binds {
			m := mask{b.Path, b.Path, pins}
			if b.ReadOnly {
				m.how = readOnly
			}
			list = append(list, m)
		}
	}
	for _, m := range h.pins {
		pin := mask{m.Destination, m.Source, pins}
		if slices.Contains(m.Options, "ro") {
			pin.how = readOnly
		}
		list = append(list, pin)
	}
	for _, m := range s.OCI.Mounts {
		own := isBind(m) && m.Source == m.Destination && slices.Contains(m.Options, "ro") && s.Project != "" && m.Source != s.Project && below(m.Source, s.Project)
		if own && !slices.ContainsFunc(list, func(other mask) bool { return other.inside == m.Destination }) {
			list = append(list, mask{m.Destination, m.Destination, readOnly})
		}
	}
	slices.SortStableFunc(list, func(a, b mask) int { return strings.Compare(a.inside, b.inside) }) // parents first
	return list
}

// appears gives the mask of a name that appeared in a directory of the host, if it is of
// a kind that is hidden.
func (w *maskWatch) appears(dir, name string) (mask, bool) {
	at := path.Join(dir, name)
	if w.spec.exposed(w.host, at) {
		return mask{}, false
	}
	for _, d := range w.places {
		if d.Dir == dir && (slices.Contains(d.Places, name) || slices.Contains(d.Ways, name)) {
			return mask{path.Join(d.Inside, name), at, hides}, true
		}
	}
	file := w.at(dir) + "/" + name
	if w.spec.Project == "" || !below(dir, w.spec.Project) || !dotenv.File(file, dir == w.spec.Project) {
		return mask{}, false
	}
	if isMade(w.host.made[strings.TrimPrefix(at, w.spec.Project+"/")], file) || w.shared(at, file) {
		return mask{}, false
	}
	project, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", w.project))
	if err != nil {
		return mask{at, at, hides}, true
	}
	rel := strings.TrimPrefix(at, w.spec.Project+"/")
	return mask{at, at, hides}, !gitindex.Tracked(project, []string{rel})[rel]
}

// judgedLimit bounds how many files are read again and again: the command may make any number.
const judgedLimit = 64

// shared tells whether what is in a file is no secret to the command. It is judged again when
// it is written to.
func (w *maskWatch) shared(at, file string) bool {
	if w.known[at] || !w.judged[at] && len(w.judged) >= judgedLimit {
		return false
	}
	if w.judged[at] = true; w.events != nil {
		w.events.watchFile(at, file) // before it is read: later writes are reported
	}
	return dotenv.Shared(file, func(name string) bool { return secrets.Variable(name, "") })
}

// hides tells whether a path of the host was hidden all the time, or is in a directory that
// was. What has appeared is not among that: it may be the command's.
func (w *maskWatch) hides(at string) bool {
	return slices.ContainsFunc(w.spec.masks(w.host), func(m mask) bool { return m.how == hides && below(at, m.outside) })
}

func (w *maskWatch) isDir(m mask) bool {
	info, err := os.Lstat(w.at(m.outside))
	return err == nil && info.IsDir()
}

// covered tells whether a mask is on its name, or has nothing to cover there. A link is
// not covered: what it leads to is seen by its own name, or not at all.
func (w *maskWatch) covered(m mask) bool {
	info, err := os.Lstat(w.at(m.outside))
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTDIR):
		return true
	case err == nil && info.Mode().Type() == fs.ModeSymlink:
		return true
	}
	return w.mounted(m.inside) // the command may have closed the directory
}

// readOnly are the host's paths of what is read-only.
func (w *maskWatch) readOnly() (paths []string) {
	for _, m := range w.masks {
		if m.how == readOnly {
			paths = append(paths, m.outside)
		}
	}
	return paths
}
