package transfer

import (
	"bytes"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// A chain is a directory and those below it down to where something is written, each
// opened from the one above it.
type chain struct{ dirs []written }

// written is a directory. It gets what its entry says when nothing more is written there.
type written struct {
	name  string
	fd    int
	entry *Entry // nil is one that was there before
}

func (c *chain) begin(fd int) { c.dirs = append(c.dirs, written{fd: fd}) }

func (c *chain) here() int { return c.dirs[len(c.dirs)-1].fd }

// to goes to a directory, by its path below the first.
func (c *chain) to(path []byte, implied bool, o Options) error {
	var names [][]byte
	if len(path) > 0 {
		names = bytes.Split(path, []byte("/"))
	}
	n := 0
	for n < len(names) && n+1 < len(c.dirs) && c.dirs[n+1].name == string(names[n]) {
		n++
	}
	if err := c.up(n+1, o); err != nil {
		return err
	}
	for _, name := range names[n:] {
		err := c.down(string(name), nil)
		if errors.Is(err, unix.ENOENT) && implied {
			if err = unix.Mkdirat(c.here(), string(name), 0o755); err == nil {
				err = c.down(string(name), &Entry{Mode: 0o755})
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// up leaves directories until there are as many.
func (c *chain) up(n int, o Options) (err error) {
	for len(c.dirs) > n && err == nil {
		last := len(c.dirs) - 1
		if d := c.dirs[last]; d.entry != nil {
			err = o.dress(d.fd, *d.entry)
		}
		unix.Close(c.dirs[last].fd)
		c.dirs = c.dirs[:last]
	}
	return err
}

func (c *chain) down(name string, e *Entry) error {
	if len(c.dirs) > maxDepth+2 {
		return fmt.Errorf("deeper than %d directories", maxDepth)
	}
	fd, err := openDir(c.here(), name)
	if err != nil {
		return err
	}
	c.dirs = append(c.dirs, written{name, fd, e})
	return nil
}

// enter makes a directory and goes there. One that is there is taken as it is.
func (c *chain) enter(name string, e Entry) error {
	err := unix.Mkdirat(c.here(), name, 0o700)
	if err == unix.EEXIST {
		return c.down(name, nil)
	}
	if err != nil {
		return err
	}
	return c.down(name, &e)
}

func (c *chain) end(o Options) error { return c.up(1, o) }

func (c *chain) close() {
	for _, d := range c.dirs {
		unix.Close(d.fd)
	}
	c.dirs = nil
}
