package image

import (
	"archive/tar"
	"bytes"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/sbxrun/sbx/sandbox/image/store"
)

func twoLayers(t *testing.T) v1.Image {
	return imageOf(t, v1.Config{Cmd: []string{"/bin/hello"}, Env: []string{"A=b"}, User: "1:2", WorkingDir: "/etc"},
		tarOf(t, file{name: "etc/", kind: tar.TypeDir}, file{name: "etc/one", text: "1"}, file{name: "etc/two", text: "2"}),
		tarOf(t, file{name: "etc/", kind: tar.TypeDir}, file{name: "etc/.wh.one"}, file{name: "etc/three", text: "3"}))
}

// check looks that an image's layers are as twoLayers has them.
func check(t *testing.T, s store.Store, i store.Image) {
	t.Helper()
	if len(i.Layers) != 2 {
		t.Fatalf("%d layers", len(i.Layers))
	}
	lower, _ := s.LayerRoot(i.Layers[0].Chain)
	upper, _ := s.LayerRoot(i.Layers[1].Chain)
	if b, err := os.ReadFile(lower + "/etc/two"); err != nil || string(b) != "2" {
		t.Errorf("%q, %v", b, err)
	}
	if fi, err := os.Lstat(upper + "/etc/one"); err != nil || fi.Mode().Type() != os.ModeDevice|os.ModeCharDevice {
		t.Errorf("the whiteout is %v, %v", fi, err)
	}
}

