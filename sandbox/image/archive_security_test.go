package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sys/unix"
)

// A laid layout is of a good image, for a row to spoil.
type laid struct {
	t                                     *testing.T
	dir, outside                          string
	index, manifest, config, layer, blobs string // paths
	descriptor                            object // of the manifest
}

// lay writes a layout of a good image, and what must not be read or changed beside it.
func lay(t *testing.T) *laid {
	t.Helper()
	dir := t.TempDir()
	l := &laid{t: t, dir: dir + "/layout", outside: dir + "/outside", index: dir + "/layout/index.json", blobs: dir + "/layout/blobs/sha256"}
	if err := os.MkdirAll(l.blobs, 0o755); err != nil {
		t.Fatal(err)
	}
	l.write(l.outside, []byte("secret"))
	e := &evil{t: t, objects: map[string]given{}}
	l.descriptor = e.image(good(t), nil, nil)
	for digest, g := range e.objects {
		path := filepath.Join(l.blobs, strings.TrimPrefix(digest, "sha256:"))
		l.write(path, g.text)
		switch {
		case isLayer(g.text):
			l.layer = path
		case g.kind == types.OCIConfigJSON:
			l.config = path
		default:
			l.manifest = path
		}
	}
	l.write(l.dir+"/oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`))
	l.write(l.index, e.json(object{"schemaVersion": 2, "manifests": []any{l.descriptor}}))
	return l
}

func (l *laid) check(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *laid) write(path string, text []byte) {
	l.t.Helper()
	l.check(os.WriteFile(path, text, 0o644))
}

// link, fifo, huge and dirAt replace a file, or make it a hole of a terabyte.
func (l *laid) link(path, to string) { l.check(os.Remove(path)); l.check(os.Symlink(to, path)) }
func (l *laid) fifo(path string)     { l.check(os.Remove(path)); l.check(unix.Mkfifo(path, 0o644)) }
func (l *laid) huge(path string)     { l.check(os.Truncate(path, 1<<40)) }
func (l *laid) dirAt(path string)    { l.check(os.Remove(path)); l.check(os.Mkdir(path, 0o755)) }

// spoil changes a byte.
func (l *laid) spoil(path string) {
	b, err := os.ReadFile(path)
	l.check(err)
	b[len(b)/2] ^= 1
	l.write(path, b)
}

// TestSecurityLayout: an OCI layout is from anywhere, as an image of a registry is.
func TestSecurityLayout(t *testing.T) {
	for _, c := range []struct {
		name string
		evil func(l *laid)
		want string
	}{
		{"nothing", func(*laid) {}, ""},
		{"a link as index", func(l *laid) { l.link(l.index, l.outside) }, "is a link"},
		{"a link to what has no end as index", func(l *laid) { l.link(l.index, "/dev/zero") }, "is a link"},
		{"a pipe as index", func(l *laid) { l.fifo(l.index) }, "is no file"},
		{"a directory as index", func(l *laid) { l.dirAt(l.index) }, "is no file"},
		{"an index of a terabyte", func(l *laid) { l.huge(l.index) }, "more than 8388608 bytes"},
		{"an index that is none", func(l *laid) { l.write(l.index, []byte("{")) }, "no JSON"},
		{"an index in itself", func(l *laid) {
			l.write(l.index, []byte(`{"schemaVersion":2,"manifests":[{"mediaType":"`+string(types.OCIImageIndex)+`","size":1,"digest":"`+digestOf([]byte("x"))+`"}]}`))
			l.check(os.Symlink("../../index.json", filepath.Join(l.blobs, digestOf([]byte("x"))[7:])))
		}, "is a link"},
		{"a digest that leads out", func(l *laid) {
			l.write(l.index, []byte(`{"schemaVersion":2,"manifests":[{"mediaType":"`+string(types.OCIManifestSchema1)+`","size":6,"digest":"sha256:../../../outside"}]}`))
		}, "non-hex"},
		{"a link as directory of blobs", func(l *laid) {
			l.check(os.Rename(l.blobs, l.dir+"/../elsewhere"))
			l.check(os.Symlink("../../elsewhere", l.blobs))
		}, "is a link, or below one"},
		{"a link as manifest", func(l *laid) { l.link(l.manifest, l.outside) }, "is a link"},
		{"a pipe as manifest", func(l *laid) { l.fifo(l.manifest) }, "is no file"},
		{"a manifest of a terabyte", func(l *laid) { l.huge(l.manifest) }, "more than 8388608 bytes"},
		{"another manifest", func(l *laid) { l.spoil(l.manifest) }, "it is sha256:"},
		{"a longer manifest", func(l *laid) {
			b, err := os.ReadFile(l.manifest)
			l.check(err)
			l.write(l.manifest, append(b, ' '))
		}, "and its descriptor says"},
		{"a pipe as configuration", func(l *laid) { l.fifo(l.config) }, "is no file"},
		{"a link as configuration", func(l *laid) { l.link(l.config, l.outside) }, "is a link"},
		{"a configuration of a terabyte", func(l *laid) { l.huge(l.config) }, "more than 8388608 bytes"},
		{"another configuration", func(l *laid) { l.spoil(l.config) }, "it is sha256:"},
		{"a pipe as layer", func(l *laid) { l.fifo(l.layer) }, "is no file"},
		{"a link as layer", func(l *laid) { l.link(l.layer, l.outside) }, "is a link"},
		{"a device as layer", func(l *laid) { l.link(l.layer, "/dev/zero") }, "is a link"},
		{"a layer of a terabyte", func(l *laid) { l.huge(l.layer) }, "layer 1 of 1"},
		{"another layer", func(l *laid) { l.spoil(l.layer) }, "layer 1 of 1"},
		{"no layer", func(l *laid) { l.check(os.Remove(l.layer)) }, "no such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			refuses(t, func(l *laid) string {
				c.evil(l)
				return "oci:" + l.dir
			}, c.want)
		})
	}
}

