package image

import (
	"context"
	"fmt"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/sbxrun/sbx/sandbox/image/store"
)

// Commit makes an image of what was written to another, which is kept under a name:
// the layers of the one and a new layer on them.
func Commit(ctx context.Context, s store.Store, name, as string, o Options) (store.Image, error) {
	kept, err := s.LookupKept(name)
	if err != nil {
		return store.Image{}, err
	}
	base, err := s.Lookup(kept.Manifest)
	if err != nil {
		return base, fmt.Errorf("the image that it was run in: %w", err)
	}
	inUse, err := s.Use(base)
	if err != nil {
		return base, err
	}
	defer inUse.Close()
	idle, err := kept.Idle()
	if err != nil {
		return base, err
	}
	defer idle.Close()
	work, err := s.Begin(fmt.Sprintf("commit-%d", os.Getpid()), os.RemoveAll)
	if err != nil {
		return base, err
	}
	defer work.End(os.RemoveAll) // what is left of it, the next sweep removes
	img, err := commit(newStored(s, base), kept, work.Dir, newHelper(o.Program), o)
	if err != nil {
		return base, err
	}
	made := Source{kind: "made", made: img}
	full, err := made.FullName(as)
	if err != nil {
		return base, err
	}
	return Add(ctx, s, made, full, []string{as}, o)
}

func commit(c stored, kept store.Kept, work string, h helper, o Options) (v1.Image, error) {
	base, err := c.image()
	if err != nil {
		return nil, err
	}
	flags := []string{"--upper"}
	for _, point := range kept.Points {
		flags = append(flags, "--point", point)
	}
	l, err := packLayer(h, o, kept.Upper, work, flags...)
	if err != nil {
		return nil, err
	}
	at := v1.Time{Time: o.now()}
	kind, err := base.MediaType()
	if err != nil {
		return nil, err
	}
	img, err := mutate.Append(base, mutate.Addendum{Layer: l.as(kind), History: v1.History{Created: at, CreatedBy: "sbx image commit"}})
	if err != nil {
		return nil, err
	}
	return mutate.CreatedAt(img, at)
}
