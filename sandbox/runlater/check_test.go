package runlater

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestNested(t *testing.T) {
	dir := tempDir(t)
	write(t, dir, "old/.vscode/tasks.json", "{}")
	write(t, dir, "old/.vscode/deep/x", "{}")
	write(t, dir, "old/.idea/x", "{}")
	write(t, dir, "moved/.fleet/x", "")
	write(t, dir, "same/.envrc", "")
	g := find(t, dir)
	want(t, found(check(t, g)))
	write(t, dir, "old/.vscode/deep/x", "{evil}")
	write(t, dir, "old/.idea/new", "{}")
	write(t, dir, "a/b/.envrc", "")
	write(t, dir, "a/.claude/settings.json", "")
	write(t, dir, "a/AGENTS.md", "")
	write(t, dir, "etc/skel/.bashrc", "")
	write(t, dir, "CLAUDE.md", "")
	write(t, dir, ".Husky/x", "")
	write(t, dir, "a/.hg/hgrc", "")
	write(t, dir, "a/.hg/store/x", "")
	link(t, "/etc", filepath.Join(dir, "a/.cursor"))
	must(t, os.Rename(filepath.Join(dir, "moved/.fleet"), filepath.Join(dir, "a/.fleet")))
	must(t, unix.Mkfifo(filepath.Join(dir, "a/.exrc"), 0o600))
	write(t, dir, "odd \n\xff\x1b[2J/.gdbinit", "")
	want(t, found(check(t, g)), ".Husky", "CLAUDE.md", "a/.claude", "a/.cursor", "a/.exrc", "a/.fleet", "a/.hg/hgrc", "a/AGENTS.md", "a/b/.envrc",
		"odd \n\xff\x1b[2J/.gdbinit", "old/.idea", "old/.vscode/deep/x")
}

func TestNewRepositories(t *testing.T) {
	dir := tempDir(t)
	needGit(t)
	old := repository(t, filepath.Join(dir, "old"))
	git(t, old, "config", "alias.x", "!mine")
	parts := repository(t, filepath.Join(dir, "parts"))
	git(t, parts, "config", "core.fsmonitor", "./evil")
	must(t, os.Rename(filepath.Join(parts, ".git"), filepath.Join(parts, "data")))
	must(t, os.Rename(filepath.Join(parts, "data/HEAD"), filepath.Join(parts, "data/head-")))
	g := find(t, dir)
	want(t, found(check(t, g)))

	repository(t, dir)
	good := repository(t, filepath.Join(dir, "good"))
	git(t, good, "remote", "add", "origin", "https://example.org/x.git")
	git(t, good, "worktree", "add", "-q", "../wt")
	git(t, dir, "clone", "-q", "good", "clone")
	git(t, dir, "clone", "-q", "--bare", "good", "bare")
	write(t, old, "x", "")
	git(t, old, "add", "x")
	git(t, old, "commit", "-q", "-m", "x")
	want(t, found(check(t, g)), "old/.git (doubtful)") // a directory that was moved there looks no different

	git(t, old, "checkout", "-q", "-b", "other")
	git(t, good, "config", "core.hooksPath", "evil")
	git(t, filepath.Join(dir, "bare"), "config", "core.pager", "evil")
	link(t, "/", filepath.Join(dir, "home"))
	for name, to := range map[string]string{"w1": "../../home", "w2": "../../..", "w3": "/", "w4": "../../good", "w5": "../..", "w6": "../../later"} {
		write(t, dir, name+"/.git/config", "[core]\nworktree="+to+"\n")
	}
	write(t, dir, "clone/.git/hooks/pre-commit", "")
	write(t, dir, "clone/.git/config.worktree", "junk")
	write(t, dir, "linked/HEAD", "ref: refs/heads/main\n")
	write(t, dir, "linked/commondir", "../parts/data\n")
	must(t, os.Rename(filepath.Join(parts, "data/head-"), filepath.Join(parts, "data/HEAD")))
	want(t, found(check(t, g)), "bare/config", "clone/.git/config.worktree", "clone/.git/hooks/pre-commit", "good/.git/config",
		"linked/commondir", "old/.git/config (doubtful)", "parts/data/config", "w1/.git/config", "w2/.git/config", "w3/.git/config", "wt/.git")
}

