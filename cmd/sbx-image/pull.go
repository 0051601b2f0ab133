package main

import (
	"fmt"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/sbxrun/sbx/sandbox/image"
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

type pullCommand struct {
	bringFlags
	References []string `arg:"" name:"REFERENCE" help:"As docker reads it: debian, ghcr.io/x/y:tag, name@sha256:..."`
}

func (c *pullCommand) Run(r *run) error {
	for _, ref := range c.References {
		if err := c.bring(r, ref, ref); err != nil {
			return fmt.Errorf("pull %s: %w", ref, err)
		}
	}
	return nil
}

type importCommand struct {
	bringFlags
	Source string `arg:"" name:"SOURCE" help:"oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:REF], or - for one of the archives on standard input."`
	Name   string `arg:"" optional:"" name:"NAME" help:"What the image will be called; by default after the file."`
}

func (c *importCommand) Run(r *run) error {
	source := c.Source
	if source == "-" {
		file, err := spool(os.Stdin)
		if err != nil {
			return err
		}
		defer os.Remove(file)
		if source, err = archiveKind(file); err != nil {
			return err
		}
		if c.Name == "" {
			return fmt.Errorf("an image from standard input needs a NAME")
		}
	}
	if err := c.bring(r, source, c.Name); err != nil {
		return fmt.Errorf("import %s: %w", c.Source, err)
	}
	return nil
}

// bring adds an image and prints its digest, as podman does.
func (f bringFlags) bring(r *run, source, typed string) error {
	from, err := image.ParseSource(source)
	if err != nil {
		return err
	}
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
	i, err := image.Add(r.ctx, r.store, from, full, names, o)
	if err != nil {
		return err
	}
	fmt.Fprintln(r.out, i.Manifest)
	return nil
}
