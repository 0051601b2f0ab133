package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sbxrun/sbx/sandbox/image/store"
)

// A Damage is a part of an image that is not what it was.
type Damage struct {
	Image string // digest of the manifest
	Part  string // digest of the blob, or chain id of the unpacked layer
	What  string
}

// Verify reads all of some images again: the blobs are hashed, and each layer is
// unpacked anew and compared with the one that sandboxes use.
func Verify(ctx context.Context, s store.Store, images []store.Image, o Options) (found []Damage, err error) {
	if err := s.Create(); err != nil {
		return nil, err
	}
	adding, err := s.Adding() // nothing is removed meanwhile
	if err != nil {
		return nil, err
	}
	defer adding.Unlock()
	v := newVerifier(ctx, s, o)
	for _, i := range images {
		for _, part := range v.parts(i) {
			what, err := v.once(part)
			if err != nil {
				return found, err
			}
			if what != "" {
				found = append(found, Damage{i.Manifest, part.name, what})
			}
		}
	}
	return found, nil
}

// A verifier knows what it has seen: images have parts in common.
type verifier struct {
	adder
	known map[string]string
}

// newVerifier sets no bounds: what was let in may stay.
func newVerifier(ctx context.Context, s store.Store, o Options) verifier {
	o.MaxBytes, o.MaxEntries, o.MaxPath = math.MaxInt64, math.MaxInt64, math.MaxInt
	return verifier{adder: adder{ctx: ctx, store: s, helper: newHelper(o.Program), options: o}, known: map[string]string{}}
}

// A part is one thing of an image, and how to look whether it is whole.
type part struct {
	name, kind string
	look       func() (what string, err error)
}

func (v verifier) parts(i store.Image) []part {
	parts := []part{
		{i.Manifest, "manifest", func() (string, error) { return v.document(i.Manifest) }},
		{i.ID, "configuration", func() (string, error) { return v.document(i.ID) }},
	}
	for n, l := range i.Layers {
		parts = append(parts,
			part{l.Digest, "blob", func() (string, error) { return v.blob(l) }},
			part{l.Chain, "layer", func() (string, error) { return v.layer(i.Layers, n) }})
	}
	return parts
}

func (v verifier) once(p part) (string, error) {
	key := p.kind + " " + p.name
	if what, ok := v.known[key]; ok {
		return what, nil
	}
	if err := v.ctx.Err(); err != nil {
		return "", err
	}
	what, err := p.look()
	if err != nil {
		return "", fmt.Errorf("%s: %w", key, err)
	}
	if what != "" {
		what = p.kind + ": " + what
	}
	v.known[key] = what
	return what, nil
}

func (v verifier) document(digest string) (string, error) {
	if _, err := readBlob(v.store, digest); err != nil {
		return err.Error(), nil
	}
	return "", nil
}

func (v verifier) blob(l store.Layer) (string, error) {
	f, err := openBlob(v.store, l.Digest)
	if err == nil {
		defer f.Close()
		sum := newCounted(l, nil)
		_, err = io.Copy(sum, f)
		err = sum.check(err)
	}
	if err != nil {
		return err.Error(), nil
	}
	return "", nil
}

// layer unpacks one again and compares. Where the blob is damaged that is told
// already, and there is nothing to compare with.
func (v verifier) layer(known []store.Layer, n int) (what string, err error) {
	l := known[n]
	if v.known["blob "+l.Digest] != "" {
		return "", nil
	}
	is, err := v.store.Layer(l.Chain)
	if err != nil {
		return "", err
	}
	w, made, err := v.again(known, n)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, w.End(v.helper.remove)) }()
	return v.compare(is, made)
}

// again unpacks a layer aside.
func (v verifier) again(known []store.Layer, n int) (w *store.Work, made string, err error) {
	w, err = v.store.Begin("verify-"+strings.TrimPrefix(known[n].Chain, "sha256:"), v.helper.remove)
	if err != nil {
		return nil, "", err
	}
	made = filepath.Join(w.Dir, "layer")
	files := filepath.Join(made, store.LayerFiles)
	err = makeLayer(made, files)
	if err == nil {
		err = v.unpackBlob(known, n, files)
	}
	if err != nil {
		return nil, "", errors.Join(err, w.End(v.helper.remove))
	}
	return w, made, nil
}

// compare has two layers compared by who may read all of them.
func (v verifier) compare(is, want string) (string, error) {
	for _, name := range []string{store.LayerFiles, store.LayerOpaque} {
		_, err := os.Lstat(filepath.Join(is, name))
		_, err2 := os.Lstat(filepath.Join(want, name))
		if errors.Is(err, os.ErrNotExist) != errors.Is(err2, os.ErrNotExist) {
			return fmt.Sprintf("%q is missing, or should be", name), nil
		}
	}
	out, err := v.helper.run(want, strings.NewReader(""), "compare", filepath.Join(is, store.LayerFiles), filepath.Join(want, store.LayerFiles))
	if err != nil {
		return "", err
	}
	var lines []string
	if err := json.Unmarshal(out, &lines); err != nil {
		return "", err
	}
	return strings.Join(lines, "; "), nil
}

// Repair mends what can be: a layer is unpacked again, and a damaged blob taken out,
// which the next pull or import of its image brings again.
func Repair(ctx context.Context, s store.Store, damages []Damage, o Options) error {
	removing, err := s.Removing()
	if err != nil {
		return err
	}
	defer removing.Unlock()
	v := newVerifier(ctx, s, o)
	for _, d := range damages {
		if !strings.HasPrefix(d.What, "layer: ") {
			err = s.DropBlob(d.Part)
		} else if err = v.mend(d); errors.Is(err, store.ErrNotFound) {
			err = nil // the image was removed
		}
		if err != nil {
			return fmt.Errorf("repair %s: %w", d.Part, err)
		}
	}
	return nil
}

// mend unpacks a layer again and puts it in its place.
func (v verifier) mend(d Damage) error {
	i, err := v.store.Lookup(d.Image)
	if err != nil {
		return err
	}
	n := slices.IndexFunc(i.Layers, func(l store.Layer) bool { return l.Chain == d.Part })
	w, made, err := v.again(i.Layers, n)
	if err != nil {
		return err
	}
	return errors.Join(v.store.ReplaceLayer(d.Part, made), w.End(v.helper.remove))
}