func TestPull(t *testing.T) {
	o, s, r := options(t), newStore(t), serve(t)
	ref := r.push(t, "hello:1", twoLayers(t))
	i, err := add(t, s, ref, o)
	if err != nil {
		t.Fatal(err)
	}
	check(t, s, i)
	if i.Config.User != "1:2" || i.Config.WorkingDir != "/etc" || i.Config.Env[0] != "A=b" {
		t.Errorf("the configuration is %+v", i.Config)
	}
	before := r.blobs.Load()
	if _, err := add(t, s, ref, o); err != nil {
		t.Fatal(err)
	}
	if n := r.blobs.Load() - before; n > 1 {
		t.Errorf("%d blobs were fetched again", n)
	}
	found, err := s.Lookup(ref)
	if err != nil || found.Manifest != i.Manifest {
		t.Errorf("%v, %v", found.Manifest, err)
	}
	// Other tools read the store as an OCI layout.
	index, err := layout.ImageIndexFromPath(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	digest, _ := v1.NewHash(i.Manifest)
	img, err := index.Image(digest)
	if err != nil {
		t.Fatal(err)
	}
	if layers, err := img.Layers(); err != nil || len(layers) != 2 {
		t.Errorf("%d layers, %v", len(layers), err)
	}
}

// TestSources brings the same image by every way there is.
func TestSources(t *testing.T) {
	o, dir := options(t), t.TempDir()
	img := twoLayers(t)
	p, err := layout.Write(dir+"/oci", empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.AppendImage(img, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": "1.2"})); err != nil {
		t.Fatal(err)
	}
	tag, _ := name.NewTag("hello:1.2")
	if err := tarball.WriteToFile(dir+"/docker.tar", tag, img); err != nil {
		t.Fatal(err)
	}
	if err := archiveOf(dir+"/oci", dir+"/oci.tar"); err != nil {
		t.Fatal(err)
	}
	for _, source := range []string{"oci:" + dir + "/oci:1.2", "oci:" + dir + "/oci", "oci-archive:" + dir + "/oci.tar", "docker-archive:" + dir + "/docker.tar", "docker-archive:" + dir + "/docker.tar:hello:1.2"} {
		s := newStore(t)
		i, err := add(t, s, source, o)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		check(t, s, i)
	}
	for source, want := range map[string]string{
		"oci:" + dir + "/oci:9":              "it has no image 9",
		"oci:" + dir:                         "no OCI layout",
		"oci-archive:" + dir + "/absent":     "no such file",
		"docker-archive:" + dir + "/oci.tar": "manifest.json",
		"oci:":                               "want oci:PATH",
		"Upper/Case":                         "no image reference",
	} {
		if _, err := add(t, newStore(t), source, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", source, err)
		}
	}
}

// TestArchiveSource tells the kinds of tar apart, and makes an image of a plain one.
func TestArchiveSource(t *testing.T) {
	o, dir := options(t), t.TempDir()
	// A root that the caller could not rename.
	plain := tarOf(t, file{name: "./", kind: tar.TypeDir, mode: 0o555}, file{name: "bin/", kind: tar.TypeDir}, file{name: "bin/sh", text: "not one"})
	for name, content := range map[string][]byte{"plain": plain, "gzip": gzipped(t, plain), "zstd": zstded(t, plain)} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		from, err := ArchiveSource(path, o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		s := newStore(t)
		i, err := Add(t.Context(), s, from, "docker.io/library/"+name+":latest", nil, o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		layer, err := s.LayerRoot(i.Layers[0].Chain)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(layer, "bin/sh"))
		if err != nil || info.Size() != 7 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
		if info, err := os.Stat(layer); err != nil || info.Mode().Perm() != 0o555 {
			t.Errorf("%s: the root is %v, %v", name, info, err)
		}
	}
	for name, content := range map[string][]byte{
		"text": []byte("no tar at all"), "empty": nil, "cut": plain[:700],
		"compressed archive": gzipped(t, tarOf(t, file{name: "oci-layout", text: "{}"})),
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if from, err := ArchiveSource(path, o); err == nil {
			t.Errorf("%s is %v", name, from)
		}
	}
}

// TestOpaque looks that a layer which hides all others is known as such, also when it
// is there already.
func TestOpaque(t *testing.T) {
	o, s := options(t), newStore(t)
	r := serve(t)
	ref := r.push(t, "opaque", imageOf(t, v1.Config{}, tarOf(t, file{name: "one", text: "1"}), tarOf(t, file{name: ".wh..wh..opq"}, file{name: "two", text: "2"})))
	for range 2 {
		i, err := add(t, s, ref, o)
		if err != nil {
			t.Fatal(err)
		}
		if seen := i.Union(); len(i.Layers) != 2 || len(seen) != 1 || seen[0] != i.Layers[1] {
			t.Errorf("of %v is seen %v", i.Layers, seen)
		}
	}
}

// archiveOf makes an archive of a directory, and puts in it what must not come out.
func archiveOf(dir, to string) error {
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	w := tar.NewWriter(f)
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		err = w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Size: int64(len(b)), Mode: 0o644})
		_, e := w.Write(b)
		return errors.Join(err, e)
	})
	for _, h := range []tar.Header{
		{Name: "../escaped", Typeflag: tar.TypeReg}, {Name: "blobs/sha256/../../../escaped", Typeflag: tar.TypeReg},
		{Name: "blobs/sha256", Typeflag: tar.TypeSymlink, Linkname: "/tmp"}, {Name: "/etc/x", Typeflag: tar.TypeReg},
	} {
		err = errors.Join(err, w.WriteHeader(&h))
	}
	return errors.Join(err, w.Close(), f.Close())
}

// TestCompressions goes by what is there, not by what the media type says.
func TestCompressions(t *testing.T) {
	o, s := options(t), newStore(t)
	plain := tarOf(t, file{name: "x", text: strings.Repeat("x", 1<<16)})
	for kind, blob := range map[string][]byte{"gzip": gzipped(t, plain), "zstd": zstded(t, plain), "none": plain} {
		base := imageOf(t, v1.Config{}, plain)
		config, err := base.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		img, err := mutate.Append(empty.Image, mutate.Addendum{Layer: labelled{static.NewLayer(blob, types.DockerLayer), config.RootFS.DiffIDs[0]}})
		if err != nil {
			t.Fatal(err)
		}
		r := serve(t)
		if _, err := add(t, s, r.push(t, "x:"+kind, img), o); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if err := s.Forget(r.host + "/x:" + kind); err != nil {
			t.Fatal(err)
		}
		if _, err := Collect(s, o.Program); err != nil {
			t.Fatal(err)
		}
	}
}

// labelled is a layer whose diff id is said.
type labelled struct {
	v1.Layer
	id v1.Hash
}

func (l labelled) DiffID() (v1.Hash, error) { return l.id, nil }

