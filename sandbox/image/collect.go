package image

import (
	"errors"

	"github.com/sbxrun/sbx/sandbox/image/store"
)

// Collect removes what no image needs, and what crashes left. It waits until nobody
// adds anything, and gives the number of bytes of blobs that went.
func Collect(s store.Store, program string) (freed int64, err error) {
	removing, err := s.Removing()
	if err != nil {
		return 0, err
	}
	defer removing.Unlock()
	return collect(s, newHelper(program))
}

// Prune is Collect that removes also what is there of blobs that could be gone on with.
func Prune(s store.Store, program string) (freed int64, err error) {
	removing, err := s.Removing()
	if err != nil {
		return 0, err
	}
	defer removing.Unlock()
	if freed, err = s.DropPartials(); err != nil {
		return freed, err
	}
	n, err := collect(s, newHelper(program))
	return freed + n, errors.Join(err, s.DropLocks())
}

func collect(s store.Store, h helper) (freed int64, err error) {
	if err := s.Sweep(h.remove); err != nil {
		return 0, err
	}
	return s.Collect(h.remove)
}

// Discard removes what is kept under a name.
func Discard(s store.Store, name, program string) error {
	return s.Discard(name, newHelper(program).remove)
}
