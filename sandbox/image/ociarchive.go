package image

import (
	"archive/tar"
	"encoding/json"
	"io"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/sbxrun/sbx/sandbox/image/store"
)

// writeArchive writes an OCI layout of one image as a tar. The same image gives the
// same bytes.
func writeArchive(to io.Writer, s store.Store, i store.Image, tag string) error {
	digest, err := v1.NewHash(i.Manifest)
	if err != nil {
		return err
	}
	index, err := json.Marshal(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{{
		MediaType: types.MediaType(i.Type), Digest: digest, Size: i.Length, Annotations: map[string]string{refName: tag},
	}}})
	if err != nil {
		return err
	}
	t := tar.NewWriter(to)
	for _, f := range []struct{ name, text string }{{"oci-layout", `{"imageLayoutVersion":"1.0.0"}`}, {"index.json", string(index)}} {
		if err := writeMember(t, f.name, int64(len(f.text)), strings.NewReader(f.text)); err != nil {
			return err
		}
	}
	// skopeo gives a directory that it must make itself to root, which only root may.
	for _, dir := range []string{"blobs/", "blobs/sha256/"} {
		if err := t.WriteHeader(&tar.Header{Name: dir, Typeflag: tar.TypeDir, Mode: 0o755}); err != nil {
			return err
		}
	}
	layers, err := newStored(s, i).layers()
	if err != nil {
		return err
	}
	var digests []string
	for n, l := range i.Layers {
		if slices.Contains(digests, l.Digest) {
			continue
		}
		digests = append(digests, l.Digest)
		f, err := layers[n].Compressed()
		if err != nil {
			return err
		}
		err = writeMember(t, blobMember(l.Digest), l.Size, f)
		f.Close()
		if err != nil {
			return err
		}
	}
	for _, digest := range []string{i.ID, i.Manifest} {
		b, err := readBlob(s, digest)
		if err != nil {
			return err
		}
		if err := writeMember(t, blobMember(digest), int64(len(b)), strings.NewReader(string(b))); err != nil {
			return err
		}
	}
	return t.Close()
}

func blobMember(digest string) string { return "blobs/" + strings.Replace(digest, ":", "/", 1) }

func writeMember(t *tar.Writer, name string, size int64, from io.Reader) error {
	if err := t.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: size}); err != nil {
		return err
	}
	_, err := io.Copy(t, from) // to its end, where a damaged blob says so
	return err
}