func TestSetID(t *testing.T) {
	dir, outside := tempDir(t), tempDir(t)
	for _, n := range []string{"old", "user", "group", "unreadable"} {
		write(t, dir, n, "")
	}
	write(t, outside, "store", "")
	must(t, os.Link(filepath.Join(outside, "store"), filepath.Join(dir, "linked")))
	write(t, outside, "target", "")
	link(t, filepath.Join(outside, "target"), filepath.Join(dir, "link"))
	must(t, os.Chmod(filepath.Join(dir, "old"), 0o755|os.ModeSetuid))
	must(t, os.Chmod(filepath.Join(outside, "target"), 0o755|os.ModeSetuid))
	g := find(t, dir)
	must(t, os.Chmod(filepath.Join(dir, "user"), 0o755|os.ModeSetuid))
	must(t, os.Chmod(filepath.Join(dir, "group"), 0o755|os.ModeSetgid))
	must(t, os.Chmod(filepath.Join(dir, "unreadable"), os.ModeSetuid|0o001))
	must(t, os.Chmod(filepath.Join(dir, "linked"), 0o755|os.ModeSetuid))
	must(t, os.Mkdir(filepath.Join(dir, "d"), 0o755))
	must(t, os.Chmod(filepath.Join(dir, "d"), 0o755|os.ModeSetgid))
	// The same in a directory of findings and in one that is closed.
	write(t, dir, ".vscode/x", "")
	must(t, os.Chmod(filepath.Join(dir, ".vscode/x"), 0o755|os.ModeSetuid))
	write(t, dir, "closed/x", "")
	write(t, dir, "closed/.envrc", "")
	must(t, os.Chmod(filepath.Join(dir, "closed/x"), 0o755|os.ModeSetuid))
	must(t, os.Chmod(filepath.Join(dir, "closed"), 0))
	write(t, dir, "half/sub/.envrc", "")
	must(t, os.Chmod(filepath.Join(dir, "half"), 0o400))
	r := check(t, g)
	want(t, found(r), ".vscode", "closed/.envrc", "half/sub/.envrc")
	if len(r.SetIDs) != 6 {
		t.Errorf("%+v", r.SetIDs)
	}
	for path, mode := range map[string]os.FileMode{
		"user": 0o755, "group": 0o755, "unreadable": 0o001, "linked": 0o755, "old": 0o755 | os.ModeSetuid,
		"d": 0o755 | os.ModeSetgid | os.ModeDir, ".vscode/x": 0o755, "closed/x": 0o755,
	} {
		if info, err := os.Lstat(filepath.Join(dir, path)); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v %v", path, info, err)
		}
	}
	if info, err := os.Stat(filepath.Join(outside, "target")); err != nil || info.Mode()&os.ModeSetuid == 0 {
		t.Error("a link was followed")
	}
	if _, err := r.Quarantine(filepath.Join(outside, "state")); err != nil {
		t.Error(err)
	}
	want(t, found(check(t, g)))
}

// TestSetIDOfRoots: of a directory that was walked only what the run set is taken off.
func TestSetIDOfRoots(t *testing.T) {
	const setgid, all = 0o755 | os.ModeSetgid, 0o777 | os.ModeSetuid | os.ModeSetgid | os.ModeSticky
	for _, tt := range []struct{ before, after, want os.FileMode }{
		{0o755, all, 0o777 | os.ModeSticky}, {setgid, setgid, setgid}, {setgid, all, 0o777 | os.ModeSetgid | os.ModeSticky}, {0o755, 0o700, 0o700},
	} {
		dir, other := tempDir(t), tempDir(t)
		must(t, os.Chmod(dir, tt.before))
		must(t, os.Chmod(other, tt.before))
		g := find(t, dir)
		must(t, g.Record(other))
		must(t, os.Chmod(dir, tt.after))
		must(t, os.Chmod(other, tt.after))
		r := check(t, g)
		if cleared := tt.after != tt.want; (len(r.SetIDs) == 2) != cleared || (len(r.SetIDs) == 0) == cleared {
			t.Errorf("%v to %v: %+v", tt.before, tt.after, r.SetIDs)
		}
		for _, d := range []string{dir, other} {
			if info, err := os.Stat(d); err != nil || info.Mode() != tt.want|os.ModeDir {
				t.Errorf("%v to %v: %v, %v", tt.before, tt.after, info.Mode(), err)
			}
		}
	}
}

