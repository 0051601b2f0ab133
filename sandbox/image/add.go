package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
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
	text, err := img.RawManifest()
	if err != nil {
		return i, err
	}
	as, err := img.MediaType()
	if err != nil {
		return i, err
	}
	manifest, err := manifestOf(text, as)
	if err != nil {
		return i, err
	}
	configText, err := img.RawConfigFile()
	if err == nil {
		err = unambiguous(configText)
	}
	if err == nil {
		err = same(configText, manifest.Config)
	}
	if err != nil {
		return i, fmt.Errorf("its configuration: %w", err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		return i, fmt.Errorf("its configuration: %w", err)
	}
	layers, err := img.Layers()
	if err != nil {
		return i, err
	}
	if len(layers) != len(config.RootFS.DiffIDs) || len(layers) != len(manifest.Layers) {
		return i, fmt.Errorf("it has %d layers, and %d according to its configuration", len(layers), len(config.RootFS.DiffIDs))
	}
	if config.OS != "" && config.OS != "linux" {
		return i, fmt.Errorf("it is for %s, not for Linux", config.OS)
	}
	i = store.Image{OS: config.OS, Arch: config.Architecture, Type: string(manifest.MediaType), Config: store.Config{
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
	i.Length = int64(len(text))
	if i.Manifest, err = a.document(text); err != nil {
		return i, err
	}
	i.ID, err = a.document(configText)
	return i, err
}

// document puts a text among the blobs and gives its digest.
func (a adder) document(text []byte) (string, error) {
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
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", err
	}
	return digest, store.Place(f.Name(), path)
}

func digestOf(text []byte) string {
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// bytesOf is a size for people.
func bytesOf(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%d kB", (n+999)/1000)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}
