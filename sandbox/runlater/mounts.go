package runlater

import (
	"errors"
	"fmt"
	"os"

	"github.com/sbxrun/sbx/sandbox/mounttable"
)

// A file system that is mounted below a root is writable inside as the root is. A
// walk does not go from one file system to another, so each is a root of its own.

var (
	errAppeared = errors.New("it was mounted during the run, and what the command left below it cannot be seen")
	errVanished = errors.New("it was mounted before the run and is not now, and what the command left on it cannot be seen")
)

// holdsFiles tells the file systems on which a run can leave something. The kernel
// makes up what is in the others.
func holdsFiles(m *mounttable.Mount) bool {
	return !m.ReadOnly() && !among(m.Type, "proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue", "debugfs", "tracefs", "securityfs",
		"configfs", "fusectl", "binfmt_misc", "pstore", "bpf", "efivarfs", "nsfs", "autofs", "selinuxfs")
}

// addMounts makes a root of each mount below one. Its own mounts are below that
// root as well.
func (g *Guard) addMounts() error {
	read := g.readMounts
	if read == nil {
		read = mounttable.Read
	}
	table, err := read()
	if err != nil {
		return fmt.Errorf("/proc/self/mountinfo: %w", err)
	}
	for i := range table.Mounts {
		m := &table.Mounts[i]
		if !g.inRoot(m.Point) {
			continue
		}
		if g.mounts == nil {
			g.mounts = map[string]bool{}
		}
		g.mounts[m.Point] = true
		if holdsFiles(m) && !g.isRoot(m.Point) && isDir(m.Point) {
			g.roots = append(g.roots, root{path: m.Point, kind: plain, mount: true})
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
