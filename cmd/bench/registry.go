package main

import (
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// serveRegistry has a registry on the loopback, with its blobs in a directory, and
// gives its address. Blobs go out as fast as the kernel sends files.
func serveRegistry(dir string) (host string, err error) {
	if err := os.MkdirAll(filepath.Join(dir, "sha256"), 0o755); err != nil {
		return "", err
	}
	next := registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithBlobHandler(registry.NewDiskBlobHandler(dir)))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, digest, isBlob := strings.Cut(r.URL.Path, "/blobs/sha256:")
		if isBlob && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			w.Header().Set("Content-Type", "application/octet-stream")
			http.ServeFile(w, r, filepath.Join(dir, "sha256", filepath.Base(digest)))
			return
		}
		next.ServeHTTP(w, r)
	})}
	go func() { _ = server.Serve(l) }() // until the bench ends
	return l.Addr().String(), nil
}

// push gives the image's whole name.
func push(host, called string, img v1.Image) (string, error) {
	ref, err := name.ParseReference(host + "/" + called)
	if err != nil {
		return "", err
	}
	return ref.String(), remote.Write(ref, img)
}
