package image

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/match"

	"github.com/sbxrun/sbx/sandbox/image/store"
	"github.com/sbxrun/sbx/sandbox/outfile"
)

// refName is the annotation that names an image of an OCI layout (OCI image
// specification, "Annotations").
const refName = "org.opencontainers.image.ref.name"

// Export writes an image of a store to a file or directory, in the words of
// ParseSource. full is its name, which is that of the copy where to says none. An
// archive may go to out, with - as its file. No link that leads out of one of the untrusted
// directories is followed.
func Export(s store.Store, i store.Image, full string, to Source, out io.Writer, untrusted ...string) error {
	inUse, err := s.Use(i)
	if err != nil {
		return err
	}
	defer inUse.Close()
	img, err := newStored(s, i).image()
	if err != nil {
		return err
	}
	tag, err := to.tagOr(full)
	if err != nil {
		return err
	}
	switch to.kind {
	case "oci":
		return exportLayout(img, to.path, tag, untrusted)
	case "oci-archive":
		return exportFile(to.path, out, untrusted, func(w io.Writer) error { return writeArchive(w, s, i, tag) })
	case "docker-archive":
		return exportFile(to.path, out, untrusted, func(w io.Writer) error { return writeDocker(w, s, i, tag) })
	}
	return errors.New("an image is exported to oci:DIR[:TAG], oci-archive:FILE[:TAG] or docker-archive:FILE[:REF]")
}

// tagOr is the name of a copy: a tag alone in a layout, and a whole one in an archive
// of docker's.
func (s Source) tagOr(full string) (string, error) {
	if s.tag != "" && s.kind == "docker-archive" {
		ref, err := name.NewTag(s.tag)
		if err != nil {
			return "", err
		}
		return fullName(ref), nil
	}
	if s.tag != "" {
		return s.tag, nil
	}
	ref, err := name.ParseReference(full)
	if err != nil { // it is known by the file that it was imported from
		return "latest", nil
	}
	if s.kind != "docker-archive" {
		if tag, ok := ref.(name.Tag); ok {
			return tag.TagStr(), nil
		}
		return "latest", nil
	}
	if _, ok := ref.(name.Tag); !ok {
		return "", fmt.Errorf("%s has no tag: say docker-archive:FILE:NAME:TAG", full)
	}
	return full, nil
}

// exportLayout adds the image to a layout, in place of the one of that tag.
func exportLayout(img v1.Image, dir, tag string, untrusted []string) error {
	to, err := outfile.OpenDir(dir, untrusted...)
	if err != nil {
		return err
	}
	defer to.Close()
	for _, part := range []string{"index.json", "oci-layout", "blobs", "blobs/sha256"} {
		if fi, err := os.Lstat(filepath.Join(to.Path(), part)); err == nil && fi.Mode()&fs.ModeSymlink != 0 {
			return fmt.Errorf("%s is no OCI layout: %s in it is a link", dir, part)
		}
	}
	p, err := layout.FromPath(to.Path())
	if err != nil {
		if entries, err := os.ReadDir(to.Path()); err == nil && len(entries) > 0 {
			return fmt.Errorf("%s is neither empty nor an OCI layout", dir)
		}
		if p, err = layout.Write(to.Path(), empty.Index); err != nil {
			return err
		}
	}
	return p.ReplaceImage(img, match.Name(tag), layout.WithAnnotations(map[string]string{refName: tag}))
}

// exportFile has a file written, which appears when it is whole.
func exportFile(path string, out io.Writer, untrusted []string, write func(io.Writer) error) error {
	if path == "-" {
		return write(out)
	}
	f, err := outfile.Open(path, untrusted...)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Write(func(to *os.File) error { return errors.Join(write(to), to.Chmod(0o644), to.Sync()) })
}
