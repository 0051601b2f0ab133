package runlater

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/mounttable"
)

// skip skips a test that misses something, unless all must work.
func skip(t *testing.T, why any) {
	t.Helper()
	if os.Getenv("SBX_MUST_WORK") == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// needGit skips without git, or fails where it must be there.
func needGit(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		skip(t, err)
	}
}

func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "protocol.file.allow=always"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// repository makes one with a commit.
func repository(t *testing.T, dir string) string {
	t.Helper()
	needGit(t)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	git(t, dir, "init", "-q", "-b", "main")
	write(t, dir, "README", "hello\n")
	git(t, dir, "add", "README")
	git(t, dir, "commit", "-q", "-m", "first")
	return dir
}

func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
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

func link(t *testing.T, to, path string) {
	t.Helper()
	if err := os.Symlink(to, path); err != nil {
		t.Fatal(err)
	}
}

// must is for what a test does on the way.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// afterTick waits until what is written has a later time than what was.
func afterTick() {
	for made := clock(unix.CLOCK_REALTIME); !made.before(clock(unix.CLOCK_REALTIME_COARSE)); {
		time.Sleep(time.Millisecond)
	}
}

func findIn(project string, trusted ...string) (Guard, error) {
	return Find(project, GitConfig{Files: trusted}, mounttable.Read)
}

// find waits for the tick in which the tree was made to be over: what is made in
// the tick of the start counts as the run's.
func find(t *testing.T, project string, trusted ...string) Guard {
	t.Helper()
	afterTick()
	g, err := findIn(project, trusted...)
	must(t, err)
	return g
}

func check(t *testing.T, g Guard, writable ...string) Report {
	t.Helper()
	r, err := g.Check(writable...)
	must(t, err)
	if len(r.Unseen) > 0 {
		t.Errorf("unseen: %v", r.Unseen)
	}
	return r
}

// binds are written as "ro path" and "rw path", below base.
func binds(in []Bind, base string) []string {
	var out []string
	for _, b := range in {
		mode := "rw "
		if b.ReadOnly {
			mode = "ro "
		}
		out = append(out, mode+strings.TrimPrefix(strings.TrimPrefix(b.Path, base), "/"))
	}
	return out
}

func found(r Report) []string {
	var out []string
	for _, f := range r.Findings {
		s := f.Path
		if f.What == Doubtful {
			s += " (doubtful)"
		}
		out = append(out, s)
	}
	slices.Sort(out)
	return out
}

func want(t *testing.T, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// snapshot is all that is in a directory, to see that nothing touched it.
func snapshot(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		b.WriteString(path + " " + info.Mode().String() + " " + info.ModTime().String() + "\n")
		return nil
	}))
	return b.String()
}
