package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sbxrun/sbx/sandbox/image/store"
)

type treeCommand struct {
	JSON bool `help:"Print JSON."`
}

// A branch is a layer with what images have above it.
type branch struct {
	Layer  store.Layer
	Images []string  `json:",omitempty"` // whose last layer it is
	Above  []*branch `json:",omitempty"`
}

func (c *treeCommand) Run(r *run) error {
	list, err := list(r.store)
	if err != nil {
		return err
	}
	root := &branch{Above: []*branch{}}
	for _, i := range list {
		root.add(i)
	}
	if c.JSON {
		return printJSON(r, root.Above)
	}
	for _, b := range root.Above {
		b.print(r, "", "")
	}
	return nil
}

func (b *branch) add(i listed) {
	for _, l := range i.Layers {
		n := slices.IndexFunc(b.Above, func(a *branch) bool { return a.Layer.Chain == l.Chain })
		if n < 0 {
			n = len(b.Above)
			b.Above = append(b.Above, &branch{Layer: l})
		}
		b = b.Above[n]
	}
	b.Images = append(b.Images, i.Name)
}

// print draws the layer, the lowest first, and those above it below.
func (b *branch) print(r *run, first, rest string) {
	line := fmt.Sprintf("%s%s  %.1f MB", first, b.Layer.DiffID[7:19], float64(b.Layer.Size)/1e6)
	if len(b.Images) > 0 {
		line += "  " + plain(strings.Join(b.Images, ", "))
	}
	fmt.Fprintln(r.out, line)
	for n, a := range b.Above {
		if n < len(b.Above)-1 {
			a.print(r, rest+"├─ ", rest+"│  ")
		} else {
			a.print(r, rest+"└─ ", rest+"   ")
		}
	}
}
