package state

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// What began a sandbox is kept beside its record: the directory and the arguments, each behind
// a NUL, since neither need be text.
const begunBy = "begun"

// Begun is what a sandbox was begun with: its directory, what tells that from another that may
// be at the path later, and the arguments.
type Begun struct {
	Dir, ID string
	Args    []string
}

// KeepBegun writes down what the sandbox was begun with, for BegunBy.
func (h *Held) KeepBegun(by Begun) error {
	var b bytes.Buffer
	for _, s := range append([]string{by.Dir, by.ID}, by.Args...) {
		b.WriteString(s)
		b.WriteByte(0)
	}
	return os.WriteFile(filepath.Join(h.Path(), begunBy), b.Bytes(), 0o600)
}

// BegunBy is what a sandbox was begun with.
func (s *Sandboxes) BegunBy(r Record) (by Begun, err error) {
	b, err := os.ReadFile(filepath.Join(s.of(r.ID).box(r.ID), begunBy))
	if err != nil {
		return by, err
	}
	parts := bytes.Split(bytes.TrimSuffix(b, []byte{0}), []byte{0})
	if len(parts) < 2 {
		return by, fs.ErrNotExist // of another version
	}
	for _, p := range parts[2:] {
		by.Args = append(by.Args, string(p))
	}
	by.Dir, by.ID = string(parts[0]), string(parts[1])
	return by, nil
}

// Hold takes over a sandbox that has ended, to begin it again with what the record says. It
// keeps its id, its name and its log.
func (s *Sandboxes) Hold(id string, r Record) (*Held, error) {
	s = s.whose(id)
	dir, err := s.lock(id)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, fmt.Errorf("sandbox %s: %w", id, ErrRuns)
	}
	if err != nil {
		return nil, err
	}
	before, err := readRecord(s.box(id))
	if err == nil && before.Alive() {
		err = fmt.Errorf("sandbox %s: %w", id, ErrRuns)
	}
	if err == nil {
		err = os.RemoveAll(s.Socket(id))
	}
	if err == nil {
		r.ID, r.Name, r.Created, r.Labels = id, before.Name, before.Created, before.Labels
		r.Status, r.Supervisor = Starting, os.Getpid()
		r.Boot, r.Started = bootNow(), time.Time{}
		err = r.write(s.box(id))
	}
	if err != nil {
		dir.Close()
		return nil, err
	}
	return &Held{all: s, dir: dir, record: r}, nil
}

// rename gives an id another name. The old one is free.
func (s *Sandboxes) rename(id, from, to string) error {
	if err := CheckName(to); err != nil {
		return err
	}
	names, err := s.lockNames()
	if err != nil {
		return err
	}
	defer names.Close()
	if err := s.claim(to, id); err != nil {
		return err
	}
	if owner, err := os.Readlink(s.named(from)); err == nil && owner == id {
		return os.Remove(s.named(from))
	}
	return nil
}

// whose gives the directory that has a sandbox, which knows of the others: a name must be
// nobody's there.
func (s *Sandboxes) whose(id string) *Sandboxes {
	at := s.of(id)
	w := &Sandboxes{dir: at.dir}
	for _, o := range append([]*Sandboxes{s}, s.others...) {
		if o.dir != at.dir {
			w.others = append(w.others, &Sandboxes{dir: o.dir})
		}
	}
	return w
}

// Rename gives the sandbox another name.
func (h *Held) Rename(name string) error {
	if err := h.all.rename(h.record.ID, h.Record().Name, name); err != nil {
		return err
	}
	return h.Change(func(r *Record) { r.Name = name })
}

// Rename does so for one that has ended.
func (s *Sandboxes) Rename(r Record, name string) error {
	s = s.whose(r.ID)
	dir, err := s.lock(r.ID)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return fmt.Errorf("sandbox %s: %w", r.Name, ErrRuns)
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := s.rename(r.ID, r.Name, name); err != nil {
		return err
	}
	r.Name = name
	return r.write(s.box(r.ID))
}
