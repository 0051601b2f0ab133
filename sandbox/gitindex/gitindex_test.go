package gitindex

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "GIT_CONFIG_NOSYSTEM=1"}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %q: %v: %s", args, err, out)
	}
}

func needGit(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		if os.Getenv("SBX_MUST_WORK") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestTracked asks of real repositories, in every version of the index.
func TestTracked(t *testing.T) {
	needGit(t)
	for name, prepare := range map[string][][]string{
		"version 2": {{"init", "-q"}, {"config", "index.version", "2"}},
		"version 3": {{"init", "-q"}, {"config", "index.version", "3"}},
		"version 4": {{"init", "-q"}, {"config", "index.version", "4"}},
		"sha256":    {{"init", "-q", "--object-format=sha256"}},
		"no hash":   {{"init", "-q"}, {"config", "index.skipHash", "true"}},
		"split":     {{"init", "-q"}, {"config", "core.splitIndex", "true"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, args := range prepare {
				git(t, dir, args...)
			}
			for _, f := range []string{".env", "a/.env", "a/b/.env.production", "changed/.env", "staged/.env"} {
				write(t, dir, f, "X="+f)
			}
			for i := range 40 {
				write(t, dir, fmt.Sprintf("src/file%d", i), fmt.Sprint(i))
			}
			git(t, dir, "add", ".env", "a", "changed", "src")
			git(t, dir, "update-index", "--force-write-index")
			git(t, dir, "add", "staged")
			write(t, dir, "intent", "x")
			git(t, dir, "add", "-N", "intent") // extended flags
			write(t, dir, "changed/.env", "X=another secret")
			write(t, dir, "untracked/.env", "X=secret")
			git(t, dir, "update-index", "--add", "--cacheinfo", "100644,"+oid(t, dir, "src/file1")+",untracked/.env")
			if err := os.Symlink("../untracked/.env", filepath.Join(dir, "a/link")); err != nil {
				t.Fatal(err)
			}
			all := []string{".env", "a/.env", "a/b/.env.production", "changed/.env", "staged/.env", "untracked/.env", "a/link", "gone", "a"}
			var got []string
			for f := range Tracked(dir, all) {
				got = append(got, f)
			}
			slices.Sort(got)
			if want := []string{".env", "a/.env", "a/b/.env.production", "staged/.env"}; !slices.Equal(got, want) {
				t.Errorf("tracked %q, want %q", got, want)
			}
			if got := Tracked(filepath.Join(dir, "a"), []string{".env"}); !got[".env"] {
				t.Error("a directory of the repository is not known as one")
			}
		})
	}
}

// TestFiles compares the entries with what git says of them.
func TestFiles(t *testing.T) {
	needGit(t)
	for _, version := range []string{"2", "3", "4"} {
		dir := t.TempDir()
		git(t, dir, "init", "-q")
		git(t, dir, "config", "index.version", version)
		for _, name := range []string{"a", "a.b", "dir/one", "dir/other/x", "dir/other/xy", "z", strings.Repeat("long/", 40) + "er"} {
			write(t, dir, name, name)
		}
		git(t, dir, "add", ".")
		git(t, dir, "update-index", "--assume-unchanged", "dir/one")
		git(t, dir, "update-index", "--skip-worktree", "z")
		cmd := exec.Command("git", "ls-files", "-v", "--stage")
		cmd.Dir = dir
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		index, err := os.ReadFile(filepath.Join(dir, ".git/index"))
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		_, err = Files(index, 20, func(e File) {
			mark := "H"
			switch {
			case e.Unchanged:
				mark = "h"
			case e.Skipped:
				mark = "S"
			}
			fmt.Fprintf(&got, "%s %o %x 0\t%s\n", mark, e.Mode, e.Hash, e.Path)
		})
		if err != nil || got.String() != string(out) {
			t.Errorf("version %s: %v\n%s\nwant\n%s", version, err, got.String(), out)
		}
	}
}

func oid(t *testing.T, dir, file string) string {
	t.Helper()
	cmd := exec.Command("git", "hash-object", file)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out[:len(out)-1])
}

// TestTrackedBelow: a repository below another has an index of its own, and a worktree's
// is elsewhere.
func TestTrackedBelow(t *testing.T) {
	needGit(t)
	dir := t.TempDir()
	git(t, dir, "init", "-q")
	write(t, dir, "sub/.env", "X=of the outer one")
	git(t, dir, "add", "sub/.env")
	git(t, dir, "-c", "user.name=x", "-c", "user.email=x", "commit", "-qm", "x")
	git(t, dir, "worktree", "add", "-q", "tree")
	git(t, filepath.Join(dir, "sub"), "init", "-q")
	got := Tracked(dir, []string{"sub/.env", "tree/sub/.env"})
	if got["sub/.env"] || !got["tree/sub/.env"] {
		t.Errorf("tracked: %v", got)
	}
}

// TestUntracked: what is no repository tells nothing, whatever is there.
func TestUntracked(t *testing.T) {
	for _, index := range []string{"", "DIRC", "DIRC\x00\x00\x00\x02\xff\xff\xff\xff" + string(make([]byte, 200)), "gitdir: /dev/zero"} {
		dir := t.TempDir()
		write(t, dir, ".env", "X")
		write(t, dir, ".git/index", index)
		if got := Tracked(dir, []string{".env"}); len(got) > 0 {
			t.Errorf("index %.20q: tracked %v", index, got)
		}
	}
	dir := t.TempDir()
	write(t, dir, ".env", "X")
	write(t, dir, ".git", "gitdir: /dev")
	if got := Tracked(dir, []string{".env"}); len(got) > 0 {
		t.Errorf("tracked %v", got)
	}
}

func FuzzEntries(f *testing.F) {
	f.Add([]byte("DIRC\x00\x00\x00\x04\x00\x00\x00\x01"+string(make([]byte, 100))), 20)
	f.Add([]byte("DIRC\x00\x00\x00\x02\x00\x00\x00\x02"+string(make([]byte, 200))+"link\x00\x00\x00\x20"), 32)
	f.Fuzz(func(t *testing.T, index []byte, size int) {
		if size != 20 && size != 32 {
			return
		}
		n := 0
		base, err := Entries(index, size, func(h []byte) {
			if n++; len(h) != size {
				t.Fatalf("a hash of %d bytes", len(h))
			}
		})
		if n > len(index)/(40+size) {
			t.Fatalf("%d entries in %d bytes", n, len(index))
		}
		total := 0
		if _, err := Files(index, size, func(e File) { total += len(e.Path) }); err == nil && total > len(index)*len(index) {
			t.Fatalf("%d bytes of paths", total)
		}
		if err == nil && base != "" && len(base) != len("sharedindex.")+2*size {
			t.Fatalf("base %q", base)
		}
	})
}
