package main

import (
	"context"
	"errors"
	"io"
	"os"
)

// spool keeps standard input in a file that goes away, since archives are not read
// in order.
func spool(ctx context.Context, from io.Reader) (string, error) {
	f, err := os.CreateTemp("", "sbx-archive-")
	if err != nil {
		return "", err
	}
	copied := make(chan error, 1)
	go func() {
		_, err := io.Copy(f, from)
		copied <- err
	}()
	select {
	case err = <-copied:
	case <-ctx.Done(): // reading a terminal comes to no end by it
		err = context.Cause(ctx)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}
