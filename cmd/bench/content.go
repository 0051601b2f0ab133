package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// A layerWriter writes compressed layers of about the same size into a directory.
type layerWriter struct {
	dir    string
	each   int64 // bytes of files in a layer
	layers []string
	n      int64
	file   *os.File
	gzip   *gzip.Writer
	tar    *tar.Writer
}

func (w *layerWriter) entry(h *tar.Header, from io.Reader) (err error) {
	if w.n >= w.each {
		err = w.end()
	}
	if err == nil && w.tar == nil {
		path := filepath.Join(w.dir, fmt.Sprintf("layer-%d.tar.gz", len(w.layers)))
		if w.file, err = os.Create(path); err == nil {
			w.layers = append(w.layers, path)
			w.gzip = gzip.NewWriter(w.file)
			w.tar = tar.NewWriter(w.gzip)
		}
	}
	if err == nil {
		err = w.tar.WriteHeader(h)
	}
	if err == nil && from != nil {
		w.n += h.Size
		_, err = io.CopyN(w.tar, from, h.Size)
	}
	return err
}

func (w *layerWriter) end() error {
	if w.tar == nil {
		return nil
	}
	err := errors.Join(w.tar.Close(), w.gzip.Close(), w.file.Close())
	w.tar, w.n = nil, 0
	return err
}

// add adds what a tree has for everybody, up to a number of bytes, as root's, and
// gives how many those are.
func (w *layerWriter) add(root string, most int64) (sum int64, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // not for us
		}
		info, err := d.Info()
		if err != nil || !info.Mode().IsRegular() && !info.IsDir() && info.Mode().Type() != fs.ModeSymlink {
			return nil
		}
		link := ""
		if info.Mode().Type() == fs.ModeSymlink {
			if link, err = os.Readlink(path); err != nil {
				return err
			}
		}
		h, err := tar.FileInfoHeader(info, link)
		if err != nil {
			return err
		}
		h.Name = strings.TrimPrefix(path, "/")
		h.Uid, h.Gid, h.Uname, h.Gname = 0, 0, "", ""
		if !info.Mode().IsRegular() {
			return w.entry(h, nil)
		}
		f, err := os.Open(path)
		if err != nil {
			return nil
		}
		defer f.Close()
		if sum+info.Size() > most {
			return nil
		}
		sum += info.Size()
		return w.entry(h, f)
	})
	return sum, err
}

// addFiles adds a number of small files, a hundred in a directory.
func (w *layerWriter) addFiles(count int) error {
	text, random := make([]byte, 4096), rand.New(rand.NewSource(1))
	random.Read(text)
	for n := range count {
		dir := fmt.Sprintf("files/%d", n/100)
		if n%100 == 0 {
			if err := w.entry(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755}, nil); err != nil {
				return err
			}
		}
		size := random.Intn(1500)
		h := &tar.Header{Typeflag: tar.TypeReg, Name: fmt.Sprintf("%s/%d", dir, n), Mode: 0o644, Size: int64(size)}
		if err := w.entry(h, strings.NewReader(string(text[:size]))); err != nil {
			return err
		}
	}
	return nil
}

// addTrue adds the program that does nothing.
func (w *layerWriter) addTrue(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return w.entry(&tar.Header{Typeflag: tar.TypeReg, Name: "bin/true", Mode: 0o755, Size: info.Size()}, f)
}

// image is that of the layers, whose files become blobs of a registry.
func (w *layerWriter) image(blobs string) (v1.Image, error) {
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err := mutate.ConfigFile(img, &v1.ConfigFile{OS: "linux", Architecture: runtime.GOARCH, RootFS: v1.RootFS{Type: "layers"}, Config: v1.Config{Cmd: []string{"/bin/true"}}})
	if err != nil {
		return nil, err
	}
	for _, path := range w.layers {
		l, err := tarball.LayerFromFile(path, tarball.WithMediaType(types.OCILayer))
		if err != nil {
			return nil, err
		}
		digest, err := l.Digest()
		if err != nil {
			return nil, err
		}
		if err := os.Link(path, filepath.Join(blobs, digest.Hex)); err != nil {
			return nil, err
		}
		if img, err = mutate.AppendLayers(img, l); err != nil {
			return nil, err
		}
	}
	return img, nil
}
