package dotenv

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A Memory is a directory that keeps which files of a project are secrets, one file for each
// project. Find lists few directories, and a command that makes others decides which. After a
// run all are known.
type Memory string

// A Known is a file of a project, which is hidden. Shown says that a command made it, and that
// it is unchanged since: it is shown to others. Shut says that it is a directory that could not be looked into,
// which has an inode only: a command that makes long paths must not push it out.
type Known struct {
	Path        string
	Inode       uint64
	Changed     int64 // in nanoseconds
	Shown, Shut bool
}

const (
	memoryFormat = "sbx secrets 1"
	// memoryLimit bounds what is read at a start, memoryProjects how many files are kept.
	memoryLimit    = 64 << 10
	memoryProjects = 512
)

func (m Memory) file(project string) string {
	h := fnv.New64a()
	h.Write([]byte(project))
	return string(m) + "/" + strconv.FormatUint(h.Sum64(), 16)
}

// head is the first part of a project's file: by its path, and its inode, since another
// project may come to that path.
func head(project string) string {
	var st unix.Stat_t
	if unix.Stat(project, &st) != nil {
		return ""
	}
	return memoryFormat + " " + strconv.FormatUint(st.Ino, 10) + " " + project
}

// Recall gives what is known of a project, by its real path: nearly always nothing, for one
// system call.
func (m Memory) Recall(project string) (known []Known) {
	fd, err := unix.Open(m.file(project), unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG || st.Size > memoryLimit {
		return nil
	}
	text := make([]byte, st.Size)
	n, err := unix.Pread(fd, text, 0)
	if err != nil {
		return nil
	}
	parts := strings.Split(string(text[:n]), "\x00")
	if parts[0] != head(project) {
		return nil
	}
	for _, part := range parts[1:] {
		if k, ok := parseKnown(part); ok {
			known = append(known, k)
		}
	}
	return known
}

func (k Known) String() string {
	kind := "secret"
	switch {
	case k.Shut:
		return fmt.Sprintf("shut %d 0 .", k.Inode)
	case k.Shown:
		kind = "shown"
	}
	return fmt.Sprintf("%s %d %d %s", kind, k.Inode, k.Changed, k.Path)
}

func parseKnown(text string) (k Known, ok bool) {
	parts := strings.SplitN(text, " ", 4)
	if len(parts) != 4 {
		return k, false
	}
	inode, err := strconv.ParseUint(parts[1], 10, 64)
	changed, err2 := strconv.ParseInt(parts[2], 10, 64)
	k = Known{parts[3], inode, changed, parts[0] == "shown", parts[0] == "shut"}
	return k, slices.Contains([]string{"secret", "shown", "shut"}, parts[0]) && err == nil && err2 == nil && path.Clean(k.Path) == k.Path && !path.IsAbs(k.Path) && k.Path != ".." && !strings.HasPrefix(k.Path, "../")
}

// Keep keeps what is known of a project, or forgets it where that is nothing. What is over
// the limit is left out.
func (m Memory) Keep(project string, known []Known) error {
	file := m.file(project)
	if len(known) == 0 {
		if err := os.Remove(file); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	text := []byte(head(project))
	slices.SortStableFunc(known, func(a, b Known) int { return later(a) - later(b) })
	for _, k := range known {
		if part := k.String(); len(text)+len(part) < memoryLimit {
			text = append(append(text, 0), part...)
		}
	}
	if old, err := os.ReadFile(file); err == nil && bytes.Equal(old, text) {
		return os.Chtimes(file, time.Time{}, time.Now()) // those that are used stay
	}
	if err := os.MkdirAll(string(m), 0o700); err != nil {
		return err
	}
	m.forget()
	t, err := os.CreateTemp(string(m), ".new-")
	if err != nil {
		return err
	}
	_, err = t.Write(text)
	if err = errors.Join(err, t.Close()); err == nil {
		err = os.Rename(t.Name(), file)
	}
	if err != nil {
		_ = os.Remove(t.Name())
	}
	return err
}

func later(k Known) int {
	if k.Shut {
		return 0
	}
	return 1
}

// Told notes that the names of a project's secrets were printed just now.
func (m Memory) Told(project string) {
	file := m.file(project) + ".told"
	if err := os.Chtimes(file, time.Time{}, time.Now()); !errors.Is(err, fs.ErrNotExist) {
		return
	}
	m.forget()
	if f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err == nil {
		f.Close()
	}
}

// ToldSince tells whether they were printed within a time.
func (m Memory) ToldSince(project string, d time.Duration) bool {
	info, err := os.Lstat(m.file(project) + ".told")
	return err == nil && time.Since(info.ModTime()).Abs() < d
}

// forget removes the oldest files of too many.
func (m Memory) forget() {
	names, err := os.ReadDir(string(m))
	if err != nil || len(names) < memoryProjects {
		return
	}
	age := map[string]time.Time{}
	for _, n := range names {
		if info, err := n.Info(); err == nil {
			age[n.Name()] = info.ModTime()
		}
	}
	slices.SortFunc(names, func(a, b fs.DirEntry) int { return cmp.Compare(age[a.Name()].UnixNano(), age[b.Name()].UnixNano()) })
	for _, n := range names[:len(names)-memoryProjects+1] {
		_ = os.Remove(path.Join(string(m), n.Name())) // another sbx may have
	}
}
