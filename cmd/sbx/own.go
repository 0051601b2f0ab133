package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/sbxrun/sbx/profiles"
	"github.com/sbxrun/sbx/sandbox"
)

// addOwn names what is sbx's own: what the next sandbox is allowed is written there. It
// is named with any profile, and with none.
func addOwn(_ *runFlags, s *sandbox.Spec) error {
	home, err := os.UserHomeDir()
	if err != nil || !filepath.IsAbs(home) {
		return nil // without a home there is nothing of it
	}
	at := profiles.NewPlaces(home, home, os.Getenv)
	for _, dir := range at.Own() {
		s.Own = append(s.Own, sandbox.OwnPath{Path: dir, Hidden: dir == at.State()})
	}
	s.Own = append(s.Own, sandbox.OwnPath{Path: at.UserProfiles()})
	linked, err := at.LinkedProfiles()
	if err != nil {
		return fmt.Errorf("profiles: %w", err)
	}
	for _, file := range linked {
		s.Own = append(s.Own, sandbox.OwnPath{Path: file, File: true})
	}
	return nil
}
