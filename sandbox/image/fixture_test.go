package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/klauspost/compress/zstd"

	"github.com/sbxrun/sbx/sandbox/image/store"
	"github.com/sbxrun/sbx/userns"
)

// built is sbx-image, built once, or already where there is no Go, in a guest of make vm.
var built = sync.OnceValues(func() (string, error) {
	if dir := os.Getenv("SBX_TEST_PROGRAMS"); dir != "" {
		return filepath.Join(dir, "sbx-image"), nil
	}
	dir, err := os.MkdirTemp("", "sbx-image")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "sbx-image")
	build := exec.Command("go", "build", "-o", path, "github.com/sbxrun/sbx/cmd/sbx-image")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := built(); err == nil && os.Getenv("SBX_TEST_PROGRAMS") == "" {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// options are those of tests that unpack, which need a user namespace.
func options(t *testing.T) Options {
	t.Helper()
	p, err := userns.Plan{Namespaces: userns.User, Steps: []userns.Step{userns.Exit{}}}.Start(userns.Input{})
	if err == nil {
		_, err = p.Wait()
	}
	if err != nil && os.Getenv("SBX_MUST_WORK") == "1" {
		t.Fatal(err)
	} else if err != nil {
		t.Skip(err)
	}
	program, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return Options{Program: program, Say: t.Logf}
}

func newStore(t *testing.T) store.Store {
	s := store.At(filepath.Join(t.TempDir(), "images"))
	t.Cleanup(func() {
		program, err := built()
		if err != nil {
			return
		}
		h := newHelper(program)
		if entries, err := os.ReadDir(s.Path() + "/layers"); err == nil {
			for _, e := range entries {
				if err := h.remove(s.Path() + "/layers/" + e.Name()); err != nil {
					t.Error(err)
				}
			}
		}
		if err := s.Sweep(h.remove); err != nil {
			t.Error(err)
		}
	})
	return s
}

// file is an entry of a layer: its text, or where a link leads.
type file struct {
	name, text string
	kind       byte
	mode       int64
}

func tarOf(t *testing.T, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := tar.Header{Name: f.name, Typeflag: f.kind, Mode: f.mode, Size: int64(len(f.text))}
		switch {
		case f.kind == tar.TypeSymlink || f.kind == tar.TypeLink:
			h.Linkname, h.Size = f.text, 0
		case f.kind == 0:
			h.Typeflag = tar.TypeReg
		}
		if h.Mode == 0 {
			h.Mode = 0o755
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := io.WriteString(w, f.text); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(t *testing.T, plain []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstded(t *testing.T, plain []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(plain, nil)
}

// imageOf makes an image of layers, each a tar.
func imageOf(t *testing.T, config v1.Config, layers ...[]byte) v1.Image {
	t.Helper()
	img, err := mutate.Config(empty.Image, config)
	if err != nil {
		t.Fatal(err)
	}
	for _, plain := range layers {
		l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(plain)), nil })
		if err != nil {
			t.Fatal(err)
		}
		if img, err = mutate.AppendLayers(img, l); err != nil {
			t.Fatal(err)
		}
	}
	return img
}

// A served registry counts the blobs that it gives, and may change what it answers.
type served struct {
	host  string
	blobs atomic.Int64
	spoil func(w http.ResponseWriter, r *http.Request, next http.Handler) // or nil
}

func serve(t *testing.T) *served {
	t.Helper()
	s := &served{}
	next := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/") {
			s.blobs.Add(1)
		}
		if s.spoil != nil && r.Method == http.MethodGet {
			s.spoil(w, r, next)
			return
		}
		next.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.host = strings.TrimPrefix(server.URL, "http://")
	return s
}

func (s *served) push(t *testing.T, repository string, img v1.Image) string {
	t.Helper()
	ref, err := name.ParseReference(s.host + "/" + repository)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img); err != nil {
		t.Fatal(err)
	}
	return ref.String()
}

// add pulls an image as sbx pull does.
func add(t *testing.T, s store.Store, source string, o Options) (store.Image, error) {
	t.Helper()
	from, err := ParseSource(source)
	if err != nil {
		return store.Image{}, err
	}
	full, err := from.FullName("")
	if err != nil {
		return store.Image{}, err
	}
	return Add(context.Background(), s, from, full, []string{source}, o)
}
