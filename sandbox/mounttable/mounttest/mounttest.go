// Package mounttest is for tests that compare the mounts of this machine before and after.
package mounttest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sbxrun/sbx/sandbox/mounttable"
)

// Mounts lists the host's mounts. Other packages' tests run at the same time and mount
// file systems in their own temporary directories, which are left out.
func Mounts(t testing.TB) string {
	t.Helper()
	table, err := mounttable.Read()
	if err != nil {
		t.Fatal(err)
	}
	test, _, _ := strings.Cut(t.Name(), "/")
	var lines []string
	for _, m := range table.Mounts {
		name, temporary := strings.CutPrefix(m.Point, filepath.Join(os.TempDir(), "Test"))
		if !temporary || strings.HasPrefix("Test"+name, test) {
			lines = append(lines, fmt.Sprint(m))
		}
	}
	return strings.Join(lines, "\n")
}
