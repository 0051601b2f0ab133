package main

import (
	"errors"
	"io"
	"os"
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
