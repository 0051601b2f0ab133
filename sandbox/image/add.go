package image

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/sbxrun/sbx/sandbox/image/store"
)

// maxLayers is more than overlayfs takes in one mount.
const maxLayers = 500

// Add brings an image into a store, and makes it known by its full name and by those
// that users type for it. What of it is there already is not brought again.
func Add(ctx context.Context, s store.Store, from Source, full string, typed []string, o Options) (store.Image, error) {
	if err := s.Create(); err != nil {
		return store.Image{}, err
	}
	adding, err := s.Adding()
	if err != nil {
		return store.Image{}, err
	}
	defer adding.Unlock()
	h := newHelper(o.Program)
	if h.single != nil {
		o.say("files of the image will all be yours: %v", h.single)
	}
	if err := s.Sweep(h.remove); err != nil {
		return store.Image{}, err
	}
	work, err := s.Begin(fmt.Sprintf("image-%d", os.Getpid()), os.RemoveAll)
	if err != nil {
		return store.Image{}, err
	}
	defer work.End(os.RemoveAll) // what is left of it, the next sweep removes
	img, err := from.open(ctx, o, work.Dir)
	if err != nil {
		return store.Image{}, err
	}
	a := adder{ctx: ctx, store: s, helper: h, options: o, work: work.Dir}
	i, err := a.describe(img)
	if err == nil {
		err = a.layers(img, i.Layers)
	}
	if err != nil {
		return i, err
	}
	return i, s.Add(i, full, typed...)
}

// An adder adds one image.
type adder struct {
	ctx     context.Context
	store   store.Store
	helper  helper
	options Options
	work    string
}

// describe reads manifest and configuration, and keeps both as blobs.
func (a adder) describe(img v1.Image) (i store.Image, err error) {
	manifest, err := img.Manifest()
	if err != nil {
		return i, err
	}
	if manifest.Config.Size > maxDocument {
		return i, fmt.Errorf("its configuration has %d bytes, more than %d", manifest.Config.Size, maxDocument)
	}
	config, err := img.ConfigFile()
	if err != nil {
		return i, fmt.Errorf("its configuration: %w", err)
	}
	kind, err := img.MediaType() // a manifest need not say it of itself
	if err != nil {
		return i, err
	}
	layers, err := img.Layers()
	if err != nil {
		return i, err
	}
	if len(layers) != len(config.RootFS.DiffIDs) || len(layers) != len(manifest.Layers) {
		return i, fmt.Errorf("it has %d layers, and %d according to its configuration", len(layers), len(config.RootFS.DiffIDs))
	}
	if len(layers) > maxLayers {
		return i, fmt.Errorf("it has %d layers, more than %d", len(layers), maxLayers)
	}
	if config.OS != "" && config.OS != "linux" {
		return i, fmt.Errorf("it is for %s, not for Linux", config.OS)
	}
	i = store.Image{OS: config.OS, Arch: config.Architecture, Type: string(kind), Config: store.Config{
		User: config.Config.User, ExposedPorts: config.Config.ExposedPorts, Env: config.Config.Env, Entrypoint: config.Config.Entrypoint,
		Cmd: config.Config.Cmd, Volumes: config.Config.Volumes, WorkingDir: config.Config.WorkingDir, Labels: config.Config.Labels,
		StopSignal: config.Config.StopSignal,
	}}
	if !config.Created.IsZero() {
		i.Created = config.Created.UTC().Format(time.RFC3339)
	}
	for n, l := range layers {
		d, err := l.Digest()
		if err != nil {
			return i, err
		}
		l := store.Layer{DiffID: config.RootFS.DiffIDs[n].String(), Digest: d.String(), Size: manifest.Layers[n].Size}
		l.Chain = l.DiffID
		if n > 0 {
			l.Chain = digestOf([]byte(i.Layers[n-1].Chain + " " + l.DiffID))
		}
		i.Layers = append(i.Layers, l)
	}
	text, err := img.RawManifest()
	if err == nil {
		i.Length = int64(len(text))
		i.Manifest, err = a.keep(text)
	}
	if err != nil {
		return i, err
	}
	if text, err = img.RawConfigFile(); err == nil {
		i.ID, err = a.keep(text)
	}
	if want := manifest.Config.Digest.String(); err == nil && i.ID != want {
		err = fmt.Errorf("its configuration is %s, not %s", i.ID, want)
	}
	return i, err
}

// keep puts a text among the blobs and gives its digest.
func (a adder) keep(text []byte) (string, error) {
	digest := digestOf(text)
	path, err := a.store.Blob(digest)
	if err != nil {
		return "", err
	}
	if _, err := os.Lstat(path); err == nil {
		return digest, nil
	}
	f, err := os.CreateTemp(a.work, "blob-")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(f, bytes.NewReader(text))
	if err = errors.Join(err, finish(f)); err != nil {
		return "", err
	}
	return digest, store.Place(f.Name(), path)
}

func digestOf(text []byte) string {
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// finish has a file on the disk.
func finish(f *os.File) error { return errors.Join(f.Sync(), f.Close()) }

// bytesOf is a size for people.
func bytesOf(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%d kB", (n+999)/1000)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}
