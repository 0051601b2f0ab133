package main

import (
	"fmt"
	"os"

	"github.com/sbxrun/sbx/profiles"
	"github.com/sbxrun/sbx/sandbox"
)

// layer shows a cache of the host's. With a network the command will add to it what it
// downloads, which is kept for the project, and shown in every later run; without one the host's
// own is all there is, and read-only costs nothing.
func (f *runFlags) layer(s *sandbox.Spec, k profiles.Kept) error {
	hosts, _ := os.Stat(k.Path)
	if !f.networked() && !filled(k.Source) {
		if hosts == nil {
			return nil
		}
		return f.show(s, profiles.Item{Path: k.Path, Optional: true, From: k.From}, "ro")
	}
	if _, missing := os.Stat(k.Source); f.DryRun != "" && missing != nil { // a dry run makes nothing
		if hosts == nil {
			return nil
		}
		return f.show(s, profiles.Item{Path: k.Path, From: k.From}, "ro")
	}
	if f.DryRun == "" {
		if err := k.Make(); err != nil {
			return hinted{fmt.Errorf("%s: %w", k.From, err), "caches are kept in the home, which must be writable; or --no-profile"}
		}
	}
	f.origins[k.Path] = k.From.String()
	s.Kept = append(s.Kept, k.Source)
	if hosts == nil || !hosts.IsDir() {
		s.OCI.Mounts = append(s.OCI.Mounts, bind(k.Source, k.Path, "rw"))
		return nil
	}
	if !sandbox.Layerable(k.Path) || !sandbox.Layerable(k.Source) {
		return f.show(s, profiles.Item{Path: k.Path, From: k.From}, "ro")
	}
	s.Layered = append(s.Layered, sandbox.LayeredCache{Path: k.Path, Lower: []string{k.Path}, Upper: k.Source})
	return nil
}

// networked tells whether the command gets a network.
func (f *runFlags) networked() bool {
	return f.Net != "" && f.Net != "none" || len(f.Allow)+len(f.HostPort) > 0
}

// filled tells whether something is kept in a directory.
func filled(dir string) bool {
	d, err := os.Open(dir)
	if err != nil {
		return false
	}
	defer d.Close()
	names, _ := d.Readdirnames(1)
	return len(names) > 0
}
