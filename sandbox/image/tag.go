package image

import (
	"github.com/sbxrun/sbx/sandbox/image/store"
)

// Tag gives an image of the store another name. An image that had it before has it no more.
func Tag(s store.Store, image, as string) error {
	full, err := Source{kind: "made"}.FullName(as)
	if err != nil {
		return err
	}
	adding, err := s.Adding() // nothing is removed meanwhile
	if err != nil {
		return err
	}
	defer adding.Unlock()
	i, err := s.Lookup(image)
	if err != nil {
		return err
	}
	return s.Add(i, full, as)
}
