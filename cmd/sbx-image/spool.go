package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
)

// spool keeps standard input in a file that goes away, since archives are not read
// in order.
func spool(from io.Reader) (string, error) {
	f, err := os.CreateTemp("", "sbx-archive-")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(f, from)
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

// archiveKind tells the two kinds of archive apart by the files that they begin
// with.
func archiveKind(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	for t := tar.NewReader(f); ; {
		h, err := t.Next()
		if err != nil {
			return "", fmt.Errorf("standard input is no archive of an image")
		}
		switch path.Clean(h.Name) {
		case "oci-layout", "index.json":
			return "oci-archive:" + file, nil
		case "manifest.json", "repositories":
			return "docker-archive:" + file, nil
		}
	}
}
