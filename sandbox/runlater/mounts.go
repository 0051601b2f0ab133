package runlater

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A file system that is mounted below a root is writable inside as the root is. A
// walk does not go from one file system to another, so each is a root of its own.

var (
	errAppeared = errors.New("it was mounted during the run, and what the command left below it cannot be seen")
	errVanished = errors.New("it was mounted before the run and is not now, and what the command left on it cannot be seen")
)

// A mountPoint is one of the caller's mounts.
type mountPoint struct {
	path, fs string
	readOnly bool
}

// mountsLater reads /proc/self/mountinfo in the background: that takes the kernel
// longer than the rest of Find takes, and nobody needs it yet.
func mountsLater() func() ([]byte, error) {
	type result struct {
		text []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text, err := readMounts()
		done <- result{text, err}
	}()
	return func() ([]byte, error) {
		r := <-done
		done <- r
		return r.text, r.err
	}
}

func readMounts() ([]byte, error) {
	fd, err := unix.Open("/proc/self/mountinfo", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("/proc/self/mountinfo: %w", err)
	}
	defer unix.Close(fd)
	text := make([]byte, 0, 16<<10)
	for {
		text = slices.Grow(text, 4<<10)
		n, err := unix.Read(fd, text[len(text):cap(text)])
		switch {
		case err == unix.EINTR:
		case err != nil:
			return nil, fmt.Errorf("/proc/self/mountinfo: %w", err)
		case n == 0:
			return text, nil
		default:
			text = text[:len(text)+n]
		}
	}
}

// parseMounts reads mountinfo: id, parent, device, root, mount point, options,
// optional fields, "-", type, source, options of the file system (proc(5)).
func parseMounts(text []byte) (mounts []mountPoint) {
	for line := range bytes.Lines(text) {
		f := strings.Fields(string(line))
		for i := 6; i+3 < len(f); i++ {
			if f[i] == "-" {
				readOnly := strings.HasPrefix(f[5]+",", "ro,") || strings.HasPrefix(f[i+3]+",", "ro,")
				mounts = append(mounts, mountPoint{unescape(f[4]), f[i+1], readOnly})
				break
			}
		}
	}
	return mounts
}

// escape writes a path as the kernel does in mountinfo.
func escape(path string) string {
	return strings.NewReplacer(" ", `\040`, "\t", `\011`, "\n", `\012`, `\`, `\134`).Replace(strings.TrimSuffix(path, "/"))
}

// unescape undoes the kernel's \040 for a space and its like.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			b = append(b, (s[i+1]-'0')<<6|(s[i+2]-'0')<<3|(s[i+3]-'0'))
			i += 3
			continue
		}
		b = append(b, s[i])
	}
	return string(b)
}

// holdsFiles tells the file systems on which a run can leave something. The kernel
// makes up what is in the others.
func (m mountPoint) holdsFiles() bool {
	return !m.readOnly && !among(m.fs, "proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue", "debugfs", "tracefs", "securityfs",
		"configfs", "fusectl", "binfmt_misc", "pstore", "bpf", "efivarfs", "nsfs", "autofs", "selinuxfs")
}

// addMounts makes a root of each mount below one. Its own mounts are below that
// root as well.
func (g *Guard) addMounts() error {
	if g.readMounts == nil {
		return nil
	}
	text, err := g.readMounts()
	if err != nil || !slices.ContainsFunc(g.roots, func(r root) bool { return bytes.Contains(text, []byte(" "+escape(r.path)+"/")) }) {
		return err
	}
	g.mounts = map[string]bool{}
	for _, m := range parseMounts(text) {
		if !g.inRoot(m.path) {
			continue
		}
		g.mounts[m.path] = true
		if m.holdsFiles() && !g.isRoot(m.path) && isDir(m.path) {
			g.roots = append(g.roots, root{path: m.path, kind: plain, mount: true})
		}
	}
	return nil
}

func (g *Guard) inRoot(path string) bool {
	for _, r := range g.roots {
		if rel, ok := (tree{path: r.path}).within(path); ok && rel != "" {
			return true
		}
	}
	return false
}

func (g *Guard) isRoot(path string) bool {
	for _, r := range g.roots {
		if r.path == path {
			return true
		}
	}
	return false
}

func isDir(path string) bool {
	fi, err := os.Lstat(path)
	return err == nil && fi.IsDir()
}

// mount is for a directory at hand that is a mount point: one that Record has seen
// is a root or holds no files.
func (w *walker) mount() {
	if !w.g.mounts[join(w.roots[w.index].path, string(w.path))] {
		w.unseen(string(w.path), errAppeared)
	}
}

// vanished tells whether a root was a mount that is gone. What is there now is a
// directory on the file system below.
func (r root) vanished(id identity) bool {
	return r.mount && r.id != (identity{}) && r.id.object() != id.object()
}
