package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sbxrun/sbx/profiles/hosts"
	"github.com/sbxrun/sbx/sandbox"
)

// writeReceipt writes what was enforced to a file, or to standard output where
// that is "-". The file is written aside and renamed, so that it is whole or not
// there; a link in its place is replaced and not followed, since the project may
// be where it is.
func writeReceipt(path string, r sandbox.Receipt, sets []hosts.Host, code int, failed error) error {
	r.Seconds = time.Since(r.Started).Seconds()
	r.Exit = code
	if failed != nil && code >= exitTimeout && code <= exitNotFound {
		r.Error = failed.Error()
	}
	b, err := json.MarshalIndent(struct {
		Sbx string `json:"sbx"`
		sandbox.Receipt
		HostSets []hosts.Host `json:"hostSets,omitempty"`
	}{version, r, sets}, "", "  ")
	if err != nil {
		return err
	}
	b = append(b, '\n')
	if path == "-" {
		_, err = os.Stdout.Write(b)
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".sbx-receipt-")
	if err != nil {
		return fmt.Errorf("--receipt: %w", err)
	}
	_, err = f.Write(b)
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("--receipt: %w", err)
	}
	return nil
}
