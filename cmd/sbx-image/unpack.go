package main

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/image/unpack"
)

// unpackCommand unpacks a tar from standard input. It is root of a user namespace by
// then, and nothing else than the directory may be written.
type unpackCommand struct {
	Squash     bool
	MaxBytes   int64
	MaxEntries int64
	MaxPath    int
	Lower      []string `sep:"none"`
	Dir        string   `arg:""`
}

func (c *unpackCommand) Run(r *run) error {
	unix.Umask(0)
	// Also where there are none below: then nothing is.
	o := unpack.Options{Squash: c.Squash, MaxBytes: c.MaxBytes, MaxEntries: c.MaxEntries, MaxPath: c.MaxPath, Lowers: []int{}}
	for _, dir := range c.Lower {
		fd, err := openRoot(dir)
		if err != nil {
			return err
		}
		o.Lowers = append(o.Lowers, fd)
	}
	fd, err := openRoot(c.Dir)
	if err != nil {
		return err
	}
	report, err := unpack.Unpack(fd, os.Stdin, o)
	if err != nil {
		return err
	}
	return printJSON(r, report)
}

// removeCommand empties a directory of files that only root of a user namespace may
// remove.
type removeCommand struct {
	Dir string `arg:""`
}

func (c *removeCommand) Run(*run) error {
	entries, err := os.ReadDir(c.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(c.Dir, e.Name())
		if os.RemoveAll(path) == nil {
			continue
		}
		// overlayfs leaves its work directory closed to its owner.
		if err := openUp(path); err != nil {
			return err
		}
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}

func openUp(dir string) error {
	return filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = os.Chmod(path, 0o700)
		}
		return err
	})
}