// refuses brings what is made of a good layout, within a time that only waiting for
// somebody takes.
func refuses(t *testing.T, evil func(*laid) (source string), want string) {
	t.Helper()
	o, s, l := options(t), newStore(t), lay(t)
	source := evil(l)
	done := make(chan error, 1)
	go func() {
		_, err := add(t, s, source, o)
		done <- err
	}()
	select {
	case err := <-done:
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("got %v, want %s", err, want)
		}
	case <-time.After(time.Minute):
		t.Fatal("it waits")
	}
	if want != "" {
		unharmed(t, s)
	}
	if b, err := os.ReadFile(l.outside); err != nil || string(b) != "secret" {
		t.Errorf("outside is %q, %v", b, err)
	}
}

// entry is one of an archive.
type entry struct {
	tar.Header
	text []byte
}

func packed(l *laid, entries ...entry) string {
	l.t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		if e.Mode = 0o644; e.Typeflag == 0 {
			e.Typeflag = tar.TypeReg
		}
		if e.Size == 0 {
			e.Size = int64(len(e.text))
		}
		l.check(w.WriteHeader(&e.Header))
		_, err := w.Write(e.text)
		l.check(err)
	}
	l.check(w.Close())
	path := l.dir + ".tar"
	l.write(path, b.Bytes())
	return path
}

// whole are the entries of a layout.
func whole(l *laid) (all []entry) {
	for _, path := range []string{l.dir + "/oci-layout", l.index, l.manifest, l.config, l.layer} {
		b, err := os.ReadFile(path)
		l.check(err)
		name, err := filepath.Rel(l.dir, path)
		l.check(err)
		all = append(all, entry{tar.Header{Name: name}, b})
	}
	return all
}

