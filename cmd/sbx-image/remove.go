package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/sbxrun/sbx/sandbox/image"
	"github.com/sbxrun/sbx/sandbox/image/store"
)

type rmCommand struct {
	Images []string `arg:"" name:"IMAGE"`
	Kept   bool     `help:"Remove what sbx run --keep kept under these names."`
	JSON   bool     `help:"Print JSON."`
}

// removed is what rm and prune tell as JSON.
type removed struct {
	Removed []string `json:",omitempty"`
	Freed   int64    // bytes of blobs
}

func (c *rmCommand) Run(r *run) error {
	self, err := program()
	if err != nil {
		return err
	}
	forget := r.store.Forget
	if c.Kept {
		forget = func(name string) error { return image.Discard(r.store, name, self) }
	}
	for _, name := range c.Images {
		if err := forget(name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	freed, err := collect(r, self, image.Collect)
	if err == nil && c.JSON {
		err = printJSON(r, removed{c.Images, freed})
	}
	return err
}

type pruneCommand struct {
	JSON bool `help:"Print JSON."`
}

func (c *pruneCommand) Run(r *run) error {
	self, err := program()
	if err != nil {
		return err
	}
	freed, err := collect(r, self, image.Prune)
	switch {
	case err != nil:
		return err
	case c.JSON:
		return printJSON(r, removed{Freed: freed})
	}
	fmt.Fprintf(r.out, "%.1f MB freed\n", float64(freed)/1e6)
	return nil
}

func collect(r *run, self string, how func(s store.Store, program string) (int64, error)) (freed int64, err error) {
	if _, err := os.Stat(r.store.Path()); errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	return how(r.store, self)
}
