package main

import (
	"errors"
	"fmt"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/sbxrun/sbx/sandbox/image"
	"github.com/sbxrun/sbx/sandbox/image/store"
)

// bringFlags are those of all that brings images in.
type bringFlags struct {
	Platform   string   `placeholder:"OS/ARCH" help:"Another platform than this machine's."`
	Insecure   []string `name:"insecure-registry" placeholder:"HOST[:PORT]" help:"Talk to this registry without encryption."`
	MaxBytes   int64    `placeholder:"BYTES" help:"The most that a layer may have, unpacked."`
	MaxEntries int64    `placeholder:"COUNT" help:"The most files that a layer may have."`
	Quiet      bool     `short:"q" help:"Print the digest only."`
}

func (f bringFlags) options(r *run) (o image.Options, err error) {
	o = image.Options{Insecure: f.Insecure, MaxBytes: f.MaxBytes, MaxEntries: f.MaxEntries}
	if f.Platform != "" {
		if o.Platform, err = v1.ParsePlatform(f.Platform); err != nil {
			return o, fmt.Errorf("platform %q: %w", f.Platform, err)
		}
	}
	if !f.Quiet {
		o.Say = r.say
	}
	o.Program, err = program()
	return o, err
}

// add adds an image, with bars on a terminal.
func (f bringFlags) add(r *run, from image.Source, full string, names []string, o image.Options) (store.Image, error) {
	if !f.Quiet && canShow(os.Stderr) {
		b := newBars(os.Stderr)
		defer b.end()
		o.Progress = b.arrived
		above := *r
		above.errors = b
		o.Say = above.say
	}
	return image.Add(r.ctx, r.store, from, full, names, o)
}

type pullCommand struct {
	bringFlags
	References []string `arg:"" name:"REFERENCE" help:"As docker reads it: debian, ghcr.io/x/y:tag, name@sha256:..."`
}

func (c *pullCommand) Run(r *run) error {
	for _, ref := range c.References {
		from, err := image.ParseSource(ref)
		if err == nil {
			err = c.bring(r, from, ref)
		}
		if err != nil {
			return fmt.Errorf("pull %s: %w", ref, err)
		}
	}
	return nil
}

type importCommand struct {
	bringFlags
	Source string `arg:"" name:"SOURCE" help:"oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:REF], a tar, which is one of these archives or a root file system, or - for a tar on standard input."`
	Name   string `arg:"" optional:"" name:"NAME" help:"What the image will be called; by default after the file."`
}

func (c *importCommand) Run(r *run) error {
	from, done, err := c.source(r)
	if err == nil {
		defer done()
		err = c.bring(r, from, c.Name)
	}
	if err != nil {
		return fmt.Errorf("import %s: %w", c.Source, err)
	}
	return nil
}

// source is what is imported, and done removes what was made for it.
func (c *importCommand) source(r *run) (from image.Source, done func(), err error) {
	done = func() {}
	file := c.Source
	switch info, err := os.Stat(c.Source); {
	case c.Source == "-":
		if c.Name == "" {
			return from, done, errors.New("an image from standard input needs a NAME")
		}
		if file, err = spool(r.ctx, os.Stdin); err != nil {
			return from, done, err
		}
		done = func() { os.Remove(file) }
	case err != nil || !info.Mode().IsRegular():
		from, err = image.ParseSource(c.Source)
		return from, done, err
	}
	if from, err = image.ArchiveSource(file); err != nil {
		done()
	}
	return from, done, err
}

// bring adds an image and prints its digest, as podman does.
func (f bringFlags) bring(r *run, from image.Source, typed string) error {
	full, err := from.FullName(typed)
	if err != nil {
		return err
	}
	o, err := f.options(r)
	if err != nil {
		return err
	}
	names := []string{typed}
	if typed == "" {
		names = nil
	}
	i, err := f.add(r, from, full, names, o)
	if err != nil {
		return err
	}
	fmt.Fprintln(r.out, i.Manifest)
	return nil
}
