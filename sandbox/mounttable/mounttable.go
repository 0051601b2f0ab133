// Package mounttable computes at which paths a file is visible, from the mounts of
// /proc/self/mountinfo (proc_pid_mountinfo(5)).
//
// A path names a file by one mount. A bind mount, a second mount of the file system
// or of a part of it (btrfs subvolumes, /persist of NixOS, /mnt/wslg/distro of WSL)
// and a file system that is stacked on a directory (overlay, bindfs) give it others.
// A mount's device and root tell which: stat(2) would not do, since the device that
// it gives differs from subvolume to subvolume.
package mounttable

import (
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A Mount is one line: what Root is on Device is seen at Point.
type Mount struct {
	ID, Parent   int
	Device, Root string
	Point        string
	Options      string // of the mount
	Type, Source string
	Super        string // options of the file system
}

// ReadOnly tells whether the mount or its file system is read-only.
func (m *Mount) ReadOnly() bool {
	return strings.HasPrefix(m.Options+",", "ro,") || strings.HasPrefix(m.Super+",", "ro,")
}

// A Table has the mounts that a process sees.
type Table struct {
	Mounts []Mount
	on     map[place]int // which is mounted where
	root   int           // the mount at / that others may be stacked on, or -1
}

// A place is a path in a mount.
type place struct {
	mount int
	path  string
}

// Read gives the table of this process.
func Read() (t Table, err error) {
	fd, err := unix.Open("/proc/self/mountinfo", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return t, err
	}
	defer unix.Close(fd)
	b := make([]byte, 0, 16<<10)
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := unix.Read(fd, b[len(b):cap(b)])
		switch {
		case err == unix.EINTR:
		case err != nil:
			return t, err
		case n <= 0:
			return Parse(string(b)), nil
		default:
			b = b[:len(b)+n]
		}
	}
}

// Parse reads the text of a table. A line that is none is left out.
func Parse(text string) Table {
	n := strings.Count(text, "\n")
	t := Table{Mounts: make([]Mount, 0, n), on: make(map[place]int, n), root: -1}
	for line := range strings.Lines(text) {
		if m, ok := parseLine(strings.TrimSuffix(line, "\n")); ok {
			t.on[place{m.Parent, m.Point}] = len(t.Mounts)
			t.Mounts = append(t.Mounts, m)
		}
	}
	t.findRoot()
	return t
}

func parseLine(line string) (m Mount, ok bool) {
	before, after, ok := strings.Cut(line, " - ")
	if !ok {
		return m, false
	}
	var id, parent string
	for _, field := range []*string{&id, &parent, &m.Device, &m.Root, &m.Point, &m.Options} {
		*field, before, _ = strings.Cut(before, " ")
	}
	for _, field := range []*string{&m.Type, &m.Source, &m.Super} {
		*field, after, _ = strings.Cut(after, " ")
	}
	var err, err2 error
	m.ID, err = strconv.Atoi(id)
	m.Parent, err2 = strconv.Atoi(parent)
	m.Root, m.Point, m.Source = unescape(m.Root), unescape(m.Point), unescape(m.Source)
	m.Super = unescape(m.Super)
	m.networked()
	return m, err == nil && err2 == nil && strings.HasPrefix(m.Point, "/")
}

// networked names the place on a server, of which each export or directory that is
// mounted has a device of its own.
func (m *Mount) networked() {
	var host, dir string
	switch {
	case strings.HasPrefix(m.Type, "nfs"), m.Type == "ceph", m.Type == "fuse.sshfs":
		host, dir, _ = strings.Cut(m.Source, ":/")
	case m.Type == "cifs" || m.Type == "smb3":
		host, dir, _ = strings.Cut(strings.TrimPrefix(m.Source, "//"), "/")
	}
	if host != "" {
		m.Device, m.Root = m.Type[:3]+":"+host, path.Join("/", dir, m.Root)
	}
}

// unescape undoes what the kernel does to spaces and the like: three octal digits.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// findRoot finds the mount at / that is stacked on no other.
func (t *Table) findRoot() {
	ids := map[int]bool{}
	for i := range t.Mounts {
		if t.Mounts[i].Point == "/" {
			ids[t.Mounts[i].ID] = true
		}
	}
	for i := range t.Mounts {
		if m := &t.Mounts[i]; m.Point == "/" && (m.Parent == m.ID || !ids[m.Parent]) {
			t.root = i
			return
		}
	}
}

// At is the mount that a path without symbolic links is in, or -1. As the kernel does,
// it crosses the first mount point on the way, and goes on in what is mounted there: a
// mount that a later one covers is not seen.
func (t Table) At(p string) int {
	in := t.root
	for next := in; next >= 0; {
		in, next = next, t.mountedOn(next, p)
	}
	return in
}

// Paths are the other paths of a file or directory, by other mounts of its file system.
func (t Table) Paths(p string) (paths []string) {
	if len(t.Mounts) == 0 {
		return nil
	}
	at := t.At(p)
	if at < 0 {
		return nil
	}
	in := &t.Mounts[at]
	here := path.Join(in.Root, under(p, in.Point))
	for i := range t.Mounts {
		m := &t.Mounts[i]
		if i == at || m.Device != in.Device || !below(here, m.Root) {
			continue
		}
		if other := path.Join(m.Point, under(here, m.Root)); t.At(other) == i {
			paths = append(paths, other)
		}
	}
	return paths
}

// mountedOn is the mount in another whose mount point is the first on the way to a
// path, or -1.
func (t Table) mountedOn(in int, p string) int {
	m := &t.Mounts[in]
	for end := len(m.Point); ; end++ {
		if end == len(p) || p[end] == '/' || end == 1 && m.Point == "/" {
			if i, ok := t.on[place{m.ID, p[:end]}]; ok && i != in {
				return i
			}
		}
		if end >= len(p) {
			return -1
		}
	}
}

// below tells whether a path is dir or in it.
func below(p, dir string) bool {
	return dir == "/" || strings.HasPrefix(p, dir) && (len(p) == len(dir) || p[len(dir)] == '/')
}

// under is the rest of a path below a directory that it is in: empty, or with a slash
// before it.
func under(p, dir string) string {
	if dir == "/" {
		dir = ""
	}
	if rest := strings.TrimPrefix(p, dir); rest != "/" {
		return rest
	}
	return ""
}
