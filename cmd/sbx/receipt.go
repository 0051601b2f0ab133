package main

import (
	"bytes"
	"fmt"
	"os"
	"time"

	"github.com/sbxrun/sbx/profiles/hosts"
	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/hint"
	"github.com/sbxrun/sbx/sandbox/outfile"
)

// A receiptFile is where what was enforced is written when the command has ended: a file,
// or a stream. Its directory is opened before: by then its path may lead elsewhere.
type receiptFile struct {
	file   *outfile.File
	stream *os.File
}

// openReceipt gives none for an empty path.
func openReceipt(path string, s sandbox.Spec) (*receiptFile, error) {
	if path == "" {
		return nil, nil
	}
	if stream, err := outStream("--receipt", path); stream != nil || err != nil {
		return &receiptFile{stream: stream}, err
	}
	f, err := outfile.Open(path, s.WritableOutside()...)
	if err != nil {
		return nil, fmt.Errorf("--receipt: %w", err)
	}
	return &receiptFile{file: f}, nil
}

func (r *receiptFile) close() {
	if r != nil && r.file != nil {
		r.file.Close()
	}
	if r != nil && r.stream != nil {
		r.stream.Close()
	}
}

// write writes it. A file is written aside and renamed, so that it is whole or not there.
func (r *receiptFile) write(what sandbox.Receipt, sets []hosts.Host, code int, failed error) error {
	what.Seconds = time.Since(what.Started).Seconds()
	what.Exit = code
	if failed != nil && code >= exitTimeout && code <= exitNotFound {
		what.Error = failed.Error()
	}
	all := struct {
		Sbx string `json:"sbx"`
		sandbox.Receipt
		HostSets []hosts.Host `json:"hostSets,omitempty"`
	}{version, what, sets}
	if r.file == nil {
		var b bytes.Buffer
		if err := hint.WriteJSON(&b, all); err != nil {
			return err
		}
		return writeAll(int(r.stream.Fd()), b.String()) // which the command may have had too
	}
	err := r.file.Write(func(f *os.File) error { return hint.WriteJSON(f, all) })
	if err != nil {
		return fmt.Errorf("--receipt: %w", err)
	}
	return nil
}
