package image

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/sbxrun/sbx/sandbox/image/store"
)

// object is JSON that need not be right.
type object = map[string]any

// An evil registry has one image, and serves what it is told to as what it is
// told to.
type evil struct {
	t          *testing.T
	host       string
	repository string
	tag        given            // of :1
	objects    map[string]given // by digest, manifests and blobs
	answer     http.HandlerFunc // is asked first, if not nil
	asked      atomic.Int64
}

type given struct {
	kind types.MediaType
	text []byte
}

func newEvil(t *testing.T) *evil {
	e := &evil{t: t, repository: "x", objects: map[string]given{}}
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	e.host = strings.TrimPrefix(server.URL, "http://")
	return e
}

func (e *evil) ref() string { return e.host + "/" + e.repository + ":1" }

// errUnanswered has an answer function leave the request to the registry.
var errUnanswered = errors.New("unanswered")

func (e *evil) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.asked.Add(1)
	if e.answer != nil && !passes(e.answer, w, r) {
		return
	}
	d, ok := e.objects[filepath.Base(r.URL.Path)]
	switch {
	case r.URL.Path == "/v2/":
		return
	case strings.HasSuffix(r.URL.Path, "/manifests/1"):
		d, ok = e.tag, true
	}
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", string(d.kind))
	w.Header().Set("Content-Length", fmt.Sprint(len(d.text)))
	_, _ = w.Write(d.text)
}

// passes tells whether an answer function leaves a request to others.
func passes(f http.HandlerFunc, w http.ResponseWriter, r *http.Request) (un bool) {
	defer func() {
		if v := recover(); v == any(errUnanswered) {
			un = true
		} else if v != nil {
			panic(v)
		}
	}()
	f(w, r)
	return false
}

// put has something served by its digest, and gives its descriptor.
func (e *evil) put(kind types.MediaType, text []byte) object {
	digest := digestOf(text)
	e.objects[digest] = given{kind, text}
	return object{"mediaType": kind, "digest": digest, "size": len(text)}
}

func (e *evil) json(what any) []byte {
	e.t.Helper()
	b, err := json.Marshal(what)
	if err != nil {
		e.t.Fatal(err)
	}
	return b
}

// parts are those of an image, for a row to change.
type parts struct {
	plain, blob      []byte // a layer
	layer            object // its descriptor
	config, manifest object
	configText       []byte // instead of config
	text             []byte // instead of manifest
	kind             types.MediaType
}

// image has an image served as :1, and gives the descriptor of its manifest. What is
// not as it should be is the row's.
func (e *evil) image(plain []byte, config, manifest func(*parts)) object {
	p := &parts{plain: plain, blob: gzipped(e.t, plain), kind: types.OCIManifestSchema1}
	p.layer = e.put(types.OCILayer, p.blob)
	p.config = object{"os": "linux", "architecture": "amd64", "config": object{"Env": []string{"A=b"}}, "rootfs": object{"type": "layers", "diff_ids": []string{digestOf(plain)}}}
	if config != nil {
		config(p)
	}
	if p.configText == nil {
		p.configText = e.json(p.config)
	}
	p.manifest = object{"schemaVersion": 2, "mediaType": types.OCIManifestSchema1, "config": e.put(types.OCIConfigJSON, p.configText), "layers": []any{p.layer}}
	if manifest != nil {
		manifest(p)
	}
	if p.text == nil {
		p.text = e.json(p.manifest)
	}
	e.tag = given{p.kind, p.text}
	return e.put(p.kind, p.text)
}

func (e *evil) index(children ...object) object {
	all := []any{}
	for _, c := range children {
		all = append(all, c)
	}
	e.tag = given{types.OCIImageIndex, e.json(object{"schemaVersion": 2, "mediaType": types.OCIImageIndex, "manifests": all})}
	return e.put(types.OCIImageIndex, e.tag.text)
}

// on answers what is asked of paths that contain a text.
func (e *evil) on(path string, f http.HandlerFunc) {
	e.answer = func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.URL.Path, path) {
			panic(errUnanswered)
		}
		f(w, r)
	}
}

func good(t *testing.T) []byte {
	return tarOf(t, file{name: "etc/", kind: tar.TypeDir}, file{name: "etc/good", text: "good"})
}

// endless sends until the other side has enough.
func endless(kind types.MediaType, begins string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", string(kind))
		_, err := io.WriteString(w, begins)
		for some := []byte(strings.Repeat(" ", 1<<20)); err == nil; {
			_, err = w.Write(some)
		}
	}
}

// unharmed looks that nothing of an image is known to a store, that it has no layer,
// and that each of its blobs is what its name says.
func unharmed(t *testing.T, s store.Store) {
	t.Helper()
	for _, dir := range []string{"layers", "manifests", "names"} {
		if entries, err := os.ReadDir(filepath.Join(s.Path(), dir)); err != nil || len(entries) > 0 {
			t.Errorf("%s has %v, %v", dir, entries, err)
		}
	}
	truthful(t, s)
}

func truthful(t *testing.T, s store.Store) {
	t.Helper()
	dir := filepath.Join(s.Path(), "blobs/sha256")
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Error(err)
	}
	for _, e := range entries {
		if b, err := os.ReadFile(filepath.Join(dir, e.Name())); err != nil || digestOf(b) != "sha256:"+e.Name() {
			t.Errorf("blob %s is another, %v", e.Name(), err)
		}
	}
}

// recovers looks that the store takes the right image under the name afterwards.
func recovers(t *testing.T, s store.Store, e *evil, o Options) {
	t.Helper()
	e.answer, e.repository, e.objects = nil, "x", map[string]given{}
	e.image(good(t), nil, nil)
	i, err := add(t, s, e.ref(), o)
	if err != nil {
		t.Fatalf("afterwards: %v", err)
	}
	layer, err := s.LayerRoot(i.Layers[0].Chain)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(layer, "etc/good")); err != nil || string(b) != "good" {
		t.Errorf("afterwards: %q, %v", b, err)
	}
	truthful(t, s)
}
