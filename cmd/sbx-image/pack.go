package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/image/pack"
	"github.com/sbxrun/sbx/sandbox/image/tree"
)

// packCommand writes a directory to standard output as the tar of a layer.
type packCommand struct {
	Upper  bool
	Point  []string `sep:"none"`
	Newest int64
	Report string
	Dir    string `arg:""`
}

func (c *packCommand) Run(*run) error {
	fd, err := openRoot(c.Dir)
	if err != nil {
		return err
	}
	o := pack.Options{Upper: c.Upper, Points: c.Point}
	if c.Newest != 0 {
		o.Newest = time.Unix(c.Newest, 0)
	}
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	report, err := pack.Pack(fd, out, o)
	if err = errors.Join(err, out.Flush()); err != nil {
		return err
	}
	b, err := json.Marshal(report)
	if err != nil {
		return err
	}
	return os.WriteFile(c.Report, b, 0o600)
}

// maxDifferences are enough to see what is wrong.
const maxDifferences = 20

// compareCommand prints how a directory differs from another.
type compareCommand struct {
	Is   string `arg:""`
	Want string `arg:""`
}

func (c *compareCommand) Run(r *run) error {
	is, err := openRoot(c.Is)
	if err != nil {
		return err
	}
	want, err := openRoot(c.Want)
	if err != nil {
		return err
	}
	lines, err := tree.Differences(is, want, maxDifferences)
	if err != nil {
		return err
	}
	return printJSON(r, lines)
}

// openRoot opens a directory, and no link to one.
func openRoot(dir string) (int, error) {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	return fd, nil
}
