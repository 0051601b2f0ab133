package egress_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// greeting is what each server of the allowed name has to say, in whatever way it says it.
const greeting = "this is good.example.com"

// A site is what the web servers of a test have: files, and what is served otherwise.
type site struct {
	t   *testing.T
	dir string
	mux *http.ServeMux
}

func newSite(t *testing.T) *site {
	s := &site{t: t, dir: t.TempDir(), mux: http.NewServeMux()}
	s.mux.Handle("/", http.FileServer(http.Dir(s.dir)))
	s.mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "this is %s\n", r.Host) })
	return s
}

// put makes a file.
func (s *site) put(path string, text []byte) {
	s.t.Helper()
	path = filepath.Join(s.dir, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// serve serves the site with TLS and without, and gives the servers' addresses.
func (s *site) serve(certificate tls.Certificate) (plain, secure string) {
	p, q := httptest.NewServer(s.mux), httptest.NewUnstartedServer(s.mux)
	q.TLS, q.EnableHTTP2 = &tls.Config{Certificates: []tls.Certificate{certificate}}, true
	q.Config.ErrorLog = log.New(io.Discard, "", 0)
	q.StartTLS()
	s.t.Cleanup(func() { p.Close(); q.Close() })
	return p.Listener.Addr().String(), q.Listener.Addr().String()
}

// names are the files of an archive, in an order that is the same each time.
func names(files map[string]string) (names []string) {
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// tarred is a tar of files, compressed.
func (s *site) tarred(files map[string]string) []byte {
	s.t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, name := range names(files) {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name]))}); err != nil {
			s.t.Fatal(err)
		}
		if _, err := io.WriteString(w, files[name]); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		s.t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		s.t.Fatal(err)
	}
	return b.Bytes()
}

// zipped is a zip of files.
func (s *site) zipped(files map[string]string) []byte {
	s.t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range names(files) {
		f, err := w.Create(name)
		if err != nil {
			s.t.Fatal(err)
		}
		if _, err := io.WriteString(f, files[name]); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		s.t.Fatal(err)
	}
	return b.Bytes()
}
