package runlater

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkFind is what every start pays: with nothing to find, and with a
// repository.
func BenchmarkFind(b *testing.B) {
	dir := b.TempDir()
	for i := range 20 {
		if err := os.Mkdir(filepath.Join(dir, fmt.Sprint("package", i)), 0o755); err != nil {
			b.Fatal(err)
		}
	}
	measure := func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := findIn(dir); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("nothing", measure)
	if err := os.MkdirAll(filepath.Join(dir, ".git/hooks"), 0o755); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".git/config"), []byte("[core]\n\tbare = false\n"), 0o644); err != nil {
		b.Fatal(err)
	}
	b.Run("git", measure)
}

// BenchmarkCheck is what every end pays: 300,000 files in 300 directories.
func BenchmarkCheck(b *testing.B) {
	dir := b.TempDir()
	for i := range 300 {
		sub := filepath.Join(dir, fmt.Sprint("package", i))
		if err := os.Mkdir(sub, 0o755); err != nil {
			b.Fatal(err)
		}
		for j := range 1000 {
			f, err := os.Create(fmt.Sprintf("%s/file%d.js", sub, j))
			if err != nil {
				b.Fatal(err)
			}
			f.Close()
		}
	}
	g, err := findIn(dir)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if r, err := g.Check(); err != nil || len(r.Findings) > 0 {
			b.Fatal(r, err)
		}
	}
}