// TestSecuritySpoiled: what is not what its name says is not kept, and is brought again when
// it is right.
func TestSecuritySpoiled(t *testing.T) {
	blob := func(change func(b []byte) []byte) func(http.ResponseWriter, *http.Request, http.Handler) {
		return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if !strings.Contains(r.URL.Path, "/blobs/") {
				next.ServeHTTP(w, r)
				return
			}
			var got recorded
			next.ServeHTTP(&got, r)
			b := change(got.Bytes())
			w.Header().Set("Content-Length", strconv.Itoa(len(b)))
			_, _ = w.Write(b)
		}
	}
	isLayer := func(b []byte) bool { return bytes.HasPrefix(b, []byte{0x1f, 0x8b}) }
	for name, c := range map[string]struct {
		spoil func(http.ResponseWriter, *http.Request, http.Handler)
		want  string
	}{
		"a changed layer": {blob(func(b []byte) []byte {
			if isLayer(b) {
				b[len(b)-9] ^= 1
			}
			return b
		}), ""},
		"a cut layer": {blob(func(b []byte) []byte {
			if isLayer(b) {
				return b[:len(b)/2]
			}
			return b
		}), ""},
		"a longer layer": {blob(func(b []byte) []byte {
			if isLayer(b) {
				return append(b, "more"...)
			}
			return b
		}), ""},
		"another configuration": {blob(func(b []byte) []byte { return bytes.Replace(b, []byte("A=b"), []byte("A=c"), 1) }), ""},
		"an endless manifest": {func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if !strings.Contains(r.URL.Path, "/manifests/") {
				next.ServeHTTP(w, r)
				return
			}
			w.Header().Set("Content-Type", string(types.OCIManifestSchema1))
			for range 1000 {
				if _, err := w.Write(make([]byte, 1<<20)); err != nil {
					return
				}
			}
		}, "larger than 8 MiB"},
		"an answer from elsewhere": {func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			http.Redirect(w, r, "http://192.0.2.1"+r.URL.Path, http.StatusTemporaryRedirect)
		}, "without encryption"},
	} {
		t.Run(name, func(t *testing.T) {
			o, s, r := options(t), newStore(t), serve(t)
			ref := r.push(t, "hello:1", twoLayers(t))
			r.spoil = c.spoil
			_, err := add(t, s, ref, o)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v", err)
			}
			t.Log(err)
			for _, dir := range []string{"layers", "manifests", "names"} {
				if entries, err := os.ReadDir(filepath.Join(s.Path(), dir)); err != nil || len(entries) > 1 {
					t.Errorf("%s has %v, %v", dir, entries, err)
				}
			}
			r.spoil = nil
			i, err := add(t, s, ref, o)
			if err != nil {
				t.Fatal(err)
			}
			check(t, s, i)
		})
	}
}

// recorded is an answer that is not sent.
type recorded struct {
	bytes.Buffer
	header http.Header
}

func (r *recorded) Header() http.Header {
	if r.header == nil {
		r.header = http.Header{}
	}
	return r.header
}

func (r *recorded) WriteHeader(int) {}

// TestCut: a download that is cut goes on where it was, and gives up in the end.
func TestCut(t *testing.T) {
	o, r := options(t), serve(t)
	o.pause = time.Millisecond
	noise := make([]byte, 1<<20)
	for i := range noise {
		noise[i] = byte(i * i >> 3)
	}
	ref := r.push(t, "large:1", imageOf(t, v1.Config{}, tarOf(t, file{name: "noise", text: string(noise)})))
	for cuts, ok := range map[int]bool{3: true, 100: false} {
		left, resumed := cuts, 0
		r.spoil = func(w http.ResponseWriter, q *http.Request, next http.Handler) {
			if q.Header.Get("Range") != "" {
				resumed++
			}
			if left == 0 || !strings.Contains(q.URL.Path, "/blobs/") {
				next.ServeHTTP(w, q)
				return
			}
			var got recorded
			next.ServeHTTP(&got, q)
			if b := got.Bytes(); len(b) > 1000 {
				left--
				w.Header().Set("Content-Length", strconv.Itoa(len(b)))
				if q.Header.Get("Range") != "" {
					w.Header().Set("Content-Range", got.Header().Get("Content-Range"))
					w.WriteHeader(http.StatusPartialContent)
				}
				_, _ = w.Write(b[:len(b)/3]) // and no more, which cuts the connection
				return
			}
			_, _ = w.Write(got.Bytes())
		}
		_, err := add(t, newStore(t), ref, o)
		if ok != (err == nil) || resumed == 0 {
			t.Errorf("%d cuts: resumed %d times, %v", cuts, resumed, err)
		}
		if !ok && !strings.Contains(err.Error(), "was cut after") {
			t.Errorf("got %v", err)
		}
	}
}

