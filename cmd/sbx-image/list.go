package main

import (
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/sbxrun/sbx/sandbox/hint"
	"github.com/sbxrun/sbx/sandbox/image/store"
)

type lsCommand struct {
	JSON  bool `help:"Print JSON."`
	Quiet bool `short:"q" help:"Print names only."`
	Kept  bool `help:"List what sbx run --keep kept instead."`
}

// listed is an image by one of its full names.
type listed struct {
	Name string
	store.Image
}

func (c *lsCommand) Run(r *run) error {
	if c.Kept {
		return c.listKept(r)
	}
	list, err := list(r.store)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(r, list)
	}
	w := tabwriter.NewWriter(r.out, 0, 8, 2, ' ', 0)
	if !c.Quiet {
		fmt.Fprintln(w, "NAME\tID\tCREATED\tSIZE")
	}
	for _, i := range list {
		if c.Quiet {
			fmt.Fprintln(w, plain(i.Name))
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%.1f MB\n", plain(i.Name), i.ID[7:19], plain(i.Created), float64(i.Size())/1e6)
	}
	return w.Flush()
}

func (c *lsCommand) listKept(r *run) error {
	all, err := r.store.AllKept()
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(r, append([]store.Kept{}, all...))
	}
	w := tabwriter.NewWriter(r.out, 0, 8, 2, ' ', 0)
	if !c.Quiet {
		fmt.Fprintln(w, "NAME\tIMAGE\tDIRECTORY")
	}
	for _, k := range all {
		if c.Quiet {
			fmt.Fprintln(w, plain(k.Name))
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", plain(k.Name), plain(k.Image), plain(k.Upper))
	}
	return w.Flush()
}

func list(s store.Store) ([]listed, error) {
	names, err := s.Names()
	if err != nil {
		return nil, err
	}
	found := []listed{}
	for _, n := range names {
		if n.Name != n.Full {
			continue
		}
		i, err := s.Lookup(n.Name)
		if errors.Is(err, store.ErrNotFound) {
			continue // it is being removed
		}
		if err != nil {
			return nil, err
		}
		found = append(found, listed{n.Name, i})
	}
	return found, nil
}

// printJSON prints what has texts of images in it.
func printJSON(r *run, what any) error { return hint.WriteJSON(r.out, what) }

type inspectCommand struct {
	Images []string `arg:"" name:"IMAGE"`
	JSON   bool     `help:"Accepted for compatibility."`
}

func (c *inspectCommand) Run(r *run) error {
	var found []store.Image
	for _, name := range c.Images {
		i, err := r.store.Lookup(name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		found = append(found, i)
	}
	return printJSON(r, found)
}
