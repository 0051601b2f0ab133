package state

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Held is a sandbox's directory in the hands of its supervisor.
type Held struct {
	all    *Sandboxes
	dir    *os.File // with the lock
	mu     sync.Mutex
	record Record
}

// Add makes a place for a sandbox, and holds it. Its id is chosen, and its name where
// the record has none.
func (s *Sandboxes) Add(r Record) (h *Held, err error) {
	if r.Name != "" {
		if err := CheckName(r.Name); err != nil {
			return nil, err
		}
	}
	names, err := s.lockNames()
	if err != nil {
		return nil, &DirError{err}
	}
	defer names.Close()
	for {
		r.ID = newID()
		if _, err := os.Lstat(s.box(r.ID)); errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	r.Created, r.Status, r.Supervisor = time.Now(), Starting, os.Getpid()
	if r.Name == "" {
		r.Name, err = s.claimAny(r.ID)
	} else {
		err = s.claim(r.Name, r.ID)
	}
	if err != nil {
		return nil, err
	}
	h = &Held{all: s, record: r}
	if err := h.make(); err != nil {
		os.Remove(s.named(r.Name))
		return nil, &DirError{err}
	}
	return h, nil
}

// make makes the directory under a name that nobody looks for, and gives it its own
// when it is locked and whole.
func (h *Held) make() (err error) {
	hidden := h.all.box("." + h.record.ID)
	if err := os.Mkdir(hidden, 0o700); err != nil {
		return err
	}
	if h.dir, err = os.Open(hidden); err == nil {
		if err = flock(h.dir, unix.LOCK_EX); err == nil {
			if err = h.record.write(hidden); err == nil {
				err = os.Rename(hidden, h.Path())
			}
		}
	}
	if err != nil {
		os.RemoveAll(hidden)
		if h.dir != nil {
			h.dir.Close()
		}
	}
	return err
}

// Path is the directory.
func (h *Held) Path() string { return h.all.box(h.record.ID) }

// Record is what it is now.
func (h *Held) Record() Record {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.record
}

// Change changes the record.
func (h *Held) Change(change func(*Record)) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	change(&h.record)
	return h.record.write(h.Path())
}

// Begun says that the command runs.
func (h *Held) Begun(pid int) error {
	return h.Change(func(r *Record) {
		r.Status, r.PID, r.Started, r.Boot = Running, pid, time.Now(), bootNow()
		r.Finished, r.Exit, r.Error = time.Time{}, nil, ""
	})
}

// Ended says how it ended.
func (h *Held) Ended(code int, failed string) error {
	return h.Change(func(r *Record) { r.end(Exited, code, failed) })
}

func (r *Record) end(s Status, code int, failed string) {
	r.Status, r.PID, r.Exit, r.Error, r.Finished, r.Boot = s, 0, &code, failed, time.Now(), bootNow()
}

// Remove removes all of it, and lets go of it.
func (h *Held) Remove() error {
	defer h.Close()
	return h.all.remove(h.record)
}

// Close lets go of it. What is left is found by who looks for it.
func (h *Held) Close() error { return h.dir.Close() }

// remove removes a sandbox that the caller has locked. It is hidden first: what a
// crash leaves of it then is no sandbox, and the next one sweeps it up.
func (s *Sandboxes) remove(r Record) error {
	hidden := s.box("." + r.ID)
	if err := os.Rename(s.box(r.ID), hidden); err != nil {
		return err
	}
	names, err := s.lockNames()
	if err != nil {
		return err
	}
	if owner, err := os.Readlink(s.named(r.Name)); err == nil && owner == r.ID {
		os.Remove(s.named(r.Name))
	}
	names.Close()
	return os.RemoveAll(hidden)
}

// Sweep removes what a crash left half made or half removed, which nobody holds, and
// names of nobody.
func (s *Sandboxes) Sweep() {
	names, err := s.lockNames()
	if err != nil {
		return
	}
	defer names.Close()
	for _, one := range append([]*Sandboxes{s}, s.others...) {
		one.sweep()
	}
}

func (s *Sandboxes) sweep() {
	// One that is being made has no lock for a moment, but the names are ours now.
	entries, _ := os.ReadDir(filepath.Join(s.dir, "boxes"))
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			continue
		}
		f, err := os.Open(s.box(e.Name()))
		if err == nil {
			if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
				os.RemoveAll(s.box(e.Name()))
			}
			f.Close()
		}
	}
	links, _ := os.ReadDir(filepath.Join(s.dir, "names"))
	for _, l := range links {
		if owner, err := os.Readlink(s.named(l.Name())); err == nil {
			if _, err := os.Lstat(s.box(owner)); errors.Is(err, syscall.ENOENT) {
				os.Remove(s.named(l.Name()))
			}
		}
	}
}
