package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// List gives the sandboxes, the newest first, as they are: one whose supervisor was
// killed is Dead in it, whatever its record said. What cannot be read is among the
// errors, and is no reason not to have the others.
func (s *Sandboxes) List() (all []Record, failed []error) {
	for _, one := range append([]*Sandboxes{s}, s.others...) {
		records, errs := one.list()
		all, failed = append(all, records...), append(failed, errs...)
	}
	slices.SortFunc(all, func(a, b Record) int { return b.Created.Compare(a.Created) })
	return all, failed
}

// list gives those of one directory.
func (s *Sandboxes) list() (all []Record, failed []error) {
	entries, err := os.ReadDir(filepath.Join(s.dir, "boxes"))
	if err != nil {
		return nil, []error{&DirError{err}}
	}
	hidden := false
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			hidden = true
			continue
		}
		r, err := s.look(e.Name())
		switch {
		case errors.Is(err, fs.ErrNotExist): // it was removed meanwhile
		case err != nil:
			failed = append(failed, err)
		default:
			all = append(all, r)
		}
	}
	if hidden {
		s.Sweep()
	}
	return all, failed
}

// look reads a record, and puts it right where its supervisor is no more. That one
// that wants to be removed is removed then.
func (s *Sandboxes) look(id string) (Record, error) {
	r, err := readRecord(s.box(id))
	if err != nil || !r.Alive() {
		return r, err
	}
	dir, err := s.lock(id)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	defer dir.Close()
	if r, err = readRecord(s.box(id)); err != nil || !r.Alive() { // it ended properly just now
		return r, err
	}
	if r.Remove {
		if err := s.remove(r); err != nil {
			return r, err
		}
		return r, fs.ErrNotExist
	}
	r.end(Dead, 128+int(unix.SIGKILL), "its supervisor was killed")
	_ = r.write(s.box(id)) // on a full disk whoever comes next finds the same
	return r, nil
}

// lock locks a sandbox's directory, without waiting.
func (s *Sandboxes) lock(id string) (*os.File, error) {
	f, err := os.Open(s.box(id))
	if err != nil {
		return nil, err
	}
	err = flock(f, unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		// Another may have removed it in between.
		var held, there unix.Stat_t
		if err = unix.Fstat(int(f.Fd()), &held); err == nil {
			err = unix.Stat(s.box(id), &there)
		}
		if err == nil && held.Ino != there.Ino {
			err = fs.ErrNotExist
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// ErrNotFound says that there is no such sandbox.
var ErrNotFound = errors.New("no such sandbox")

// Find finds a sandbox by its name, its id, or the beginning of its id.
func (s *Sandboxes) Find(what string) (Record, error) {
	id, err := s.ID(what)
	if err != nil {
		return Record{}, err
	}
	r, err := s.of(id).look(id)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: %s", ErrNotFound, what)
	}
	return r, err
}

// ID finds the id alone, for who asks the supervisor next: what became of the sandbox, and
// whether it is there at all, Find tells.
func (s *Sandboxes) ID(what string) (string, error) {
	all := append([]*Sandboxes{s}, s.others...)
	if CheckName(what) == nil {
		for _, one := range all {
			id, err := os.Readlink(one.named(what))
			if err != nil {
				continue
			}
			if _, err := os.Lstat(one.box(id)); err == nil || len(all) == 1 {
				return id, nil
			}
		}
	}
	if what == "" || strings.Trim(what, "0123456789abcdef") != "" {
		return "", fmt.Errorf("%w: %q", ErrNotFound, what)
	}
	var entries []fs.DirEntry
	for _, one := range all {
		some, err := os.ReadDir(filepath.Join(one.dir, "boxes"))
		if err != nil {
			return "", &DirError{err}
		}
		entries = append(entries, some...)
	}
	id := ""
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), what) {
			if id != "" {
				return "", fmt.Errorf("%s is the beginning of several ids, %s and %s", what, id, e.Name())
			}
			id = e.Name()
		}
	}
	if id == "" {
		return "", fmt.Errorf("%w: %s", ErrNotFound, what)
	}
	return id, nil
}

// ErrRuns says that a sandbox cannot be removed yet.
var ErrRuns = errors.New("it runs")

// Remove removes a sandbox that does not run.
func (s *Sandboxes) Remove(r Record) error {
	s = s.of(r.ID)
	dir, err := s.lock(r.ID)
	switch {
	case errors.Is(err, unix.EWOULDBLOCK):
		return fmt.Errorf("sandbox %s: %w", r.Name, ErrRuns)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %s", ErrNotFound, r.Name)
	case err != nil:
		return err
	}
	defer dir.Close()
	return s.remove(r)
}

// Socket is where the supervisor of the sandbox of an id listens.
func (s *Sandboxes) Socket(id string) string { return filepath.Join(s.of(id).box(id), "control") }

// Box is the directory of a sandbox.
func (s *Sandboxes) Box(r Record) string { return s.of(r.ID).box(r.ID) }
