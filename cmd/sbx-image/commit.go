package main

import (
	"fmt"

	"github.com/sbxrun/sbx/sandbox/image"
)

type commitCommand struct {
	Kept  string `arg:"" name:"NAME" help:"The name that --keep had."`
	Image string `arg:"" name:"IMAGE" help:"The image's name."`
	Quiet bool   `short:"q" help:"Print the digest only."`
	JSON  bool   `help:"Print JSON."`
}

func (c *commitCommand) Run(r *run) error {
	o, err := bringFlags{Quiet: c.Quiet}.options(r)
	if err != nil {
		return err
	}
	i, err := image.Commit(r.ctx, r.store, c.Kept, c.Image, o)
	switch {
	case err != nil:
		return fmt.Errorf("commit %s: %w", c.Kept, err)
	case c.JSON:
		return printJSON(r, listed{c.Image, i})
	}
	fmt.Fprintln(r.out, i.Manifest)
	return nil
}
