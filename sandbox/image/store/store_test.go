package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
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

// TestSweepFiles: a file that was not put in its place goes, unless someone writes one.
func TestSweepFiles(t *testing.T) {
	s := filled(t)
	left := filepath.Join(s.Path(), "work", "file-123")
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	writer, err := s.lock(filesLock, unix.LOCK_SH)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Sweep(os.RemoveAll); err != nil || !there(left) {
		t.Errorf("%v, there %v while one is written", err, there(left))
	}
	writer.Unlock()
	if err := s.Sweep(os.RemoveAll); err != nil || there(left) {
		t.Errorf("%v, there %v", err, there(left))
	}
}

// TestSweepWhileWriting: no writer loses a file to a sweep.
func TestSweepWhileWriting(t *testing.T) {
	s := filled(t)
	stop := make(chan struct{})
	var sweeper sync.WaitGroup
	sweeper.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if err := s.Sweep(os.RemoveAll); err != nil {
				t.Error(err)
			}
		}
	})
	var writers sync.WaitGroup
	for n := range 4 {
		writers.Go(func() {
			for range 50 {
				if err := s.write(filepath.Join(s.Path(), fmt.Sprint(n)), []byte("text")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	sweeper.Wait()
}

// TestPartial: one is had by one at a time, no more when it is a blob, and until it is
// dropped.
func TestPartial(t *testing.T) {
	s := filled(t)
	f, err := s.Partial(digest('d'))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("half"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Partial(digest('d')); !errors.Is(err, ErrBusy) {
		t.Errorf("a second has it: %v", err)
	}
	if freed, err := s.DropPartials(); err != nil || freed != 0 || !there(f.Name()) {
		t.Errorf("dropped while it was had: %d, %v", freed, err)
	}
	late, err := os.Open(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	f.Close()
	if err := s.Sweep(os.RemoveAll); err != nil || !there(f.Name()) {
		t.Errorf("swept: %v", err)
	}
	if f, err = s.Partial(digest('d')); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(" and more"); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(f.Name()); err != nil || string(b) != "half and more" {
		t.Errorf("it is %q, %v", b, err)
	}
	blob, _ := s.Blob(digest('d'))
	if err := sameFile(late, f.Name()); err != nil {
		t.Error(err)
	}
	if err := Place(f.Name(), blob); err != nil {
		t.Fatal(err)
	}
	if err := sameFile(late, f.Name()); !errors.Is(err, ErrBusy) {
		t.Errorf("who opened it before it became a blob would write that: %v", err)
	}
	f.Close()
	if f, err = s.Partial(digest('e')); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("half"); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if freed, err := s.DropPartials(); err != nil || freed != 4 || there(f.Name()) {
		t.Errorf("freed %d, %v, there %v", freed, err, there(f.Name()))
	}
	if _, err := s.Partial("sha256:../x"); err == nil {
		t.Error("a path is a digest")
	}
	// A store that another process is just making has no work/ yet.
	if freed, err := At(t.TempDir()).DropPartials(); err != nil || freed != 0 {
		t.Errorf("freed %d, %v where nothing is", freed, err)
	}
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
