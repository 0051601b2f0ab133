package hosts

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A Memory is a directory with what tools answered, a file for each. No sandbox may write
// there: an answer is a list of hosts that the next one is allowed. It is of no use where the
// tool, its interpreter or one of the files that it reads is another one than it was, by its
// inode and times, of which nobody sets the one of the last change.
type Memory string

const (
	memoryFormat = 1
	memoryLimit  = 64 << 10
	// longestMemory bounds what a file that is not in the tables may have changed.
	longestMemory = 24 * time.Hour
)

// A remembered answer, and what it was asked with and of.
type remembered struct {
	Format int               `json:"format"`
	With   string            `json:"with"` // the program, and what it gets of variables
	Asked  time.Time         `json:"asked"`
	Files  map[string]string `json:"files"`
	Hosts  []Host            `json:"hosts"`
	Notes  []string          `json:"notes,omitempty"`
	Mend   string            `json:"mend,omitempty"`
}

// recall asks a tool, unless the answer is remembered and still holds.
func (a *Asker) recall(set string, t tool) (answer, error) {
	files, ok := a.filesOf(set, t)
	if !ok || a.Memory == "" {
		return t.ask(a)
	}
	file := path.Join(string(a.Memory), t.name+".json")
	with := a.with(t.name)
	if r, ok := a.remembered(file, with, files); ok && !a.Anew {
		return r, nil
	}
	before := identities(files)
	r, err := t.ask(a)
	if err != nil || len(r.hosts) == 0 {
		return r, err
	}
	ids := identities(append(files, r.files...))
	for name, id := range before {
		if ids[name] != id { // it changed meanwhile
			return r, nil
		}
	}
	// One that cannot be kept is asked for again.
	_ = keep(file, remembered{memoryFormat, with, time.Now(), ids, r.hosts, r.notes, r.mend})
	return r, nil
}

// with is the hash of what a tool is started with.
func (a *Asker) with(program string) string {
	at, _ := a.Find(program) // which is there: filesOf has found it
	sum := sha256.Sum256([]byte(strings.Join(append([]string{at}, a.given...), "\x00")))
	return hex.EncodeToString(sum[:])
}

// remembered gives an answer that holds: each file is what it was, and none is one that a
// sandbox can write.
func (a *Asker) remembered(file, with string, files []string) (r answer, ok bool) {
	text, err := readPrivate(file)
	var m remembered
	if err != nil || json.Unmarshal(text, &m) != nil {
		return r, false
	}
	if age := time.Since(m.Asked); m.Format != memoryFormat || m.With != with || age < 0 || age > longestMemory || len(m.Hosts) == 0 {
		return r, false
	}
	for _, name := range files {
		if _, ok := m.Files[name]; !ok {
			return r, false
		}
	}
	for name, id := range m.Files {
		if identity(name) != id || a.Leads != nil && a.Leads(name) {
			return r, false
		}
	}
	for _, h := range m.Hosts {
		if a.Check(h.Host) != nil {
			return r, false
		}
	}
	return answer{hosts: m.Hosts, notes: m.Notes, mend: m.Mend}, true
}

// filesOf are those on which a tool's answer depends, where all are known: the program itself
// and the directory of its package, its interpreter and its settings. A program that stands
// for others, as those of version managers do, depends on more.
func (a *Asker) filesOf(set string, t tool) (all []string, ok bool) {
	at, err := a.Find(t.name)
	if err != nil || t.script == "" {
		return nil, false
	}
	script, err := filepath.EvalSymlinks(at)
	if err != nil || !strings.HasSuffix(script, t.script) {
		return nil, false
	}
	interpreter, err := a.Find("node")
	if err != nil {
		return nil, false
	}
	whole := strings.TrimSuffix(script, t.script)
	all = []string{at, script, interpreter, whole + path.Dir(path.Dir(t.script)) + "/npmrc", whole + path.Dir(path.Dir(t.script)) + "/package.json"}
	for _, file := range append(files[set], t.files...) {
		if p := a.place(file); path.IsAbs(p) {
			all = append(all, p)
		}
	}
	return all, true
}

func identities(files []string) map[string]string {
	ids := map[string]string{}
	for _, name := range files {
		ids[name] = identity(name)
	}
	return ids
}

// identity tells a file from another one at the same name, and from itself before it was
// written. The status change time cannot be set (stat(2)).
func identity(name string) string {
	var st unix.Stat_t
	switch err := unix.Stat(name, &st); {
	case err == nil:
		return fmt.Sprintf("%d:%d %d %o %d.%d %d.%d", st.Dev, st.Ino, st.Size, st.Mode, st.Mtim.Sec, st.Mtim.Nsec, st.Ctim.Sec, st.Ctim.Nsec)
	case err == unix.ENOENT || err == unix.ENOTDIR:
		return "none"
	default:
		return err.Error()
	}
}

// readPrivate reads a file of the caller's alone.
func readPrivate(name string) ([]byte, error) {
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, err
	}
	if st.Mode != unix.S_IFREG|0o600 || int(st.Uid) != os.Getuid() || st.Size > memoryLimit {
		return nil, fs.ErrPermission
	}
	b := make([]byte, st.Size)
	n, err := f.Read(b)
	return b[:n], err
}

// keep writes an answer: a crash leaves the old one or the new one.
func keep(file string, m remembered) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(path.Dir(file), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(path.Dir(file), ".new-") // of mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
