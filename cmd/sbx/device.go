package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/sandbox"
)

// device reads PATH[:DST][:ro|rw], or docker's r, rw and rwm for the last part. No sandbox makes
// device nodes, so that m means nothing.
func device(d string) (specs.Mount, error) {
	parts := strings.Split(d, ":")
	mode := "rw"
	if last := parts[len(parts)-1]; len(parts) > 1 && slices.Contains([]string{"ro", "r", "rw", "rwm"}, last) {
		mode, parts = last, parts[:len(parts)-1]
	}
	destination := ""
	if len(parts) == 2 {
		destination = parts[1]
	}
	if len(parts) > 2 || parts[0] == "" || len(parts) == 2 && !filepath.IsAbs(destination) {
		return specs.Mount{}, fmt.Errorf("device %q: want PATH[:DST][:ro|rw]", d)
	}
	path, err := filepath.Abs(parts[0])
	if err != nil {
		return specs.Mount{}, err
	}
	return sandbox.Device(path, destination, mode == "ro" || mode == "r")
}
