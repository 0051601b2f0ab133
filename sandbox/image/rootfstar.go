package image

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/sbxrun/sbx/sandbox/image/unpack"
)

// A fileLayer is a tar, compressed or not, as the layer that it would be: its bytes
// stay as they are.
type fileLayer struct {
	path         string
	digest, diff v1.Hash
	size         int64
	mediaType    types.MediaType
}

func newFileLayer(path string, o Options) (l fileLayer, err error) {
	f, err := os.Open(path)
	if err != nil {
		return l, err
	}
	defer f.Close()
	sum, diff := sha256.New(), sha256.New()
	in := bufio.NewReaderSize(io.TeeReader(f, sum), 256<<10)
	plain, kind, err := decompress(in)
	if err != nil {
		return l, err
	}
	defer plain.Close()
	if _, err := io.Copy(diff, o.bound(plain)); err != nil {
		return l, err
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return l, err
	}
	info, err := f.Stat()
	if err != nil {
		return l, err
	}
	return fileLayer{path: path, digest: hashOf(sum), diff: hashOf(diff), size: info.Size(), mediaType: kind}, nil
}

func (l fileLayer) Digest() (v1.Hash, error)             { return l.digest, nil }
func (l fileLayer) DiffID() (v1.Hash, error)             { return l.diff, nil }
func (l fileLayer) Compressed() (io.ReadCloser, error)   { return os.Open(l.path) }
func (l fileLayer) Uncompressed() (io.ReadCloser, error) { return nil, errors.ErrUnsupported } // nobody asks
func (l fileLayer) Size() (int64, error)                 { return l.size, nil }
func (l fileLayer) MediaType() (types.MediaType, error)  { return l.mediaType, nil }

// openRootfs makes the image whose only layer is the tar of a root file system.
func openRootfs(path string, o Options) (v1.Image, error) {
	l, err := newFileLayer(path, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	img, err := mutate.ConfigFile(blank(), &v1.ConfigFile{OS: "linux", Architecture: runtime.GOARCH})
	if err != nil {
		return nil, err
	}
	return mutate.AppendLayers(img, l)
}

// blank is an OCI image with nothing in it.
func blank() v1.Image {
	return mutate.MediaType(mutate.ConfigMediaType(empty.Image, types.OCIConfigJSON), types.OCIManifestSchema1)
}

// bound ends where a layer is too large to be unpacked: some megabytes that are
// compressed can be terabytes.
func (o Options) bound(tar io.Reader) io.Reader {
	most := unpack.Options{MaxBytes: o.MaxBytes, MaxEntries: o.MaxEntries}.MaxStream()
	return &atMost{tar, most, most}
}

// atMost fails beyond a number of bytes.
type atMost struct {
	from       io.Reader
	left, most int64
}

func (a *atMost) Read(p []byte) (int, error) {
	if a.left <= 0 {
		return 0, fmt.Errorf("it is longer than %d bytes", a.most)
	}
	n, err := a.from.Read(p[:min(int64(len(p)), a.left)])
	a.left -= int64(n)
	return n, err
}
