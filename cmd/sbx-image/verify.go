package main

import (
	"errors"
	"fmt"

	"github.com/sbxrun/sbx/sandbox/image"
	"github.com/sbxrun/sbx/sandbox/image/store"
)

type verifyCommand struct {
	Images []string `arg:"" optional:"" name:"IMAGE" help:"Images to check (default: all)."`
	Repair bool     `help:"Unpack damaged layers again, and drop blobs to pull again."`
	JSON   bool     `help:"Print JSON."`
}

func (c *verifyCommand) Run(r *run) error {
	images, err := c.images(r)
	if err != nil || images == nil && !c.JSON {
		return err
	}
	self, err := program()
	if err != nil {
		return err
	}
	o := image.Options{Program: self}
	damages, err := image.Verify(r.ctx, r.store, images, o)
	if err != nil {
		return err
	}
	if err := c.report(r, damages); err != nil {
		return err
	}
	switch {
	case len(damages) == 0:
		return nil
	case !c.Repair:
		return hinted{errors.New("there is damage"), "sbx image verify --repair"}
	}
	return image.Repair(r.ctx, r.store, damages, o)
}

func (c *verifyCommand) images(r *run) (images []store.Image, err error) {
	if len(c.Images) == 0 {
		return r.store.Images()
	}
	for _, name := range c.Images {
		i, err := r.store.Lookup(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		images = append(images, i)
	}
	return images, nil
}

func (c *verifyCommand) report(r *run, damages []image.Damage) error {
	if c.JSON {
		return printJSON(r, append([]image.Damage{}, damages...))
	}
	for _, d := range damages {
		name, err := fullName(r, "", d.Image)
		if err != nil {
			return err
		}
		fmt.Fprintf(r.out, "%s %s: %s\n", plain(name), d.Part[:19], plain(d.What))
	}
	return nil
}
