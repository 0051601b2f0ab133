package dotenv

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMemory(t *testing.T) {
	project, other := t.TempDir(), t.TempDir()
	m := Memory(filepath.Join(t.TempDir(), "state/secrets"))
	if got := m.Recall(project); got != nil {
		t.Errorf("recalled %v of nothing", got)
	}
	known := []Known{
		{Path: ".", Inode: 7, Shut: true}, {Path: "a b/.env", Inode: 1, Changed: -2},
		{Path: "odd\nname/\xff/.env", Inode: 1 << 63, Changed: 3}, {Path: "..env/x", Inode: 4, Changed: 5, Shown: true},
	}
	if err := m.Keep(project, known); err != nil {
		t.Fatal(err)
	}
	if got := m.Recall(project); !slices.Equal(got, known) {
		t.Errorf("recalled %v, want %v", got, known)
	}
	if got := m.Recall(other); got != nil {
		t.Errorf("recalled %v of another", got)
	}
	// Another directory at the same path.
	if err := os.Rename(project, project+".old"); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(project + ".old")
	if err := os.Mkdir(project, 0o755); err != nil {
		t.Fatal(err)
	}
	if got := m.Recall(project); got != nil {
		t.Errorf("recalled %v of what was there before", got)
	}
	if err := m.Keep(project, nil); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(string(m)); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
	if err := m.Keep(project, nil); err != nil {
		t.Error(err)
	}
}

// TestMemorySpoilt: paths that lead out, and what is no path, are left out.
func TestMemorySpoilt(t *testing.T) {
	project, m := t.TempDir(), Memory(t.TempDir())
	bad := []string{"/etc/passwd", "../x/.env", "a/../../.env", "a//.env", "..", ""}
	var known []Known
	for _, p := range bad {
		known = append(known, Known{Path: p})
	}
	if err := m.Keep(project, append(known, Known{Path: "a/.env"})); err != nil {
		t.Fatal(err)
	}
	if got := m.Recall(project); len(got) != 1 || got[0].Path != "a/.env" {
		t.Errorf("recalled %v", got)
	}
	for _, text := range []string{"", "x", "\x00\x00", strings.Repeat("x", memoryLimit+1)} {
		if err := os.WriteFile(m.file(project), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := m.Recall(project); got != nil {
			t.Errorf("recalled %v", got)
		}
	}
}

// TestMemoryBounded: what is too much is left out, and the oldest projects go.
func TestMemoryBounded(t *testing.T) {
	project, m := t.TempDir(), Memory(t.TempDir())
	var known []Known
	for i := range 100 {
		known = append(known, Known{Path: fmt.Sprint(i, strings.Repeat("/x", 500), "/.env")})
	}
	if err := m.Keep(project, known); err != nil {
		t.Fatal(err)
	}
	if got := m.Recall(project); len(got) == 0 || len(got) >= len(known) || got[0] != known[0] {
		t.Errorf("recalled %d", len(got))
	}
	for i := range memoryProjects + 10 {
		if err := os.WriteFile(filepath.Join(string(m), fmt.Sprint("x", i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		old := time.Now().Add(-time.Hour - time.Duration(i)*time.Minute)
		if err := os.Chtimes(filepath.Join(string(m), fmt.Sprint("x", i)), old, old); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Keep(project, known[:1]); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(string(m))
	if err != nil || len(left) > memoryProjects || len(m.Recall(project)) != 1 {
		t.Errorf("%d are left, %v", len(left), err)
	}
	if _, err := os.Stat(filepath.Join(string(m), "x0")); err != nil {
		t.Error("a newer one went", err)
	}
}

// TestFindKnown: what was a secret is looked at again wherever it is, through no link.
func TestFindKnown(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"vendor/a/.env": "", "vendor/a/server.pem": "-----BEGIN CERTIFICATE-----", "vendor/b/server.pem": "-----BEGIN PRIVATE KEY-----", "vendor/c/notes": "", "real/.env": "", "vendor/d/.env/x": ""} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"vendor/link": "../real", "vendor/a/.env.link": "/nowhere"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	got := Find(dir, nil, own, none, "vendor/a/.env", "vendor/a/server.pem", "vendor/b/server.pem", "vendor/c/notes", "vendor/link/.env", "vendor/gone/.env", "vendor/a/.env.link", "vendor/d/.env", "vendor/a/.env", "../x/.env")
	if want := []string{"vendor/a/.env", "vendor/b/server.pem", "vendor/a/.env.link"}; !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

func TestDeep(t *testing.T) {
	m := NewMatcher()
	for dir, want := range map[string]bool{"a/b": true, "src/site/deploy2": true, "node_modules/x": false, "a/vendor/b": false, ".cache/x": false, "a/.aws": true, ".claude/worktrees/y": true, ".ssh": true, ".hidden/a": true, ".git/x": false, "a/.venv/b": false, "bin/Debug/net8.0": false, "a/Release": true} {
		if got := Remembered(dir) && m.Deep(dir, ".env"); got != want {
			t.Errorf("%s: %v", dir, got)
		}
	}
	if m.Deep("a", "notes") || m.Deep("a/b", "credentials") || !m.Deep("a/.aws", "credentials") {
		t.Error("it does not go by the name")
	}
}

func BenchmarkRecall(b *testing.B) {
	project, m := b.TempDir(), Memory(b.TempDir())
	for _, n := range []int{0, 10} {
		var known []Known
		for i := range n {
			known = append(known, Known{Path: fmt.Sprint("src/site/deploy", i, "/.env"), Inode: 12345678, Changed: time.Now().UnixNano()})
		}
		if err := m.Keep(project, known); err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for range b.N {
				m.Recall(project)
			}
		})
	}
}

// TestMatcher: a few bytes rule out nothing that is a secret's.
func TestMatcher(t *testing.T) {
	m := NewMatcher()
	var names []string
	for _, rules := range [...][]rule{exact[:], prefixes[:], suffixes[:]} {
		for _, r := range rules {
			for _, n := range []string{r.key, r.key + r.rest, r.key + "x" + r.rest, "x" + r.key, strings.ToUpper(r.key)} {
				names = append(names, n, "."+n, "#"+n+"#", ".#"+n, "."+n+".swp", n+".~1~")
				for _, b := range backups {
					names = append(names, n+b)
				}
			}
		}
	}
	found := 0
	for _, dir := range []string{"a", ".aws", ".kube", ".docker", "config"} {
		for _, n := range names {
			secret, _ := Name(dir, n)
			if secret {
				found++
			}
			if m.Deep("x/"+dir, n) != secret {
				t.Errorf("%s/%s is a secret: %v", dir, n, secret)
			}
		}
	}
	if found < 1000 || m.mayBe("file12.js") {
		t.Errorf("%d secrets", found)
	}
}