// TestSecurityLies are of configurations and manifests.
func TestSecurityLies(t *testing.T) {
	o, s, r := options(t), newStore(t), serve(t)
	plain := tarOf(t, file{name: "x", text: "x"})
	other := imageOf(t, v1.Config{}, tarOf(t, file{name: "y", text: "y"}))
	config, err := other.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := mutate.Append(empty.Image, mutate.Addendum{Layer: labelled{static.NewLayer(gzipped(t, plain), types.DockerLayer), config.RootFS.DiffIDs[0]}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := add(t, s, r.push(t, "wrong:1", wrong), o); err == nil || !strings.Contains(err.Error(), "as the configuration says") {
		t.Errorf("a wrong diff id: %v", err)
	}
	few, err := mutate.ConfigFile(twoLayers(t), config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := add(t, s, r.push(t, "few:1", few), o); err == nil || !strings.Contains(err.Error(), "2 layers, and 1") {
		t.Errorf("too few diff ids: %v", err)
	}
	windows := config.DeepCopy()
	windows.OS = "windows"
	foreign, err := mutate.ConfigFile(other, windows)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := add(t, s, r.push(t, "foreign:1", foreign), o); err == nil || !strings.Contains(err.Error(), "windows") {
		t.Errorf("another system's: %v", err)
	}
	o.MaxBytes = 100
	if _, err := add(t, s, r.push(t, "large:1", imageOf(t, v1.Config{}, tarOf(t, file{name: "x", text: strings.Repeat("x", 1000)}))), o); err == nil {
		t.Error("a layer that is larger than allowed was kept")
	}
}

// TestTwoAtOnce share the work.
func TestTwoAtOnce(t *testing.T) {
	o, s, r := options(t), newStore(t), serve(t)
	ref := r.push(t, "hello:1", twoLayers(t))
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if _, err := add(t, s, ref, o); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	i, err := s.Lookup(ref)
	if err != nil {
		t.Fatal(err)
	}
	check(t, s, i)
	if n := r.blobs.Load(); n > 8+2 { // a configuration each, and two layers
		t.Errorf("%d blobs were fetched", n)
	}
}

// TestPlatforms: the one that is asked for, and an index that has no end.
func TestPlatforms(t *testing.T) {
	arm := imageOf(t, v1.Config{Env: []string{"ARCH=arm"}}, tarOf(t, file{name: "x"}))
	intel := imageOf(t, v1.Config{Env: []string{"ARCH=intel"}}, tarOf(t, file{name: "x"}))
	index := mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: arm, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "arm64"}}},
		mutate.IndexAddendum{Add: intel, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}})
	for arch, want := range map[string]string{"arm64": "ARCH=arm", "amd64": "ARCH=intel"} {
		img, err := pick(index, "", v1.Platform{OS: "linux", Architecture: arch}, 1)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := img.ConfigFile(); err != nil || c.Config.Env[0] != want {
			t.Errorf("%s: %v, %v", arch, c.Config.Env, err)
		}
	}
	if _, err := pick(index, "", v1.Platform{OS: "linux", Architecture: "riscv64"}, 1); err == nil || !strings.Contains(err.Error(), "no image for linux/riscv64") {
		t.Errorf("%v", err)
	}
	var loop v1.ImageIndex = index
	for range maxNested + 2 {
		loop = mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: loop})
	}
	if _, err := pick(loop, "", v1.Platform{OS: "linux", Architecture: "amd64"}, 1); err == nil || !strings.Contains(err.Error(), "an index within") {
		t.Errorf("%v", err)
	}
}

func FuzzParseSource(f *testing.F) {
	for _, s := range []string{"debian", "oci:/x:y", "oci-archive:", "docker-archive:a:b/c:d", "localhost:5000/x@sha256:" + strings.Repeat("a", 64)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		source, err := ParseSource(s)
		if err == nil {
			_, _ = source.FullName("") // it may have none; it must not panic
		}
	})
}