// TestSecurityArchive: so is an archive of one.
func TestSecurityArchive(t *testing.T) {
	for _, c := range []struct {
		name string
		evil func(l *laid) []entry
		want string
	}{
		{"nothing", whole, ""},
		{"a blob twice", func(l *laid) []entry {
			all := whole(l)
			return append(all, entry{all[2].Header, bytes.ToUpper(all[2].text)})
		}, "file exists"},
		{"an index twice", func(l *laid) []entry { return append(whole(l), entry{tar.Header{Name: "./index.json"}, []byte("{}")}) }, "file exists"},
		{"names that lead out", func(l *laid) []entry {
			return append(whole(l), entry{tar.Header{Name: "../outside"}, []byte("evil")}, entry{tar.Header{Name: l.outside}, []byte("evil")},
				entry{tar.Header{Name: "blobs/sha256/../../../outside"}, []byte("evil")})
		}, ""},
		{"a link as manifest", func(l *laid) []entry {
			all := whole(l)
			all[2] = entry{tar.Header{Name: all[2].Name, Typeflag: tar.TypeSymlink, Linkname: l.outside}, nil}
			return all
		}, "no such file"},
		{"a link as directory of blobs", func(l *laid) []entry {
			return append([]entry{{tar.Header{Name: "blobs", Typeflag: tar.TypeSymlink, Linkname: filepath.Dir(l.outside)}, nil}}, whole(l)...)
		}, ""},
		{"a pipe as index", func(l *laid) []entry {
			all := whole(l)
			all[1] = entry{tar.Header{Name: "index.json", Typeflag: tar.TypeFifo}, nil}
			return all
		}, "no such file"},
		{"another manifest", func(l *laid) []entry {
			all := whole(l)
			all[2].text = bytes.ToUpper(all[2].text)
			return all
		}, "it is sha256:"},
		{"a cut archive", func(l *laid) []entry { return whole(l)[:3] }, "no such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			refuses(t, func(l *laid) string { return "oci-archive:" + packed(l, c.evil(l)...) }, c.want)
		})
	}
	t.Run("a file of a terabyte that is a hole", func(t *testing.T) {
		t.Parallel()
		refuses(t, func(l *laid) string {
			path := packed(l, whole(l)...)
			b, err := os.ReadFile(path)
			l.check(err)
			l.write(path, append(hole("blobs/sha256/"+strings.Repeat("ab", 32)), b...))
			return "oci-archive:" + path
		}, "larger than the archive")
	})
}

// hole is an entry of a terabyte of which nothing is in the archive (GNU tar manual,
// "PAX Format, Version 1.0").
func hole(name string) []byte {
	var pax strings.Builder
	for _, r := range []string{"GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.realsize=1099511627776", "GNU.sparse.name=" + name} {
		n := len(r) + 3
		for len(fmt.Sprintf("%d %s\n", n, r)) != n { // its own length is part of it
			n++
		}
		fmt.Fprintf(&pax, "%d %s\n", n, r)
	}
	return append(block("PaxHeaders/x", tar.TypeXHeader, pax.String()), block("GNUSparseFile/x", tar.TypeReg, "0\n"+strings.Repeat("\x00", 510))...)
}

// block is a header with its text, which the writer of Go would not write.
func block(name string, kind byte, text string) []byte {
	b := make([]byte, 512)
	copy(b, name)
	copy(b[100:], "0000644\x000000000\x000000000\x00")
	copy(b[124:], fmt.Sprintf("%011o\x0000000000000\x00        %c", len(text), kind))
	copy(b[257:], "ustar\x0000")
	sum := 0
	for _, c := range b {
		sum += int(c)
	}
	copy(b[148:], fmt.Sprintf("%06o\x00 ", sum))
	b = append(b, text...)
	return append(b, make([]byte, (512-len(text)%512)%512)...)
}

// docker are the entries of what docker saves: a list, a configuration and a layer.
func docker(l *laid, list object) []entry {
	all := whole(l)
	named := object{"Config": "config.json", "RepoTags": []string{"x:1"}, "Layers": []string{"one/layer.tar"}}
	for name, value := range list {
		named[name] = value
	}
	e := &evil{t: l.t}
	return []entry{{tar.Header{Name: "manifest.json"}, e.json([]any{named})}, {tar.Header{Name: "config.json"}, all[3].text}, {tar.Header{Name: "one/layer.tar"}, good(l.t)}}
}

