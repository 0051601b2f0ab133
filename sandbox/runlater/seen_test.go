package runlater

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestSeen writes to guarded files through mappings that Renew does not know of, where that
// changes no time, and renews what is the same.
func TestSeen(t *testing.T) {
	for _, tt := range []struct {
		name, file, before, after string
		renewed                   string // what Renew says, or nothing
		found                     int
	}{
		{"instructions", "CLAUDE.md", "a b c\n", "x y z\n", "", 1},
		{"a configuration", ".git/config", "[user]\n\tname = a\n#xxxxxx\n", "[core]\n\tfsmonitor = x\n", "git obeys core.fsmonitor in it", 1},
		{"the same", "CLAUDE.md", "a b c\n", "a b c\n", "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, err := os.MkdirTemp("/dev/shm", "sbx-test")
			if err != nil {
				skip(t, err)
			}
			defer os.RemoveAll(dir)
			path := filepath.Join(dir, tt.file)
			for name, text := range map[string]string{".git/HEAD": "ref: refs/heads/main\n", ".git/objects/x": "", ".git/refs/x": "", tt.file: "old\n"} {
				if name == ".git/config" {
					text = ""
				}
				put(t, filepath.Join(dir, name), text)
			}
			g, err := findIn(dir)
			must(t, err)
			put(t, path+".new", tt.before)
			must(t, os.Rename(path+".new", path))
			page := mapShared(t, path)
			if bad := g.Renew(path, Hosts); bad != "" || !g.Same(path) {
				t.Fatalf("it is not renewed: %q", bad)
			}
			copy(page, tt.after)
			if same := tt.before == tt.after; g.Same(path) != same {
				t.Errorf("the same: %t", !same)
			}
			if bad := g.Renew(path, Perhaps); bad != tt.renewed {
				t.Errorf("said %q, want %q", bad, tt.renewed)
			}
			r, err := g.Check()
			if err != nil || len(r.Findings) != tt.found {
				t.Errorf("found %v, %v", r.Findings, err)
			}
		})
	}
}

// mapShared maps a file and reads a page, so that the first write to it makes no fault.
func mapShared(t *testing.T, path string) []byte {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	defer f.Close()
	page, err := unix.Mmap(int(f.Fd()), 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	must(t, err)
	t.Cleanup(func() { _ = unix.Munmap(page) })
	copy(page, []byte{page[0]})
	return page
}

// TestRenewStill replaces a file while it is read.
func TestRenewStill(t *testing.T) {
	for still, found := range map[bool]int{true: 0, false: 1} {
		dir, config := configured(t)
		g, err := findIn(dir)
		must(t, err)
		put(t, config, badConfig)
		if bad := g.RenewStill(config, Hosts, func() bool { return still }); bad != "" {
			t.Errorf("%t: %q", still, bad)
		}
		if r, err := g.Check(); err != nil || len(r.Findings) != found {
			t.Errorf("%t: %+v, %v", still, r.Findings, err)
		}
	}
}

// TestDoubt reports a file that says what it said.
func TestDoubt(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "CLAUDE.md")
	put(t, path, "a\n")
	g, err := findIn(dir)
	must(t, err)
	g.Doubt(path)
	if r, err := g.Check(); err != nil || len(r.Findings) != 1 || r.Findings[0].Why != writerWhy {
		t.Errorf("found %v, %v", r.Findings, err)
	}
}
