package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sbxrun/sbx/sandbox/image/store"
)

// storeIsWhole looks at all that a store has in its place: what is there is what its
// name says, and has all that it refers to. What is under work is not looked at, nor
// is anything needed by nobody.
func storeIsWhole(t testing.TB, data string) {
	t.Helper()
	dir := filepath.Join(data, "sbx/images")
	s := store.At(dir)
	for _, name := range storeNames(t, dir, "blobs/sha256") {
		if sum := hashFile(t, filepath.Join(dir, "blobs/sha256", name)); sum != name {
			t.Errorf("blob %s is %s", name, sum)
		}
	}
	for _, name := range storeNames(t, dir, "layers") {
		within := storeNames(t, dir, "layers/"+name)
		if !slices.Equal(slices.DeleteFunc(within, func(n string) bool { return n == store.LayerOpaque }), []string{store.LayerFiles}) {
			t.Errorf("layer %s has %q", name, within)
		}
	}
	known, err := s.Images()
	if err != nil {
		t.Error(err)
	}
	if files := storeNames(t, dir, "manifests"); len(files) != len(known) {
		t.Errorf("%d images, but %q", len(known), files)
	}
	for _, i := range known {
		blobs := []string{i.Manifest, i.ID}
		for _, l := range i.Layers {
			blobs = append(blobs, l.Digest)
			if path, err := s.LayerRoot(l.Chain); err != nil || !isThere(path) {
				t.Errorf("image %s has no layer %s: %v", i.Manifest, l.Chain, err)
			}
		}
		for _, digest := range blobs {
			if path, err := s.Blob(digest); err != nil || !isThere(path) {
				t.Errorf("image %s has no blob %s: %v", i.Manifest, digest, err)
			}
		}
	}
	names, err := s.Names()
	if err != nil {
		t.Error(err)
	}
	for _, n := range names {
		if _, err := s.Lookup(n.Name); err != nil {
			t.Errorf("name %s: %v", n.Name, err)
		}
	}
	for _, name := range []string{"oci-layout", "index.json"} {
		var any map[string]any
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			err = json.Unmarshal(b, &any)
		}
		if err != nil && !os.IsNotExist(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func isThere(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func storeNames(t testing.TB, dir, sub string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, sub))
	if err != nil && !os.IsNotExist(err) {
		t.Error(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func hashFile(t testing.TB, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		t.Error(err)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// layerTrees lists all that is unpacked in a store, whiteouts and overlayfs's own
// attributes too, as root of the ids that it belongs to.
func layerTrees(t testing.TB, data string, root func(...string) *exec.Cmd) map[string]bool {
	t.Helper()
	out, err := root(tool(t, "manifest"), filepath.Join(data, "sbx/images/layers")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	lines := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		path, rest, _ := strings.Cut(line, " mode=")
		if strings.HasPrefix(rest, "20000 ") { // a whiteout is as new as the store
			line = times.ReplaceAllString(line, "")
		}
		// So are the directories around a layer's files.
		if strings.Contains(path, "/"+store.LayerFiles) {
			lines[line] = true
		}
	}
	return lines
}

// sameTrees looks that every layer of a store is as in one that nothing has disturbed,
// and that none is missing.
func sameTrees(t testing.TB, got, want map[string]bool) {
	t.Helper()
	for line := range want {
		if !got[line] {
			t.Errorf("missing: %s", line)
		}
	}
	for line := range got {
		if !want[line] {
			t.Errorf("not in a clean store: %s", line)
		}
	}
}
