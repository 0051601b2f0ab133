package image

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// A Source is where an image comes from, in the words of skopeo and podman: a
// reference as docker reads it, oci:DIR[:TAG], oci-archive:FILE[:TAG] or
// docker-archive:FILE[:REF]. There is dir:ROOTFS too, a root file system.
type Source struct {
	kind, path, tag string
	ref             name.Reference // of a registry
	made            v1.Image       // by ourselves
}

// fileKinds are the sources by whose file an image may be known.
var fileKinds = []string{"oci", "oci-archive", "docker-archive"}

// ParseSource reads a source.
func ParseSource(text string) (Source, error) {
	kind, rest, ok := strings.Cut(text, ":")
	switch {
	case kind == "dir" && ok:
		return DirSource(rest), nil
	case slices.Contains(fileKinds, kind):
		if !ok || rest == "" {
			return Source{}, fmt.Errorf("%s: want %s:PATH[:TAG]", text, kind)
		}
		file, tag := rest, ""
		if _, err := os.Stat(rest); err != nil { // no file has the tag in its name
			if i := strings.IndexByte(rest, ':'); i > 0 {
				file, tag = rest[:i], rest[i+1:]
			}
		}
		return Source{kind: kind, path: file, tag: tag}, nil
	}
	ref, err := name.ParseReference(text)
	if err != nil {
		return Source{}, fmt.Errorf("%q is no image reference: %w", text, err)
	}
	return Source{kind: "registry", ref: ref}, nil
}

// IsStream tells whether it is an archive on standard output.
func (s Source) IsStream() bool { return s.path == "-" }

// DirSource is the directory of a root file system.
func DirSource(dir string) Source { return Source{kind: "dir", path: dir} }

// ArchiveSource tells by what is in a tar which source it is: one of the two archives
// of an image, or else a root file system.
func ArchiveSource(file string, o Options) (Source, error) {
	f, err := os.Open(file)
	if err != nil {
		return Source{}, err
	}
	defer f.Close()
	plain, compression, err := decompress(bufio.NewReader(f))
	if err != nil {
		return Source{}, fmt.Errorf("%s: %w", file, err)
	}
	defer plain.Close()
	s := Source{kind: "rootfs", path: file}
	t, n := tar.NewReader(o.bound(plain)), 0
	for ; s.kind == "rootfs"; n++ {
		h, err := t.Next()
		if errors.Is(err, io.EOF) && n > 0 {
			return s, nil
		}
		if err != nil {
			return s, fmt.Errorf("%s is no tar: %w", file, err)
		}
		switch path.Clean(h.Name) {
		case "oci-layout", "index.json":
			s.kind = "oci-archive"
		case "manifest.json", "repositories":
			s.kind = "docker-archive"
		}
	}
	if compression != types.OCIUncompressedLayer {
		return s, fmt.Errorf("%s is an archive of an image that is compressed; decompress it first", file)
	}
	return s, nil
}

// FullName is the whole name of an image that is known by typed, or, where that is
// empty, by what its source calls it. One that is known by its file has no other.
func (s Source) FullName(typed string) (string, error) {
	switch {
	case slices.Contains(fileKinds, s.kind) && strings.HasPrefix(typed, s.kind+":"):
		return typed, nil
	case typed == "" && s.ref != nil:
		return fullName(s.ref), nil
	case typed == "" && s.kind == "docker-archive" && s.tag != "":
		typed = s.tag
	case typed == "":
		typed = strings.ToLower(strings.TrimSuffix(filepath.Base(s.path), filepath.Ext(s.path)))
		if s.tag != "" && !strings.Contains(s.tag, "/") {
			typed += ":" + s.tag
		}
	}
	ref, err := name.ParseReference(typed)
	if err != nil {
		return "", fmt.Errorf("%q is no image name: %w", typed, err)
	}
	return fullName(ref), nil
}

// fullName says docker.io as docker and podman do, not the host that serves it.
func fullName(ref name.Reference) string {
	full := ref.Name()
	if rest, ok := strings.CutPrefix(full, name.DefaultRegistry+"/"); ok {
		return "docker.io/" + rest
	}
	return full
}

// open gives the image of a platform. The directory is for what has to be taken out
// of an archive first.
func (s Source) open(ctx context.Context, o Options, dir string) (v1.Image, error) {
	switch s.kind {
	case "made":
		return s.made, nil
	case "dir":
		return openDir(s.path, dir, newHelper(o.Program), o)
	case "rootfs":
		return openRootfs(s.path, o)
	case "docker-archive":
		return s.openDocker()
	case "oci-archive":
		if err := extract(s.path, dir); err != nil {
			return nil, fmt.Errorf("%s: %w", s.path, err)
		}
		return openLayout(dir, s.tag, o.platform())
	case "oci":
		return openLayout(s.path, s.tag, o.platform())
	}
	return openRegistry(ctx, s.ref, o)
}

func (s Source) openDocker() (v1.Image, error) {
	var tag *name.Tag
	if s.tag != "" {
		t, err := name.NewTag(s.tag)
		if err != nil {
			return nil, err
		}
		tag = &t
	}
	err := checkDocker(s.path)
	var img v1.Image
	if err == nil {
		img, err = tarball.ImageFromPath(s.path, tag)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.path, err)
	}
	return img, nil
}

func openLayout(dir, tag string, platform v1.Platform) (v1.Image, error) {
	text, err := layoutDir(dir).read("index.json")
	if err != nil {
		return nil, fmt.Errorf("%s is no OCI layout: %w", dir, err)
	}
	img, err := pick(layoutIndex{layoutDir(dir), text, types.OCIImageIndex}, tag, platform, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return img, nil
}

// maxNested is how deep an index may be in another. One that is in itself has no end.
const maxNested = 4

// pick finds the image of a platform in an index, and of a tag at the top.
func pick(index v1.ImageIndex, tag string, platform v1.Platform, depth int) (v1.Image, error) {
	if depth > maxNested {
		return nil, fmt.Errorf("an index within %d others", maxNested)
	}
	text, err := index.RawManifest()
	if err != nil {
		return nil, err
	}
	list, err := indexOf(text)
	if err != nil {
		return nil, err
	}
	var found []v1.Descriptor
	for _, d := range list.Manifests {
		named := d.Annotations["org.opencontainers.image.ref.name"]
		switch {
		case depth == 0 && tag != "" && named != tag:
		case d.Platform != nil && !d.Platform.Satisfies(platform):
		case d.MediaType.IsIndex() || d.MediaType.IsImage():
			found = append(found, d)
		}
	}
	switch {
	case len(found) == 0 && tag != "":
		return nil, fmt.Errorf("it has no image %s for %s", tag, platform)
	case len(found) == 0:
		return nil, fmt.Errorf("it has no image for %s", platform)
	case len(found) > 1 && depth == 0 && tag == "":
		return nil, fmt.Errorf("it has %d images: say which with a tag", len(found))
	}
	d := found[0]
	if d.MediaType.IsImage() {
		img, err := index.Image(d.Digest)
		if err != nil {
			return nil, err
		}
		return img, named(img, d)
	}
	inner, err := index.ImageIndex(d.Digest)
	if err == nil {
		err = named(inner, d)
	}
	if err != nil {
		return nil, err
	}
	return pick(inner, "", platform, depth+1)
}

// named looks that what an index leads to is what it names.
func named(what interface{ RawManifest() ([]byte, error) }, d v1.Descriptor) error {
	text, err := what.RawManifest()
	if err != nil {
		return err
	}
	return same(text, d)
}
