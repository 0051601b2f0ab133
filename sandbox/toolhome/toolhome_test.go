package toolhome

import (
	"testing"

	"github.com/sbxrun/sbx/sandbox/secrets"
)

func TestShows(t *testing.T) {
	for path, want := range map[string]Answer{
		".cargo": Part, ".cargo/bin": All, ".cargo/bin/rustc": All, ".cargo/credentials.toml": Nothing, ".cargo/bin2": Nothing,
		".m2": Part, ".m2/repository/x/y": All, ".m2/settings.xml": Nothing, ".m2-x": Nothing, ".m": Nothing,
		"go": Part, "go/bin": All, "gopher": Nothing, "Documents": Nothing, "projects": Nothing, "": Nothing,
		".local": Part, ".local/share": Part, ".local/share/mise": All, ".local/share/keyrings": Nothing, ".zshrc": Nothing, ".env": Nothing,
	} {
		if got := Shows(path); got != want {
			t.Errorf("%q: %d, want %d", path, got, want)
		}
	}
}

// TestNoSecrets: no path of the list is a place of secrets, or in one.
func TestNoSecrets(t *testing.T) {
	for _, name := range Paths() {
		if place := secrets.PlaceAbove(name); place != "" {
			t.Errorf("%s is shown, and %s is a place of secrets", name, place)
		}
	}
}
