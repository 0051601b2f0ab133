package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/sbxrun/sbx/sandbox/image/store"
)

// layers brings in those that are not there, some at once. A layer is unpacked while
// it arrives if those below it are there by then, since how it is unpacked depends on
// them, and from the disk otherwise.
func (a adder) layers(img v1.Image, known []store.Layer) error {
	layers, err := img.Layers()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(a.ctx)
	defer cancel(nil)
	a.ctx = ctx
	jobs := a.options.Jobs
	if jobs < 1 {
		jobs = 3
	}
	turn, done := make(chan struct{}, jobs), make(chan error, len(known))
	below := make(chan struct{}) // closed when the layers below are there
	close(below)
	for n := range known {
		ready := make(chan struct{})
		turn <- struct{}{} // in order: none waits for one that has no turn
		go func(below <-chan struct{}) {
			defer func() { <-turn }()
			err := ctx.Err()
			if err == nil {
				err = a.layer(layers[n], known, n, below)
			}
			if err != nil {
				err = fmt.Errorf("layer %d of %d: %w", n+1, len(known), err)
				cancel(err)
			} else {
				close(ready)
			}
			done <- err
		}(below)
		below = ready
	}
	var first error
	for range known {
		if err := <-done; err != nil && first == nil {
			first = err
		}
	}
	return first
}

// layer brings one in. Another process may be at it, and is waited for.
func (a adder) layer(l v1.Layer, known []store.Layer, n int, below <-chan struct{}) error {
	is := &known[n]
	if !a.has(*is) {
		w, err := a.store.Begin("layer-"+strings.TrimPrefix(is.Chain, "sha256:"), a.helper.remove)
		if err != nil {
			return err
		}
		if !a.has(*is) {
			err = a.bring(l, known, n, w.Dir, below)
		}
		if err = errors.Join(err, w.End(a.helper.remove)); err != nil {
			return err
		}
	}
	dir, err := a.store.Layer(is.Chain)
	if err != nil {
		return err
	}
	// Overlayfs does not look for that at a layer's root.
	_, err = os.Lstat(filepath.Join(dir, store.LayerOpaque))
	is.Opaque = err == nil
	return nil
}

func (a adder) has(l store.Layer) bool {
	dir, err := a.store.Layer(l.Chain)
	if err != nil {
		return false
	}
	_, err = os.Lstat(dir)
	return err == nil && a.hasBlob(l)
}

func (a adder) hasBlob(l store.Layer) bool {
	blob, err := a.store.Blob(l.Digest)
	if err != nil {
		return false
	}
	_, err = os.Lstat(blob)
	return err == nil
}

// bring has a layer's blob and its directory made under work, and puts them in their
// places.
func (a adder) bring(l v1.Layer, known []store.Layer, n int, work string, below <-chan struct{}) error {
	is := known[n]
	layer := filepath.Join(work, "layer")
	dir := filepath.Join(layer, store.LayerFiles)
	if err := makeLayer(layer, dir); err != nil {
		return err
	}
	unpacked := false
	if !a.hasBlob(is) {
		a.options.begins(is)
		var err error
		unpacked, err = a.download(l, known, n, work, dir, below)
		if wrong := (spoiled{}); errors.As(err, &wrong) {
			a.options.say("layer %s begins anew: what was there of it is wrong: %v", is.Digest[7:19], wrong.error)
			if err = errors.Join(a.helper.remove(layer), makeLayer(layer, dir)); err == nil {
				unpacked, err = a.download(l, known, n, work, dir, below)
			}
		}
		if err != nil {
			return err
		}
	}
	if !unpacked {
		select {
		case <-below:
		case <-a.ctx.Done():
			return context.Cause(a.ctx)
		}
		if err := a.unpackBlob(known, n, dir); err != nil {
			return err
		}
	}
	to, err := a.store.Layer(is.Chain)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(to); err != nil { // else the blob alone was missing
		err = store.Place(layer, to)
		if err != nil {
			return err
		}
	}
	a.options.arrived(is, is.Size, true)
	return nil
}

// makeLayer makes the directory of a layer, and that of its files, which users other than root
// must enter whatever the umask.
func makeLayer(layer, dir string) error {
	return errors.Join(os.Mkdir(layer, 0o700), os.Mkdir(dir, 0o700), os.Chmod(dir, 0o755))
}

// download keeps a layer's blob, and unpacks it meanwhile if it can be.
func (a adder) download(l v1.Layer, known []store.Layer, n int, work, dir string, below <-chan struct{}) (unpacked bool, err error) {
	to, err := a.store.Blob(known[n].Digest)
	if err != nil {
		return false, err
	}
	k, err := a.keep(l, known[n], work)
	if err != nil {
		return false, err
	}
	defer k.close()
	arrived := newCounted(known[n], a.options.arrived)
	select {
	case <-below:
		unpacked = true
		err = a.transfer(k.from(arrived), arrived, known, n, dir)
	default:
		err = arrived.check(readAll(k.from(arrived)))
	}
	if err == nil {
		return unpacked, k.place(to)
	}
	if a.ctx.Err() != nil {
		return false, context.Cause(a.ctx)
	}
	return false, k.give(err)
}

// readAll reads in large parts, which io.Copy to io.Discard does not.
func readAll(from io.Reader) error {
	_, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{from}, make([]byte, blockSize))
	return err
}

// unpackBlob unpacks a layer from the disk. It is hashed again.
func (a adder) unpackBlob(known []store.Layer, n int, dir string) error {
	path, err := a.store.Blob(known[n].Digest)
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	arrived := newCounted(known[n], a.options.arrived)
	return a.transfer(io.TeeReader(f, arrived), arrived, known, n, dir)
}
