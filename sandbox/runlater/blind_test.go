package runlater

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const runsConfig = "[core]\n\tbare = false\n\tfsmonitor = ./evil\n"

// repositoryParts makes what git takes for a repository.
func repositoryParts(t *testing.T, dir, config string) {
	t.Helper()
	for _, d := range []string{"objects", "refs"} {
		must(t, os.MkdirAll(filepath.Join(dir, d), 0o755))
	}
	write(t, dir, "HEAD", "ref: refs/heads/x\n")
	write(t, dir, "config", config)
}

// TestEveryDirectory: names and repositories count wherever the run can write, for
// a link may lead there.
func TestEveryDirectory(t *testing.T) {
	for _, at := range []string{
		".hg", ".hg/store", ".git/x", ".git/objects/aa", ".git/worktrees", ".git/worktrees/w", ".git/refs/heads", ".git/logs", ".git/info",
		"nested/.git/hooks/x", "nested/.git", "nested/.git/modules", "a/.hg/patches", ".jj/repo", ".sl",
	} {
		t.Run(at, func(t *testing.T) {
			dir := repository(t, tempDir(t))
			repository(t, filepath.Join(dir, "nested"))
			must(t, os.MkdirAll(filepath.Join(dir, ".hg"), 0o755))
			must(t, os.MkdirAll(filepath.Join(dir, ".git/worktrees"), 0o755))
			g := find(t, dir)
			write(t, dir, at+"/.envrc", "")
			write(t, dir, at+"/.vscode/tasks.json", "")
			repositoryParts(t, filepath.Join(dir, at, "deep/er"), runsConfig)
			r := check(t, g)
			got := strings.Join(found(r), "\n")
			if got == at && strings.HasSuffix(at, "modules") { // all of it is new
				return
			}
			for _, want := range []string{at + "/.envrc", at + "/.vscode", at + "/deep/er/config"} {
				if !strings.Contains("\n"+got+"\n", "\n"+want+"\n") {
					t.Errorf("no %s in %q", want, got)
				}
			}
		})
	}
}

// TestDirectoryIsRepository: a directory that git or Mercurial has for other things
// is a repository by what is in it.
func TestDirectoryIsRepository(t *testing.T) {
	for _, at := range []string{".hg", ".git/worktrees", "nested/.git/hooks", ".git/objects", ".hg/store", ".git/logs/refs"} {
		dir := repository(t, tempDir(t))
		repository(t, filepath.Join(dir, "nested"))
		must(t, os.MkdirAll(filepath.Join(dir, ".git/worktrees"), 0o755))
		must(t, os.MkdirAll(filepath.Join(dir, at), 0o755))
		g := find(t, dir)
		repositoryParts(t, filepath.Join(dir, at), runsConfig)
		if got := strings.Join(found(check(t, g)), "\n"); !strings.Contains(got, at+"/config") {
			t.Errorf("%s: %q", at, got)
		}
	}
}

func TestBranchesNamedLikeFiles(t *testing.T) {
	dir := repository(t, tempDir(t))
	g := find(t, dir)
	git(t, dir, "branch", "mise.toml")
	git(t, dir, "branch", "x/mise.toml/y")
	want(t, found(check(t, g)))
	write(t, dir, ".git/refs/heads/z/mise.toml", "[hooks]\nenter = 'evil'\n")
	write(t, dir, ".git/logs/refs/heads/mise.toml", "[hooks]\nenter = 'evil'\n")
	link(t, "../HEAD", filepath.Join(dir, ".git/refs/mise.toml"))
	want(t, found(check(t, g)), ".git/logs/refs/heads/mise.toml", ".git/refs/heads/z/mise.toml", ".git/refs/mise.toml")
}

func TestNestedTop(t *testing.T) {
	dir := tempDir(t)
	needGit(t)
	app := repository(t, filepath.Join(dir, "app"))
	write(t, app, "CLAUDE.md", "mine")
	write(t, app, "GEMINI.md", "mine")
	write(t, app, "lib/x", "")
	write(t, dir, "plain/x", "")
	must(t, os.MkdirAll(filepath.Join(dir, "hg/.hg"), 0o755))
	must(t, os.MkdirAll(filepath.Join(dir, "sl/.SL"), 0o755))
	write(t, dir, "jj/.jj/x", "")
	g := find(t, dir)
	for _, name := range []string{"app/CLAUDE.md", "app/lefthook.yml", "app/.ssh/config", "app/lib/AGENTS.md", "plain/CLAUDE.md", "hg/AGENTS.md", "sl/AGENTS.md", "jj/AGENTS.md"} {
		write(t, dir, name, "evil")
	}
	must(t, os.Chmod(filepath.Join(app, ".ssh/config"), 0o755|os.ModeSetuid))
	r := check(t, g)
	want(t, found(r), "app/.ssh", "app/CLAUDE.md", "app/lefthook.yml", "hg/AGENTS.md", "jj/AGENTS.md", "sl/AGENTS.md")
	if len(r.SetIDs) != 1 {
		t.Errorf("%v", r.SetIDs)
	}
}

