package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/image"
	sandboxes "github.com/sbxrun/sbx/sandbox/state"
)

type exportCommand struct {
	Image string `arg:"" name:"IMAGE"`
	To    string `arg:"" name:"TO" help:"oci:DIR[:TAG], oci-archive:FILE[:TAG] or docker-archive:FILE[:REF] (FILE - is standard output)."`
	JSON  bool   `help:"Print JSON."`
}

func (c *exportCommand) Run(r *run) error {
	i, err := r.store.Lookup(c.Image)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Image, err)
	}
	to, err := image.ParseSource(c.To)
	if err != nil {
		return err
	}
	full, err := fullName(r, c.Image, i.Manifest)
	if err != nil {
		return err
	}
	if to.IsStream() {
		if _, err := unix.IoctlGetTermios(1, unix.TCGETS); err == nil {
			return hinted{errors.New("an archive is nothing for a terminal"), "sbx image export " + c.Image + " " + c.To + " > FILE"}
		}
	}
	if err := image.Export(r.store, i, full, to, os.Stdout, writable()...); err != nil {
		return fmt.Errorf("export %s: %w", c.Image, err)
	}
	if c.JSON && !to.IsStream() {
		return printJSON(r, listed{full, i})
	}
	return nil
}

// writable are the directories in which sandboxes may have made links.
func writable() []string {
	all, err := sandboxes.Open(sandboxes.Dir(os.Getenv, os.Getuid()), os.Getuid())
	if err != nil {
		return nil // there are none
	}
	records, _ := all.List() // what cannot be read runs nothing that is known of
	return sandboxes.Writable(records)
}

// fullName is the whole name of an image that the user calls by any of its names.
func fullName(r *run, typed, manifest string) (string, error) {
	names, err := r.store.Names()
	if err != nil {
		return "", err
	}
	full := ""
	for _, n := range names {
		if n.Manifest == manifest && (full == "" || n.Name == typed) {
			full = n.Full
		}
	}
	return full, nil
}