// TestDeep: deeper than any path and than the descriptors that are held.
func TestDeep(t *testing.T) {
	dir := tempDir(t)
	g := find(t, dir)
	fd, err := openRoot(dir)
	must(t, err)
	const levels = 5000
	for range levels {
		must(t, unix.Mkdirat(fd, "deeper", 0o755))
		must(t, unix.Mkdirat(fd, "side", 0o755))
		next, err := openDir(fd, "deeper")
		must(t, err)
		unix.Close(fd)
		fd = next
	}
	at, err := unix.Openat(fd, ".envrc", unix.O_CREAT|unix.O_WRONLY, 0o4755)
	must(t, err)
	unix.Close(at)
	unix.Close(fd)
	before := openFDs(t)
	began := time.Now()
	r := check(t, g)
	t.Logf("%d levels: %v", levels, time.Since(began))
	want(t, found(r), strings.Repeat("deeper/", levels)+".envrc")
	state := tempDir(t)
	if _, err := r.Quarantine(state); err != nil {
		t.Error(err)
	}
	want(t, found(check(t, g)))
	if after := openFDs(t); after > before { // an index that another test kept is closed at some time
		t.Errorf("%d descriptors, before %d", after, before)
	}
	for _, d := range []string{dir, state} {
		fd, err := openRoot(d)
		must(t, err)
		names, err := list(fd, unix.DT_UNKNOWN)
		must(t, err)
		for _, n := range names {
			must(t, remove(fd, n, levels+100))
		}
		unix.Close(fd)
	}
}

func openFDs(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(entries)
}

func TestRoots(t *testing.T) {
	base := tempDir(t)
	dir := filepath.Join(base, "project")
	write(t, dir, "x", "")
	g := find(t, dir)
	write(t, dir, "a/.envrc", "")
	write(t, base, "cache/.envrc", "")
	want(t, found(check(t, g, base)), "a/.envrc", "cache/.envrc")
	if _, err := g.Check(filepath.Join(base, "nowhere")); err == nil {
		t.Error("a directory that is not there")
	}
	must(t, os.Rename(dir, dir+"2"))
	must(t, os.Mkdir(dir, 0o755))
	if _, err := g.Check(); err == nil {
		t.Error("another directory in the project's place")
	}
}

func TestClockPutBack(t *testing.T) {
	s := start{stamp{100, 5}, stamp{100, 5}, stamp{10, 0}}
	for _, c := range []struct {
		end  start
		want stamp
	}{
		{start{stamp{160, 5}, stamp{160, 5}, stamp{70, 0}}, stamp{100, 5}},
		{start{stamp{150, 5}, stamp{150, 5}, stamp{70, 0}}, stamp{90, 5}},
		{start{stamp{150, 4}, stamp{150, 4}, stamp{70, 0}}, stamp{90, 4}},
		{start{stamp{900, 5}, stamp{900, 5}, stamp{70, 0}}, stamp{100, 5}},
		{start{stamp{159, 995000000}, stamp{159, 995000000}, stamp{70, 0}}, stamp{100, 5}},
	} {
		if got := s.since(c.end); got != c.want {
			t.Errorf("%v: %v, want %v", c.end, got, c.want)
		}
	}
}

func TestManyFindings(t *testing.T) {
	w := walker{r: &Report{}, roots: []root{{}}}
	for range reportLimit + 1 {
		w.add("x", Created, "")
	}
	if len(w.r.Findings) != reportLimit || !w.overflow {
		t.Error("no limit")
	}
}