// TestMovedIn: what is moved keeps its times, and its own directory does not.
func TestMovedIn(t *testing.T) {
	dir := tempDir(t)
	needGit(t)
	for _, name := range []string{"sub", "two", "quiet", "written", "clean"} {
		repository(t, filepath.Join(dir, name))
	}
	write(t, dir, "scripts/hooks/pre-commit", "")
	must(t, os.RemoveAll(filepath.Join(dir, "sub/.git/hooks")))
	write(t, dir, "quiet/.git/hooks/pre-push", "mine")
	write(t, dir, "written/.git/hooks/pre-push", "mine")
	for _, name := range []string{"data", "data2"} {
		repositoryParts(t, filepath.Join(dir, name+"/x"), runsConfig)
		write(t, dir, name+"/x/hooks/pre-commit", "")
		must(t, os.Remove(filepath.Join(dir, name+"/x/HEAD")))
		write(t, dir, name+"/x/HEAD", "ref: refs/heads/x\n")
		must(t, os.MkdirAll(filepath.Join(dir, name+"-to"), 0o755))
	}
	write(t, dir, "shelf/hgrc", "[hooks]\n")
	must(t, os.MkdirAll(filepath.Join(dir, "hg"), 0o755))
	g := find(t, dir)
	want(t, found(check(t, g)))
	must(t, os.Rename(filepath.Join(dir, "scripts/hooks"), filepath.Join(dir, "sub/.git/hooks")))
	must(t, os.Rename(filepath.Join(dir, "data/x"), filepath.Join(dir, "data-to/.git")))
	must(t, os.Rename(filepath.Join(dir, "data2/x"), filepath.Join(dir, "data2-to/.git")))
	must(t, os.Rename(filepath.Join(dir, "shelf"), filepath.Join(dir, "hg/.hg")))
	write(t, dir, "data2-to/.git/new", "")
	write(t, dir, "clean/.git/new", "")
	write(t, dir, "clean/new", "")
	write(t, dir, "quiet/.git/new", "")
	want(t, found(check(t, g)), "data-to/.git/config", "data-to/.git/hooks/pre-commit", "data2-to/.git (doubtful)", "hg/.hg/hgrc", "sub/.git/hooks/pre-commit")
}

func TestLinksIntoPrivate(t *testing.T) {
	base := tempDir(t)
	dir, cache := filepath.Join(base, "project"), filepath.Join(base, "cache/sbx/kept")
	write(t, cache, "x/.envrc", "")
	write(t, dir, "x", "")
	link(t, cache, filepath.Join(dir, "old"))
	link(t, "../cache", filepath.Join(dir, "outer"))
	link(t, "/usr", filepath.Join(dir, "usr"))
	g := find(t, dir)
	g.Private = []string{cache}
	link(t, "/proc/self/cwd/../mine", filepath.Join(dir, "cwd-mine"))
	afterTick()
	g.began = now()
	want(t, found(check(t, g)), "old (doubtful)")
	link(t, "/proc/self/cwd/../cache", filepath.Join(dir, "cwd"))
	link(t, "/dev/fd/3/x", filepath.Join(dir, "fd"))
	link(t, "/proc/self/mounts", filepath.Join(dir, "mtab"))
	link(t, "/proc/self/fd/1", filepath.Join(dir, "stdout"))
	link(t, cache+"/x", filepath.Join(dir, "src"))
	link(t, "outer/sbx/kept/x", filepath.Join(dir, "chain"))
	must(t, os.Mkdir(filepath.Join(dir, "deep"), 0o755))
	link(t, "../../cache/./sbx//kept", filepath.Join(dir, "deep/up"))
	link(t, "../cache/sbx", filepath.Join(dir, "near"))
	link(t, "loop", filepath.Join(dir, "loop"))
	want(t, found(check(t, g)), "chain", "cwd", "deep/up", "fd", "old (doubtful)", "src")
}

func TestGone(t *testing.T) {
	dir := repository(t, tempDir(t))
	write(t, dir, "CLAUDE.md", "")
	write(t, dir, ".envrc", "")
	g := find(t, dir)
	must(t, os.Rename(filepath.Join(dir, "CLAUDE.md"), filepath.Join(dir, "x")))
	must(t, os.Rename(filepath.Join(dir, ".git"), filepath.Join(dir, "y")))
	r := check(t, g)
	var gone []string
	for _, f := range r.Findings {
		if f.What == Gone {
			gone = append(gone, f.Path)
		}
	}
	want(t, gone, ".git", "CLAUDE.md")
	if _, err := r.Quarantine(tempDir(t)); err != nil {
		t.Error(err)
	}
	if err := unix.Access(filepath.Join(dir, "x"), unix.F_OK); err != nil {
		t.Error(err)
	}
}
