package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/sbxrun/sbx/sandbox/image"
	"github.com/sbxrun/sbx/sandbox/image/store"
)

// bringFlags are those of all that brings images in.
type bringFlags struct {
	Platform   string   `placeholder:"OS/ARCH" help:"Choose the platform (default: this machine's)."`
	Insecure   []string `name:"insecure-registry" placeholder:"HOST[:PORT]" help:"Talk to this registry without encryption."`
	MaxBytes   int64    `placeholder:"BYTES" help:"Limit the size of a layer, unpacked."`
	MaxEntries int64    `placeholder:"COUNT" help:"Limit the number of files of a layer."`
	MaxPath    int      `placeholder:"BYTES" help:"Limit the length of a path in a layer."`
	Quiet      bool     `short:"q" help:"Print the digest only."`
	JSON       bool     `help:"Print JSON."`
}

func (f bringFlags) options(r *run) (o image.Options, err error) {
	o = image.Options{Insecure: f.Insecure, MaxBytes: f.MaxBytes, MaxEntries: f.MaxEntries, MaxPath: f.MaxPath}
	if f.Platform != "" {
		if o.Platform, err = v1.ParsePlatform(f.Platform); err != nil {
			return o, fmt.Errorf("platform %q: %w", f.Platform, err)
		}
	}
	if !f.Quiet {
		o.Say = r.say
	}
	if o.Newest, err = sourceDate(); err != nil {
		return o, err
	}
	o.Program, err = program()
	return o, err
}

// sourceDate is the time of SOURCE_DATE_EPOCH, by which what is made of the same files
// is the same (reproducible-builds.org).
func sourceDate() (t time.Time, err error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		return t, nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds <= 0 {
		return t, fmt.Errorf("SOURCE_DATE_EPOCH is %q; want seconds since 1970", text)
	}
	return time.Unix(seconds, 0).UTC(), nil
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
	Source string `arg:"" name:"SOURCE" help:"oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:REF], a tar of these or of a root file system (- for standard input), or a directory."`
	Name   string `arg:"" optional:"" name:"NAME" help:"The image's name (default: the file's)."`
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
	case err == nil && info.IsDir():
		return image.DirSource(c.Source), done, nil
	case err != nil || !info.Mode().IsRegular():
		from, err = image.ParseSource(c.Source)
		return from, done, err
	}
	if from, err = image.ArchiveSource(file, image.Options{MaxBytes: c.MaxBytes, MaxEntries: c.MaxEntries}); err != nil {
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
	if f.JSON {
		return printJSON(r, listed{full, i})
	}
	fmt.Fprintln(r.out, i.Manifest)
	return nil
}
