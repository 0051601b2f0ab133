package image

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sys/unix"
)

// A layoutDir is an OCI layout on the disk. Who wrote it may have put links, pipes
// and devices where files belong, or files without end.
type layoutDir string

// open opens a file, and waits for nobody.
func (l layoutDir) open(name string) (*os.File, error) {
	dir, err := unix.Open(string(l), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: string(l), Err: err}
	}
	defer unix.Close(dir)
	path := filepath.Join(string(l), name)
	fd, err := unix.Openat2(dir, name, &unix.OpenHow{
		Flags: unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS,
	})
	switch err {
	case nil:
	case unix.ELOOP:
		return nil, fmt.Errorf("%s is a link, or below one", path)
	default:
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(fd), path)
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, errors.Join(err, fmt.Errorf("%s is no file", path))
	}
	return f, nil
}

// read reads a document.
func (l layoutDir) read(name string) ([]byte, error) {
	f, err := l.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxDocument+1))
	if err == nil && len(b) > maxDocument {
		err = fmt.Errorf("%s has more than %d bytes", f.Name(), maxDocument)
	}
	return b, err
}

// blob reads the document that a descriptor names.
func (l layoutDir) blob(d v1.Descriptor) ([]byte, error) {
	b, err := l.read(blobName(d.Digest))
	if err == nil {
		err = same(b, d)
	}
	return b, err
}

func blobName(h v1.Hash) string { return filepath.Join("blobs", h.Algorithm, h.Hex) }

// A layoutIndex is one in a layout; the uppermost is index.json.
type layoutIndex struct {
	layoutDir
	text      []byte
	mediaType types.MediaType
}

func (i layoutIndex) MediaType() (types.MediaType, error)         { return i.mediaType, nil }
func (i layoutIndex) Digest() (v1.Hash, error)                    { return partial.Digest(i) }
func (i layoutIndex) Size() (int64, error)                        { return int64(len(i.text)), nil }
func (i layoutIndex) RawManifest() ([]byte, error)                { return i.text, nil }
func (i layoutIndex) IndexManifest() (*v1.IndexManifest, error)   { return indexOf(i.text) }
func (i layoutIndex) Image(h v1.Hash) (v1.Image, error)           { return i.image(h) }
func (i layoutIndex) ImageIndex(h v1.Hash) (v1.ImageIndex, error) { return i.index(h) }
func (i layoutIndex) child(h v1.Hash) (d v1.Descriptor, b []byte, err error) {
	list, err := i.IndexManifest()
	if err != nil {
		return d, nil, err
	}
	for _, d := range list.Manifests {
		if d.Digest == h {
			b, err := i.blob(d)
			return d, b, err
		}
	}
	return d, nil, fmt.Errorf("%s is not in the index", h)
}

func (i layoutIndex) index(h v1.Hash) (v1.ImageIndex, error) {
	d, text, err := i.child(h)
	if err != nil {
		return nil, err
	}
	return layoutIndex{i.layoutDir, text, d.MediaType}, nil
}

func (i layoutIndex) image(h v1.Hash) (v1.Image, error) {
	d, text, err := i.child(h)
	if err != nil {
		return nil, err
	}
	manifest, err := manifestOf(text, d.MediaType)
	if err != nil {
		return nil, err
	}
	return partial.CompressedToImage(layoutImage{i.layoutDir, text, d.MediaType, manifest})
}

// A layoutImage is one in a layout.
type layoutImage struct {
	layoutDir
	text      []byte
	mediaType types.MediaType
	manifest  *v1.Manifest
}

func (i layoutImage) MediaType() (types.MediaType, error) { return i.mediaType, nil }
func (i layoutImage) RawManifest() ([]byte, error)        { return i.text, nil }
func (i layoutImage) RawConfigFile() ([]byte, error)      { return i.blob(i.manifest.Config) }

func (i layoutImage) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	for _, d := range append([]v1.Descriptor{i.manifest.Config}, i.manifest.Layers...) {
		if d.Digest == h {
			return layoutLayer{i.layoutDir, d}, nil
		}
	}
	return nil, fmt.Errorf("%s is not in the manifest", h)
}

// A layoutLayer is one in a layout.
type layoutLayer struct {
	layoutDir
	is v1.Descriptor
}

func (l layoutLayer) Digest() (v1.Hash, error)            { return l.is.Digest, nil }
func (l layoutLayer) Size() (int64, error)                { return l.is.Size, nil }
func (l layoutLayer) MediaType() (types.MediaType, error) { return l.is.MediaType, nil }
func (l layoutLayer) Compressed() (io.ReadCloser, error)  { return l.open(blobName(l.is.Digest)) }
