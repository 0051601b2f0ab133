package image

import (
	"errors"
	"fmt"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/sbxrun/sbx/sandbox/image/store"
)

// stored is an image of a store as what reads images takes it
// (partial.CompressedImageCore). What is read is checked: disks fail.
type stored struct {
	store store.Store
	known store.Image
}

func newStored(s store.Store, i store.Image) stored { return stored{s, i} }

func (s stored) image() (v1.Image, error) { return partial.CompressedToImage(s) }

func (s stored) layers() ([]v1.Layer, error) {
	img, err := s.image()
	if err != nil {
		return nil, err
	}
	return img.Layers()
}

func (s stored) MediaType() (types.MediaType, error)    { return types.MediaType(s.known.Type), nil }
func (s stored) RawManifest() ([]byte, error)           { return s.document(s.known.Manifest) }
func (s stored) RawConfigFile() ([]byte, error)         { return s.document(s.known.ID) }
func (s stored) open(digest string) (*os.File, error)   { return openBlob(s.store, digest) }
func (s stored) Manifest() (*v1.Manifest, error)        { return partial.Manifest(s) }
func (s stored) document(digest string) ([]byte, error) { return readBlob(s.store, digest) }

// LayerByDigest finds a layer.
func (s stored) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	m, err := s.Manifest()
	if err != nil {
		return nil, err
	}
	for n, l := range s.known.Layers {
		if l.Digest == h.String() && n < len(m.Layers) {
			return storedLayer{s, l, m.Layers[n].MediaType}, nil
		}
	}
	return nil, fmt.Errorf("layer %s is not of this image", h)
}

type storedLayer struct {
	of        stored
	known     store.Layer
	mediaType types.MediaType
}

func (l storedLayer) Digest() (v1.Hash, error)            { return v1.NewHash(l.known.Digest) }
func (l storedLayer) Size() (int64, error)                { return l.known.Size, nil }
func (l storedLayer) MediaType() (types.MediaType, error) { return l.mediaType, nil }

// Compressed is the blob. Its end is an error if it is damaged.
func (l storedLayer) Compressed() (io.ReadCloser, error) {
	f, err := l.of.open(l.known.Digest)
	if err != nil {
		return nil, err
	}
	return &checked{f, newCounted(l.known, nil)}, nil
}

// checked is a blob that is hashed while it is read.
type checked struct {
	f   *os.File
	sum *counted
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.f.Read(p)
	if _, over := c.sum.Write(p[:n]); over != nil || err != nil {
		if damaged := c.sum.check(nil); damaged != nil && (over != nil || errors.Is(err, io.EOF)) {
			return n, fmt.Errorf("%s: %w", c.sum.is.Digest, damaged)
		}
	}
	return n, err
}

func (c *checked) Close() error { return c.f.Close() }

func openBlob(s store.Store, digest string) (*os.File, error) {
	path, err := s.Blob(digest)
	if err != nil {
		return nil, err
	}
	return os.Open(path)
}

// readBlob reads a manifest or configuration, and checks it.
func readBlob(s store.Store, digest string) ([]byte, error) {
	f, err := openBlob(s, digest)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxDocument+1))
	if err != nil {
		return nil, err
	}
	if is := digestOf(b); is != digest {
		return nil, fmt.Errorf("%s is damaged: its digest is %s", digest, is)
	}
	return b, nil
}
