package store

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// A Store is a directory of images.
type Store struct{ dir string }

// Dir is where the caller's images are: $XDG_DATA_HOME/sbx/images, by default below
// the home (XDG Base Directory Specification).
func Dir(home string, getenv func(string) string) string {
	base := getenv("XDG_DATA_HOME")
	if !filepath.IsAbs(base) {
		base = filepath.Join(home, ".local/share")
	}
	return filepath.Join(base, "sbx/images")
}

// At is the store in a directory, which need not be there.
func At(dir string) Store { return Store{dir} }

// Create makes the directory, if it is not there, and refuses one that is open to
// others or not the caller's.
func (s Store) Create() error {
	for _, dir := range []string{"", "blobs/sha256", "layers", "manifests", "names", "work"} {
		if err := os.MkdirAll(filepath.Join(s.dir, dir), 0o700); err != nil {
			return fmt.Errorf("image store: %w", err)
		}
	}
	var st unix.Stat_t
	if err := unix.Stat(s.dir, &st); err != nil {
		return fmt.Errorf("image store %s: %w", s.dir, err)
	}
	if st.Mode&0o077 != 0 || int(st.Uid) != os.Getuid() {
		return fmt.Errorf("image store %s: not a directory of yours alone: chmod 700 it", s.dir)
	}
	return s.layout()
}

// layout makes the directory an OCI layout.
func (s Store) layout() error {
	path := filepath.Join(s.dir, "oci-layout")
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	return s.write(path, []byte(`{"imageLayoutVersion":"1.0.0"}`))
}

// ErrNotFound says that there is no image of that name.
var ErrNotFound = errors.New("no such image")

// Path is the directory of the store.
func (s Store) Path() string { return s.dir }

// Layer is the place of an unpacked layer by its chain id, which need not be there.
// Its files are in LayerRoot.
func (s Store) Layer(chain string) (string, error) { return s.digested("layers", chain) }

// LayerRoot is the root of the layer's files. It has the owner and mode that the image
// gives it, so the caller may be unable to rename it; the directory that it is in is
// the caller's.
func (s Store) LayerRoot(chain string) (string, error) {
	dir, err := s.Layer(chain)
	return filepath.Join(dir, LayerFiles), err
}

// What is in a layer's directory.
const (
	LayerFiles  = "fs"
	LayerOpaque = "opaque" // is there if the layer hides all below it
)

// Blob is the file of a blob, which need not be there.
func (s Store) Blob(digest string) (string, error) { return s.digested("blobs/sha256", digest) }

// digested is the place of what a digest names. A digest comes from an image, so it
// must be one: as a path it could lead anywhere (CVE-2024-3727).
func (s Store) digested(dir, digest string) (string, error) {
	name, ok := strings.CutPrefix(digest, "sha256:")
	if b, err := hex.DecodeString(name); !ok || err != nil || len(b) != 32 || strings.ToLower(name) != name {
		return "", fmt.Errorf("%q is no SHA-256 digest", digest)
	}
	return filepath.Join(s.dir, dir, name), nil
}

// read reads a file of JSON.
func read(path string, to any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, to); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// writeJSON puts a file of JSON in its place.
func (s Store) writeJSON(path string, what any) error {
	b, err := json.Marshal(what)
	if err != nil {
		return err
	}
	return s.write(path, b)
}

// write puts a file in its place when it is on the disk. It is not locked there, where
// an image is for those who use or remove it, so it may be swept up just before; then it
// is written again.
func (s Store) write(path string, text []byte) (err error) {
	for range 3 {
		if err = s.writeOnce(path, text); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return err
}

func (s Store) writeOnce(path string, text []byte) error {
	f, err := s.temporary()
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = Place(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // what is wrong is told already
	}
	return err
}

// Place renames what is whole and on the disk, and has the rename on it too.
func Place(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(to))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

func there(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
