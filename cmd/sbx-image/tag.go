package main

import (
	"fmt"

	"github.com/sbxrun/sbx/sandbox/image"
)

type tagCommand struct {
	Image string `arg:"" name:"IMAGE" help:"A name, or the beginning of a digest."`
	As    string `arg:"" name:"NAME" help:"Another name for it."`
}

func (c *tagCommand) Run(r *run) error {
	if err := image.Tag(r.store, c.Image, c.As); err != nil {
		return fmt.Errorf("%s: %w", c.Image, err)
	}
	return nil
}