// TestSecurityDockerArchive: and so is what docker saved.
func TestSecurityDockerArchive(t *testing.T) {
	for _, c := range []struct {
		name string
		evil func(l *laid) []entry
		want string
	}{
		{"nothing", func(l *laid) []entry { return docker(l, nil) }, ""},
		{"a layer that is a link, as in old ones", func(l *laid) []entry {
			all := docker(l, nil)
			all[2].Name = "two/layer.tar"
			return append(all, entry{tar.Header{Name: "one/layer.tar", Typeflag: tar.TypeSymlink, Linkname: "../two/layer.tar"}, nil})
		}, ""},
		{"a layer that leads out", func(l *laid) []entry { return docker(l, object{"Layers": []string{"../../../../../../" + l.outside}}) }, "not found in tar"},
		{"a layer that is a link out", func(l *laid) []entry {
			all := docker(l, nil)
			all[2] = entry{tar.Header{Name: "one/layer.tar", Typeflag: tar.TypeSymlink, Linkname: l.outside}, nil}
			return all
		}, "not found in tar"},
		{"a layer that is a link to itself", func(l *laid) []entry {
			all := docker(l, nil)
			all[2] = entry{tar.Header{Name: "one/layer.tar", Typeflag: tar.TypeSymlink, Linkname: "layer.tar"}, nil}
			return all
		}, "link cycle"},
		{"a layer that is a pipe", func(l *laid) []entry {
			all := docker(l, nil)
			all[2] = entry{tar.Header{Name: "one/layer.tar", Typeflag: tar.TypeFifo}, nil}
			return all
		}, "layer 1 of 1"},
		{"a configuration that leads out", func(l *laid) []entry { return docker(l, object{"Config": "../outside"}) }, "not found in tar"},
		{"a configuration that is a link", func(l *laid) []entry {
			return append(docker(l, object{"Config": "link"}), entry{tar.Header{Name: "link", Typeflag: tar.TypeSymlink, Linkname: "one/layer.tar"}, nil})
		}, "link is no file"},
		{"another layer", func(l *laid) []entry {
			all := docker(l, nil)
			all[2].text = tarOf(l.t, file{name: "evil", text: "evil"})
			return all
		}, "as the configuration says"},
		{"a layer from elsewhere", func(l *laid) []entry {
			d := digestOf(good(l.t))
			return docker(l, object{"LayerSources": object{d: object{"mediaType": types.DockerForeignLayer, "digest": d, "size": 7, "urls": []string{"https://other.test/"}}}})
		}, "is elsewhere"},
		{"a list of nine megabytes", func(l *laid) []entry { return docker(l, object{"x": strings.Repeat("x", 9<<20)}) }, "manifest.json has"},
		{"a configuration of nine megabytes", func(l *laid) []entry {
			all := docker(l, nil)
			all[1].text = append(all[1].text, bytes.Repeat([]byte(" "), 9<<20)...)
			return all
		}, "config.json has"},
		{"a list that is a link", func(l *laid) []entry {
			all := docker(l, nil)
			all[0].Name = "list"
			return append(all, entry{tar.Header{Name: "manifest.json", Typeflag: tar.TypeSymlink, Linkname: "list"}, nil})
		}, "manifest.json is no file"},
		{"a list that is none", func(l *laid) []entry {
			all := docker(l, nil)
			all[0].text = []byte(`{"Config":7}`)
			return all
		}, "cannot unmarshal"},
		{"an empty list", func(l *laid) []entry {
			all := docker(l, nil)
			all[0].text = []byte(`[]`)
			return all
		}, "only a single image"},
		{"null", func(l *laid) []entry {
			all := docker(l, nil)
			all[0].text = []byte(`null`)
			return all
		}, "no valid manifest.json"},
		{"no list", func(l *laid) []entry { return docker(l, nil)[1:] }, "no manifest.json"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			refuses(t, func(l *laid) string { return "docker-archive:" + packed(l, c.evil(l)...) }, c.want)
		})
	}
	t.Run("a list of a terabyte that is a hole", func(t *testing.T) {
		t.Parallel()
		refuses(t, func(l *laid) string {
			path := packed(l, docker(l, nil)...)
			b, err := os.ReadFile(path)
			l.check(err)
			l.write(path, append(hole("manifest.json"), b...))
			return "docker-archive:" + path
		}, "manifest.json has 1099511627776 bytes")
	})
}

// TestSecurityRootfs: a tar that is compressed is no larger than a layer may be.
func TestSecurityRootfs(t *testing.T) {
	o := options(t)
	o.MaxBytes, o.MaxEntries = 1000, 10
	large := tarOf(t, file{name: "zeros", text: strings.Repeat("\x00", 8<<20)}, file{name: "last", text: "x"})
	for name, content := range map[string][]byte{
		"a large file": large, "behind the end": append(good(t), make([]byte, 8<<20)...),
	} {
		path := filepath.Join(t.TempDir(), "tar.gz")
		if err := os.WriteFile(path, gzipped(t, content), 0o600); err != nil {
			t.Fatal(err)
		}
		s := newStore(t)
		from, err := ArchiveSource(path, o)
		if err == nil {
			_, err = Add(t.Context(), s, from, "docker.io/library/x:1", nil, o)
			unharmed(t, s)
		}
		if err == nil || !strings.Contains(err.Error(), "it is longer than") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
