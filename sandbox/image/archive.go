package image

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
)

// layoutFile are the only names that an archive of an OCI layout has a use for.
var layoutFile = regexp.MustCompile(`^(oci-layout|index\.json|blobs/sha256/[0-9a-f]{64})$`)

// extract takes an OCI layout out of its archive. No other file is made.
func extract(archive, dir string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, "blobs/sha256"), 0o700); err != nil {
		return err
	}
	left := info.Size()
	for t := tar.NewReader(f); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := path.Clean(h.Name)
		if h.Typeflag != tar.TypeReg || !layoutFile.MatchString(name) {
			continue
		}
		// A sparse file can be larger than the archive by far.
		if left -= h.Size; left < 0 {
			return fmt.Errorf("%s: it would be larger than the archive", name)
		}
		if err := extractFile(filepath.Join(dir, name), t); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
}

func extractFile(path string, from io.Reader) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	return errors.Join(err, f.Close())
}

// checkDocker bounds what is read whole of an archive that docker saved: its list of
// images, and their configurations. Layers may be links to others, as in old ones.
func checkDocker(archive string) error {
	const listName = "manifest.json"
	var text []byte
	err := documents(archive, func(name string) bool { return name == listName }, func(t *tar.Reader) (err error) {
		if text == nil { // as the reader takes the first
			text, err = io.ReadAll(t)
		}
		return err
	})
	if err != nil {
		return err
	}
	if text == nil {
		return errors.New("it has no " + listName)
	}
	if err := unambiguous(text); err != nil {
		return fmt.Errorf("%s: %w", listName, err)
	}
	var list []struct{ Config string }
	if err := json.Unmarshal(text, &list); err != nil {
		return fmt.Errorf("%s: %w", listName, err)
	}
	configs := map[string]bool{}
	for _, i := range list {
		configs[path.Clean(i.Config)] = true
	}
	return documents(archive, func(name string) bool { return configs[name] }, func(*tar.Reader) error { return nil })
}

// documents gives those files of a tar that are meant, which must be ones that can be
// read whole.
func documents(archive string, meant func(name string) bool, each func(*tar.Reader) error) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	for t := tar.NewReader(f); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := path.Clean(h.Name)
		switch {
		case !meant(name):
			continue
		case h.Typeflag != tar.TypeReg:
			return fmt.Errorf("%s is no file", name)
		case h.Size > maxDocument:
			return fmt.Errorf("%s has %d bytes, more than %d", name, h.Size, maxDocument)
		}
		if err := each(t); err != nil {
			return err
		}
	}
}
