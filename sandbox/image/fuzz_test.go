package image

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/sbxrun/sbx/sandbox/image/store"
)

// FuzzDocuments has a registry serve any index, manifest and configuration. In them
// MANIFEST, CONFIG and LAYER are the digests of what is served, and 111, 222 and 333
// its sizes. What is taken is what its digest says, and can be looked for in a store.
func FuzzDocuments(f *testing.F) {
	const (
		index    = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"MANIFEST","size":111,"platform":{"os":"linux","architecture":"amd64"},"annotations":{"a":"b"}}]}`
		manifest = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"CONFIG","size":222},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"LAYER","size":333}]}`
		config   = `{"os":"linux","architecture":"amd64","created":"2026-01-01T00:00:00Z","config":{"User":"1:2","Env":["A=b"],"Entrypoint":["/x"],"Cmd":["y"],"Volumes":{"/v":{}},"ExposedPorts":{"80/tcp":{}},"WorkingDir":"/w","Labels":{"a":"b"},"StopSignal":"TERM"},"rootfs":{"type":"layers","diff_ids":["LAYER"]}}`
	)
	f.Add(string(types.OCIImageIndex), index, manifest, config)
	f.Add(string(types.OCIManifestSchema1), manifest, manifest, config)
	f.Add(string(types.DockerManifestList), strings.ReplaceAll(index, "vnd.oci.image.index.v1", "vnd.docker.distribution.manifest.list.v2"), strings.ReplaceAll(manifest, "vnd.oci.image.manifest.v1", "vnd.docker.distribution.manifest.v2"), config)
	f.Add("text/plain", manifest, index, config)
	f.Add(string(types.OCIImageIndex), index, index, config)
	for _, change := range [][2]string{{`"layers":[`, `"layers":[],"Layers":[`}, {"222", "-1"}, {"LAYER", "sha256:../x"}, {"333", "1e400"}, {"CONFIG", "sha512:00"}, {`"config":`, `"manifests":[],"config":`}, {`"size":222`, `"size":222,"data":"e30="`}, {`"size":333`, `"size":333,"urls":["http://169.254.169.254/"]`}} {
		f.Add(string(types.OCIImageIndex), index, strings.Replace(manifest, change[0], change[1], 1), config)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, kind, index, manifest, config string) {
		layer := digestOf([]byte("layer"))
		config = strings.ReplaceAll(config, "LAYER", layer)
		parts := []string{"CONFIG", digestOf([]byte(config)), "222", strconv.Itoa(len(config)), "LAYER", layer, "333", "5"}
		manifest = strings.NewReplacer(parts...).Replace(manifest)
		index = strings.NewReplacer(append(parts, "MANIFEST", digestOf([]byte(manifest)), "111", strconv.Itoa(len(manifest)))...).Replace(index)
		served := map[string]bool{digestOf([]byte(index)): true, digestOf([]byte(manifest)): true}
		n := &network{hosts: map[string]http.Handler{home: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Path == "/v2/":
			case r.URL.Path == "/v2/x/manifests/1":
				w.Header()["Content-Type"] = []string{kind}
				_, _ = w.Write([]byte(index))
			case strings.Contains(r.URL.Path, "/manifests/"):
				_, _ = w.Write([]byte(manifest))
			default:
				_, _ = w.Write([]byte(config))
			}
		})}}
		start := time.Now()
		from, err := ParseSource("registry.test/x:1")
		if err != nil {
			t.Fatal(err)
		}
		s := store.At(dir)
		work := filepath.Join(dir, "work")
		for _, d := range []string{work, filepath.Join(dir, "blobs/sha256")} {
			if err := os.MkdirAll(d, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		platform := v1.Platform{OS: "linux", Architecture: "amd64"}
		img, err := from.open(t.Context(), Options{Transport: n, Platform: &platform}, work)
		if err != nil {
			return
		}
		i, err := adder{ctx: t.Context(), store: s, work: work}.describe(img)
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
		for _, request := range n.seen {
			if !strings.HasPrefix(request, "GET "+home+"/v2/") {
				t.Errorf("it was asked for %s", request)
			}
		}
		if err != nil {
			return
		}
		if !served[i.Manifest] || i.ID != digestOf([]byte(config)) || len(i.Layers) > maxLayers || !types.MediaType(i.Type).IsImage() {
			t.Errorf("took %+v", i)
		}
		for _, l := range i.Layers {
			_, chain := s.Layer(l.Chain)
			if _, blob := s.Blob(l.Digest); chain != nil || blob != nil || l.Size < 0 {
				t.Errorf("took layer %+v: %v, %v", l, chain, blob)
			}
		}
		for _, digest := range []string{i.Manifest, i.ID} {
			path, err := s.Blob(digest)
			if err != nil {
				t.Fatal(err)
			}
			if b, err := os.ReadFile(path); err != nil || digestOf(b) != digest {
				t.Errorf("blob %s: %v", digest, err)
			}
		}
	})
}
