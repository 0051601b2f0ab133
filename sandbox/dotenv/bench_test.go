package dotenv

import "testing"

// BenchmarkName is of the names that a project has most: it is asked for each file.
func BenchmarkName(b *testing.B) {
	names := []string{"main.go", "index.test.tsx", "README.md", "package.json", "x86_64-linux.so", ".gitignore", "helper_test.py", "a1b2c3d4e5f6a7b8c9d0", "mod.rs", "index.d.ts", "LICENSE", "v1.proto"}
	b.ReportAllocs()
	for range b.N {
		for _, n := range names {
			Name("src", n)
		}
	}
}
