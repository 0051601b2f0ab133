package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"
)

// An attack is what a registry does, and what is said of it. None may leave anything
// in the store but blobs that are what their names say, nor spoil the next pull.
type attack struct {
	name  string
	evil  func(e *evil)
	want  string // in the error
	adapt func(o *Options)
}

// config and manifest have a part of the image changed.
func config(change func(p *parts)) func(*evil) {
	return func(e *evil) { e.image(good(e.t), change, nil) }
}

func manifest(change func(p *parts)) func(*evil) {
	return func(e *evil) { e.image(good(e.t), nil, change) }
}

// said has a field of the layer's descriptor say something.
func said(field string, value any) func(*evil) {
	return manifest(func(p *parts) {
		if p.layer[field] = value; value == nil {
			delete(p.layer, field)
		}
	})
}

// chunked has blobs sent without their length.
func chunked(e *evil) {
	e.on("/blobs/", func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		_, _ = w.Write(e.objects[r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]].text)
	})
}

// everyBlob has every blob answered by f.
func everyBlob(f func(w http.ResponseWriter, text []byte)) func(*evil) {
	return func(e *evil) {
		e.image(good(e.t), nil, nil)
		e.on("/blobs/", func(w http.ResponseWriter, r *http.Request) {
			f(w, bytes.Clone(e.objects[r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]].text))
		})
	}
}

func isLayer(b []byte) bool { return bytes.HasPrefix(b, []byte{0x1f, 0x8b}) }

