package image

import (
	"archive/tar"
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/sbxrun/sbx/sandbox/image/store"
)

// writeDocker writes what docker save does: the configuration, each layer as a plain
// tar, and a manifest of its own that names them. The layers are not compressed, since
// some readers take all for compressed if the first is.
func writeDocker(to io.Writer, s store.Store, i store.Image, ref string) error {
	type entry struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	config, err := readBlob(s, i.ID)
	if err != nil {
		return err
	}
	layers, err := newStored(s, i).layers()
	if err != nil {
		return err
	}
	t := tar.NewWriter(to)
	about := entry{Config: hexOf(i.ID) + ".json", RepoTags: []string{ref}}
	for n, l := range i.Layers {
		name := hexOf(l.DiffID) + ".tar"
		if !slices.Contains(about.Layers, name) {
			if err := writePlain(t, name, layers[n]); err != nil {
				return fmt.Errorf("layer %d: %w", n+1, err)
			}
		}
		about.Layers = append(about.Layers, name)
	}
	manifest, err := json.Marshal([]entry{about})
	if err != nil {
		return err
	}
	if err := writeMember(t, about.Config, int64(len(config)), bytes.NewReader(config)); err != nil {
		return err
	}
	if err := writeMember(t, "manifest.json", int64(len(manifest)), bytes.NewReader(manifest)); err != nil {
		return err
	}
	return t.Close()
}

func hexOf(digest string) string { return strings.TrimPrefix(digest, "sha256:") }

// writePlain writes a layer decompressed. It is read twice, since a tar says sizes first.
func writePlain(t *tar.Writer, name string, l v1.Layer) error {
	size, err := readPlain(io.Discard, l)
	if err != nil {
		return err
	}
	if err := t.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: size}); err != nil {
		return err
	}
	_, err = readPlain(t, l)
	return err
}

func readPlain(to io.Writer, l v1.Layer) (int64, error) {
	f, err := l.Compressed()
	if err != nil {
		return 0, err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 256<<10)
	plain, _, err := decompress(in)
	if err != nil {
		return 0, err
	}
	defer plain.Close()
	n, err := io.Copy(to, plain)
	if err == nil {
		_, err = io.Copy(io.Discard, in) // to its end, where a damaged blob says so
	}
	return n, err
}
