package testenv

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// A TarLayer is a layer that is a tar as it is, which takes no time to compress.
type TarLayer struct {
	Path string
	Hash v1.Hash
	Len  int64
}

func (l TarLayer) Digest() (v1.Hash, error)             { return l.Hash, nil }
func (l TarLayer) DiffID() (v1.Hash, error)             { return l.Hash, nil }
func (l TarLayer) Compressed() (io.ReadCloser, error)   { return os.Open(l.Path) }
func (l TarLayer) Uncompressed() (io.ReadCloser, error) { return os.Open(l.Path) }
func (l TarLayer) Size() (int64, error)                 { return l.Len, nil }
func (l TarLayer) MediaType() (types.MediaType, error)  { return types.OCIUncompressedLayer, nil }

var debianImage = sync.OnceValues(func() (string, error) {
	l := TarLayer{Path: os.Getenv("SBX_TEST_DEBIAN")}
	f, err := os.Open(l.Path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if l.Len, err = io.Copy(sum, f); err != nil {
		return "", err
	}
	l.Hash = v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum.Sum(nil))}
	img, err := mutate.AppendLayers(empty.Image, l)
	if err == nil {
		img, err = mutate.Config(img, v1.Config{
			Env: []string{"PATH=/usr/local/bin:/usr/bin:/bin:/from/the/image", "FLAVOUR=plain"}, Entrypoint: []string{"/usr/bin/env"}, Cmd: []string{"sh", "-c", "echo from the image"},
			WorkingDir: "/usr/share", Labels: map[string]string{"escape": "\x1b]0;title\a"},
		})
	}
	dir := filepath.Join(tools.dir, "debian-image")
	var p layout.Path
	if err == nil {
		p, err = layout.Write(dir, empty.Index)
	}
	if err == nil {
		err = p.AppendImage(img, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": "12"}))
	}
	return dir, err
})

// DebianImage gives an OCI layout of the Debian root file system, made once.
func DebianImage(t testing.TB) string {
	t.Helper()
	Tool(t, "sbx") // makes the directory
	dir, err := debianImage()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
