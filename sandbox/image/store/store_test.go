package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func digest(c byte) string { return "sha256:" + strings.Repeat(string(c), 64) }

// filled is a store with an image of the layers a and b, and one of b and c.
func filled(t *testing.T) Store {
	t.Helper()
	s := At(filepath.Join(t.TempDir(), "images"))
	if err := s.Create(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []byte("abc") {
		dir, _ := s.Layer(digest(c))
		blob, _ := s.Blob(digest(c))
		if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(blob, []byte{c}, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	add := func(manifest byte, full string, typed string, layers ...byte) {
		i := Image{Manifest: digest(manifest), ID: digest(manifest + 2), Type: "application/vnd.oci.image.manifest.v1+json"}
		for _, l := range layers {
			i.Layers = append(i.Layers, Layer{DiffID: digest(l), Digest: digest(l), Size: 1, Chain: digest(l)})
		}
		if err := s.Add(i, full, typed); err != nil {
			t.Fatal(err)
		}
	}
	add('0', "docker.io/library/one:latest", "one", 'a', 'b')
	add('1', "docker.io/library/two:1", "two:1", 'b', 'c')
	return s
}

func TestLookup(t *testing.T) {
	s := filled(t)
	for name, want := range map[string]string{
		"one": digest('0'), "docker.io/library/one:latest": digest('0'), "two:1": digest('1'), "0000000": digest('0'),
		"sha256:" + strings.Repeat("1", 12): digest('1'), "333333": digest('1'), // its id
	} {
		if i, err := s.Lookup(name); err != nil || i.Manifest != want {
			t.Errorf("%s: %v, %v", name, i.Manifest, err)
		}
	}
	for _, name := range []string{"two", "", "../names", "00000", "xyz123"} {
		if _, err := s.Lookup(name); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := At("/nowhere").Lookup("one"); !errors.Is(err, ErrNotFound) {
		t.Errorf("no store: %v", err)
	}
}

// TestDigestsAreNoPaths: CVE-2024-3727.
func TestDigestsAreNoPaths(t *testing.T) {
	s := At("/images")
	for _, d := range []string{"", "sha256:", "sha256:../../etc", "sha256:" + strings.Repeat("A", 64), "sha512:" + strings.Repeat("a", 64), strings.Repeat("a", 64), digest('a') + "/x"} {
		if path, err := s.Layer(d); err == nil {
			t.Errorf("%q is %s", d, path)
		}
	}
}

func TestRemove(t *testing.T) {
	s := filled(t)
	one, err := s.Lookup("one")
	if err != nil {
		t.Fatal(err)
	}
	used, err := s.Use(one)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Forget("one"); !errors.Is(err, ErrInUse) {
		t.Errorf("in use: %v", err)
	}
	used.Close()
	if err := s.Forget("one"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"one", "docker.io/library/one:latest"} {
		if _, err := s.Lookup(name); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s is still known: %v", name, err)
		}
	}
	if freed, err := s.Collect(os.RemoveAll); err != nil || freed != 1 {
		t.Errorf("freed %d, %v", freed, err)
	}
	for c, want := range map[byte]bool{'a': false, 'b': true, 'c': true} {
		dir, _ := s.Layer(digest(c))
		blob, _ := s.Blob(digest(c))
		if there(dir) != want || there(blob) != want {
			t.Errorf("layer %c: directory %v, blob %v", c, there(dir), there(blob))
		}
	}
	index, err := os.ReadFile(filepath.Join(s.Path(), "index.json"))
	if err != nil || strings.Contains(string(index), "one:latest") || !strings.Contains(string(index), "two:1") {
		t.Errorf("%s, %v", index, err)
	}
}

// TestWork: two at one thing come one after the other, and a crash is swept up.
func TestWork(t *testing.T) {
	s := filled(t)
	w, err := s.Begin("layer-x", os.RemoveAll)
	if err != nil {
		t.Fatal(err)
	}
	second := make(chan *Work)
	go func() {
		w, _ := s.Begin("layer-x", os.RemoveAll)
		second <- w
	}()
	if err := s.Sweep(func(string) error { t.Error("swept what is being worked at"); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.Dir+"/half", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.lock.Unlock() // as a crash does
	w = <-second
	if w == nil || there(w.Dir+"/half") {
		t.Fatal("the second found what the first left")
	}
	w.lock.Unlock()
	if err := s.Sweep(os.RemoveAll); err != nil || there(w.Dir) {
		t.Errorf("%v, there %v", err, there(w.Dir))
	}
}

// TestTemporaryFiles: what a crash left of a file goes, and what is being written stays.
func TestTemporaryFiles(t *testing.T) {
	s := filled(t)
	held, err := s.temporary()
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	left, err := s.temporary()
	if err != nil {
		t.Fatal(err)
	}
	left.Close() // as a crash does
	if err := s.Sweep(os.RemoveAll); err != nil {
		t.Fatal(err)
	}
	if !there(held.Name()) || there(left.Name()) {
		t.Errorf("the held file is there %v, the other %v", there(held.Name()), there(left.Name()))
	}
	if err := Place(held.Name(), filepath.Join(s.Path(), "index.json")); err != nil {
		t.Error(err)
	}
	// Many who write and sweep are not in each other's way.
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 50 {
				if err := errors.Join(s.index(), s.Sweep(os.RemoveAll)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

func TestOpenToOthers(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := At(dir).Create(); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("%v", err)
	}
}