var attacks = []attack{
	// Digests.
	{name: "another manifest than its digest", want: "does not match requested digest", evil: func(e *evil) {
		d := e.image(good(e.t), nil, nil)
		e.index(d)
		e.objects[d["digest"].(string)] = given{types.OCIManifestSchema1, []byte(`{"schemaVersion":2}`)}
	}},
	{name: "another manifest in the descriptor's data", want: "error verifying Digest", evil: func(e *evil) {
		d := e.image(good(e.t), nil, nil)
		d["data"] = []byte(`{"schemaVersion":2}`)
		e.index(d)
	}},
	{name: "a manifest of another size", want: "and its descriptor says 7", evil: func(e *evil) {
		d := e.image(good(e.t), nil, nil)
		d["size"] = 7
		e.index(d)
	}},
	{name: "an index of another size", want: "and its descriptor says 7", evil: func(e *evil) {
		d := e.index(e.image(good(e.t), nil, nil))
		d["size"] = 7
		e.index(d)
	}},
	{name: "another index than its digest", want: "does not match requested digest", evil: func(e *evil) {
		d := e.index(e.image(good(e.t), nil, nil))
		e.index(d)
		e.objects[d["digest"].(string)] = given{types.OCIImageIndex, []byte(`{"schemaVersion":2,"manifests":[]}`)}
	}},
	{name: "another configuration", want: "its configuration: it is sha256:", evil: everyBlob(func(w http.ResponseWriter, b []byte) {
		_, _ = w.Write(bytes.Replace(b, []byte("A=b"), []byte("A=c"), 1))
	})},
	{name: "another configuration in its data", want: "error verifying Digest", evil: manifest(func(p *parts) {
		p.manifest["config"].(object)["data"] = bytes.Replace(p.configText, []byte("A=b"), []byte("A=c"), 1)
	})},
	{name: "another layer", want: "layer 1 of 1", evil: everyBlob(func(w http.ResponseWriter, b []byte) {
		if isLayer(b) {
			b[len(b)/2] ^= 1
		}
		_, _ = w.Write(b)
	})},
	{name: "another layer in its data", want: "layer 1 of 1", evil: func(e *evil) {
		other := gzipped(e.t, tarOf(e.t, file{name: "evil", text: "evil"}))
		e.image(good(e.t), nil, func(p *parts) {
			p.layer["data"] = append(other, make([]byte, max(0, len(p.blob)-len(other)))...)[:len(p.blob)]
		})
	}},
	{name: "another diff id", want: "as the configuration says", evil: config(func(p *parts) {
		p.config["rootfs"] = object{"type": "layers", "diff_ids": []string{digestOf([]byte("evil"))}}
	})},
	{name: "a digest that is a path", want: "non-hex", evil: said("digest", "sha256:../../../etc/passwd")},
	{name: "a digest that is empty", want: "cannot parse hash", evil: said("digest", "sha256:")},
	{name: "no digest", want: "no SHA-256", evil: said("digest", nil)},
	{name: "a short digest", want: "wrong number of hex digits", evil: said("digest", "sha256:abcdef")},
	{name: "an upper-case digest", want: "non-hex", evil: said("digest", "sha256:"+strings.Repeat("AB", 32))},
	{name: "a digest of another algorithm", want: "no SHA-256", evil: said("digest", "sha512:"+strings.Repeat("ab", 64))},
	{name: "a digest of no algorithm", want: "unsupported hash", evil: said("digest", "md5:"+strings.Repeat("ab", 16))},
	{name: "a configuration of another algorithm", want: "no SHA-256", evil: func(e *evil) {
		e.image(good(e.t), nil, func(p *parts) {
			digest := "sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
			e.objects[digest] = given{types.OCIConfigJSON, nil}
			p.manifest["config"] = object{"digest": digest, "size": 0}
		})
	}},
	{name: "a diff id that is a path", want: "non-hex", evil: config(func(p *parts) {
		p.config["rootfs"] = object{"diff_ids": []string{"sha256:../../../x"}}
	})},

	// Sizes.
	{name: "a layer that is said to be smaller", want: "and its manifest says 10", evil: said("size", 10)},
	{name: "a layer that is said to be larger", want: "and its manifest says 1000000000000", evil: said("size", int64(1e12))},
	{name: "a layer of minus one byte", want: "-1 bytes", evil: said("size", -1)},
	{name: "a layer of no size", want: "layer 1 of 1", evil: said("size", nil)},
	{name: "a layer of half a byte", want: "cannot unmarshal", evil: said("size", 0.5)},
	{name: "a layer that is said to be smaller, chunked", want: "layer 1 of 1", evil: func(e *evil) {
		said("size", 100)(e)
		chunked(e)
	}},
	{name: "a layer that is said to be larger, chunked", want: "layer 1 of 1", evil: func(e *evil) {
		said("size", int64(1e12))(e)
		chunked(e)
	}},
	{name: "a configuration of minus one byte, and no end", want: "-1 bytes", evil: func(e *evil) {
		manifest(func(p *parts) { p.manifest["config"].(object)["size"] = -1 })(e)
		e.on("/blobs/", endless(types.OCIConfigJSON, "{"))
	}},
	{name: "a configuration of a terabyte", want: "its configuration has 1000000000000 bytes", evil: manifest(func(p *parts) { p.manifest["config"].(object)["size"] = int64(1e12) })},
	{name: "a length that is a lie", want: "layer 1 of 1", evil: func(e *evil) {
		e.image(good(e.t), nil, nil)
		e.on("/blobs/", func(w http.ResponseWriter, r *http.Request) {
			text := e.objects[r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]].text
			if !isLayer(text) {
				panic(errUnanswered)
			}
			conn, out, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			fmt.Fprintf(out, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nContent-Length: %d\r\n\r\n%s", len(text), len(text)-1, text)
			out.Flush()
			conn.Close()
		})
	}},

	// What has no end.
	{name: "an endless manifest", want: "larger than 8 MiB", evil: func(e *evil) { e.on("/manifests/", endless(types.OCIManifestSchema1, "{")) }},
	{name: "an endless index", want: "larger than 8 MiB", evil: func(e *evil) { e.on("/manifests/", endless(types.OCIImageIndex, "{")) }},
	{name: "an endless error", want: "larger than 8 MiB", evil: func(e *evil) {
		e.on("/manifests/", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusTeapot)
			endless("text/plain", "no")(w, r)
		})
	}},
	{name: "an endless greeting", want: "larger than 8 MiB", evil: func(e *evil) {
		e.answer = func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			endless("text/plain", "hello")(w, r)
		}
	}},
	{name: "an endless token", want: "larger than 8 MiB", evil: func(e *evil) {
		e.answer = func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/token" {
				w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+e.host+`/token",service="x"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			endless("application/json", `{"token":"`)(w, r)
		}
	}},
	{name: "an endless configuration", want: "its configuration", evil: func(e *evil) {
		e.image(good(e.t), nil, nil)
		e.on("/blobs/", endless(types.OCIConfigJSON, "{"))
	}},
	{name: "an endless layer", want: "layer 1 of 1", evil: everyBlob(func(w http.ResponseWriter, b []byte) {
		if isLayer(b) {
			w.(http.Flusher).Flush()
			endless(types.OCILayer, string(b[:20]))(w, nil)
			return
		}
		_, _ = w.Write(b)
	})},
	{name: "an endless manifest of a repository that is called blobs", want: "larger than 8 MiB", evil: func(e *evil) {
		e.repository = "x/blobs/y"
		e.on("/manifests/", endless(types.OCIManifestSchema1, "{"))
	}},
	{name: "a manifest of a byte now and then", want: "next to nothing", adapt: hurry, evil: func(e *evil) {
		e.on("/manifests/", drip)
	}},
	{name: "a token of a byte now and then", want: "next to nothing", adapt: hurry, evil: func(e *evil) {
		e.answer = func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/token" {
				w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+e.host+`/token",service="x"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			drip(w, r)
		}
	}},
	{name: "a layer of a byte now and then", want: "layer 1 of 1", adapt: hurry, evil: everyBlob(func(w http.ResponseWriter, b []byte) {
		if isLayer(b) {
			w.Header().Set("Content-Length", strconv.Itoa(len(b)))
			drip(w, nil)
			return
		}
		_, _ = w.Write(b)
	})},

	// Bombs.
	{name: "ten gigabytes of zeros", want: "at most 1000000 are allowed", adapt: func(o *Options) { o.MaxBytes = 1_000_000 }, evil: func(e *evil) {
		e.bomb(func(w *tar.Writer) error {
			if err := w.WriteHeader(&tar.Header{Name: "zeros", Typeflag: tar.TypeReg, Size: 10 << 30}); err != nil {
				return err
			}
			_, err := io.CopyN(w, &zeros{}, 64<<20) // it is not read that far
			return err
		})
	}},
	{name: "zeros behind the tar", want: "longer than", adapt: func(o *Options) { o.MaxBytes, o.MaxEntries = 1000, 10 }, evil: func(e *evil) {
		e.image(append(good(e.t), make([]byte, 8<<20)...), nil, nil)
	}},
	{name: "empty files without number", want: "more than 1000 entries", adapt: func(o *Options) { o.MaxEntries = 1000 }, evil: func(e *evil) {
		e.bomb(func(w *tar.Writer) (err error) {
			for i := 0; i < 100_000 && err == nil; i++ {
				err = w.WriteHeader(&tar.Header{Name: strconv.Itoa(i), Typeflag: tar.TypeReg})
			}
			return err
		})
	}},
	{name: "a window of two gigabytes", want: "window size", evil: func(e *evil) {
		e.image(good(e.t), nil, func(p *parts) {
			p.manifest["layers"] = []any{e.put(types.OCILayerZStd, []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 21 << 3, 1, 0, 0})}
		})
	}},
	{name: "gzip in gzip", want: "tar after 0 entries", evil: func(e *evil) {
		twice := gzipped(e.t, good(e.t))
		e.image(twice, nil, nil)
	}},
	{name: "a manifest that is compressed", want: "no JSON", evil: func(e *evil) {
		e.on("/manifests/", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", string(types.OCIManifestSchema1))
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(gzipped(e.t, []byte(`{"schemaVersion":2}`)))
		})
	}},

	// Indexes.
	{name: "an index in itself", want: "does not match requested digest", evil: func(e *evil) {
		digest := digestOf([]byte("itself"))
		e.index(object{"mediaType": types.OCIImageIndex, "digest": digest, "size": 6})
		e.objects[digest] = e.tag
	}},
	{name: "two indexes in each other", want: "does not match requested digest", evil: func(e *evil) {
		first := digestOf([]byte("first"))
		e.index(e.index(object{"mediaType": types.OCIImageIndex, "digest": first, "size": 5}))
		e.objects[first] = e.tag
	}},
	{name: "an index in five others", want: "an index within 4 others", evil: func(e *evil) {
		d := e.index(e.image(good(e.t), nil, nil))
		for range 5 {
			d = e.index(d)
		}
	}},
	{name: "no image for the platform", want: "no image for linux/", evil: func(e *evil) {
		d := e.image(good(e.t), nil, nil)
		d["platform"] = object{"os": "linux", "architecture": "s390x"}
		e.index(d)
	}},
	{name: "an index of nothing", want: "no image for linux/", evil: func(e *evil) { e.index() }},
	{name: "an image that is said to be an index", want: "and so is something else too", evil: func(e *evil) {
		d := e.image(good(e.t), nil, nil)
		d["mediaType"] = types.OCIImageIndex
		e.index(d)
	}},
	{name: "an index that is said to be an image", want: "and so is something else too", evil: func(e *evil) {
		d := e.index(e.image(good(e.t), nil, nil))
		d["mediaType"] = types.OCIManifestSchema1
		e.index(d)
	}},

	// Manifests that are taken for something else.
	{name: "a manifest that is an index too", want: `it has "manifests", and so is something else too`, evil: manifest(func(p *parts) { p.manifest["manifests"] = []any{} })},
	{name: "a manifest that is an index too, in capitals", want: `it has "manifests", and so is something else too`, evil: manifest(func(p *parts) { p.manifest["MANIFESTS"] = []any{} })},
	{name: "an index that is a manifest too", want: `it has "layers", and so is something else too`, evil: func(e *evil) {
		e.tag = given{types.OCIImageIndex, []byte(`{"schemaVersion":2,"manifests":[],"layers":[]}`)}
	}},
	{name: "a manifest that says to be an index", want: "says to be", evil: manifest(func(p *parts) { p.manifest["mediaType"] = types.OCIImageIndex })},
	{name: "a manifest of schema 1", want: "unsupported MediaType", evil: manifest(func(p *parts) { p.kind = types.DockerManifestSchema1Signed })},
	{name: "fields of schema 1", want: `it has "fsLayers"`, evil: manifest(func(p *parts) { p.manifest["fsLayers"] = []any{} })},
	{name: "version 1", want: "schema version 1, not 2", evil: manifest(func(p *parts) { p.manifest["schemaVersion"] = 1 })},
	{name: "an index that is served as a manifest", want: `it has "manifests"`, evil: func(e *evil) {
		e.index(e.image(good(e.t), nil, nil))
		e.tag.kind = types.OCIManifestSchema1
	}},
	{name: "a manifest that is served as an index", want: `it has "config"`, evil: func(e *evil) {
		e.image(good(e.t), nil, nil)
		e.tag.kind = types.OCIImageIndex
	}},
	{name: "layers twice", want: `it has "layers" twice`, evil: manifest(func(p *parts) {
		p.text = []byte(`{"schemaVersion":2,"config":{},"layers":[],"layers":[]}`)
	})},
	{name: "layers and LAYERS", want: `it has "LAYERS" and "layers"`, evil: manifest(func(p *parts) {
		p.text = []byte(`{"schemaVersion":2,"config":{},"layers":[],"LAYERS":[]}`)
	})},
	{name: "two manifests, one behind the other", want: "no JSON", evil: manifest(func(p *parts) {
		p.text = []byte(`{"schemaVersion":2,"config":{},"layers":[]}{"schemaVersion":2}`)
	})},
	{name: "brackets", want: "nested deeper than 64", evil: manifest(func(p *parts) {
		p.text = []byte(`{"schemaVersion":2,"x":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + "}")
	})},
	{name: "more brackets", want: "no JSON", evil: manifest(func(p *parts) { p.text = bytes.Repeat([]byte("["), 4<<20) })},
	{name: "no manifest", want: "no JSON", evil: manifest(func(p *parts) { p.text = []byte("<html>") })},
	{name: "null", want: "schema version 0", evil: manifest(func(p *parts) { p.text = []byte("null") })},
	{name: "a thousand layers", want: "1000 layers, more than 500", evil: manifest(func(p *parts) {
		layers := []any{}
		for range 1000 {
			layers = append(layers, p.layer)
		}
		p.manifest["layers"] = layers
	})},

	// Configurations.
	{name: "more diff ids than layers", want: "it has 1 layers, and 2 according to its configuration", evil: config(func(p *parts) {
		p.config["rootfs"] = object{"diff_ids": []string{digestOf(p.plain), digestOf(p.plain)}}
	})},
	{name: "fewer diff ids than layers", want: "it has 1 layers, and 0 according to its configuration", evil: config(func(p *parts) { delete(p.config, "rootfs") })},
	{name: "another system's", want: "it is for windows", evil: config(func(p *parts) { p.config["os"] = "windows" })},
	{name: "a configuration with a name twice", want: `it has "rootfs" twice`, evil: config(func(p *parts) {
		p.configText = fmt.Appendf(nil, `{"os":"linux","rootfs":{"diff_ids":[]},"rootfs":{"diff_ids":[%q]}}`, digestOf(p.plain))
	})},
	{name: "a configuration of another type", want: "cannot unmarshal", evil: config(func(p *parts) { p.configText = []byte(`{"rootfs":7}`) })},
	{name: "a configuration of brackets", want: "nested deeper than 64", evil: config(func(p *parts) {
		p.configText = []byte(`{"history":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "}")
	})},

	// Errors.
	{name: "an error each time", want: "500 Internal Server Error", evil: func(e *evil) {
		e.answer = func(w http.ResponseWriter, _ *http.Request) {
			if e.asked.Load() > 30 {
				e.t.Error("it was asked more than 30 times")
			}
			w.WriteHeader(http.StatusInternalServerError)
		}
	}},
	{name: "redirects without end", want: "stopped after 10 redirects", evil: func(e *evil) {
		e.on("/manifests/", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) })
	}},
	{name: "a redirect to a file", want: "file", evil: func(e *evil) {
		e.on("/manifests/", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(http.StatusFound)
		})
	}},
	{name: "a layer that is not there", want: "404", evil: func(e *evil) {
		e.image(good(e.t), nil, func(p *parts) { delete(e.objects, p.layer["digest"].(string)) })
	}},
}

// TestSecurityRegistry has each attack made on a pull.
func TestSecurityRegistry(t *testing.T) {
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			o, s, e := options(t), newStore(t), newEvil(t)
			o.pause = time.Millisecond
			adapted := o
			if a.adapt != nil {
				a.adapt(&adapted)
			}
			a.evil(e)
			_, err := add(t, s, e.ref(), adapted)
			if err == nil || !strings.Contains(err.Error(), a.want) {
				t.Fatalf("got %v, want %s", err, a.want)
			}
			if len(err.Error()) > 4096 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
			unharmed(t, s)
			recovers(t, s, e, o)
		})
	}
}

// hurry is for registries that send next to nothing.
func hurry(o *Options) { o.Patience = 200 * time.Millisecond }

// drip sends a byte, and waits, for long.
func drip(w http.ResponseWriter, _ *http.Request) {
	for range 1000 {
		if _, err := w.Write([]byte("{")); err != nil {
			return
		}
		w.(http.Flusher).Flush()
		time.Sleep(20 * time.Millisecond)
	}
}

// bomb serves an image whose layer is a tar that is never held whole.
func (e *evil) bomb(write func(*tar.Writer) error) {
	e.t.Helper()
	var blob bytes.Buffer
	z := gzip.NewWriter(&blob)
	w := tar.NewWriter(z)
	if err := write(w); err != nil {
		e.t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		e.t.Fatal(err)
	}
	e.image(good(e.t), nil, func(p *parts) { p.manifest["layers"] = []any{e.put(types.OCILayer, blob.Bytes())} })
}
