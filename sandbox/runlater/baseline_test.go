package runlater

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// recordAsUnreliable does what Record does where change times cannot be relied on.
func recordAsUnreliable(t *testing.T, g *Guard, writable ...string) {
	t.Helper()
	must(t, g.Record(writable...))
	all := g.walker(&Report{})
	for i := range g.roots {
		fd, err := openRoot(g.roots[i].path)
		must(t, err)
		w, err := g.baselineAt(i, fd)
		must(t, err)
		all.merge(w)
	}
	g.recordLeads(all)
	all.r.Reclose()
}

func TestKeepsTimes(t *testing.T) {
	with, without := unix.Statx_t{Mask: unix.STATX_BTIME}, unix.Statx_t{}
	for _, c := range []struct {
		fs   int64
		st   *unix.Statx_t
		want bool
	}{
		{unix.EXT4_SUPER_MAGIC, &with, true},
		{unix.EXT4_SUPER_MAGIC, &without, false},
		{unix.XFS_SUPER_MAGIC, &without, true},
		{unix.BTRFS_SUPER_MAGIC, &with, true},
		{unix.TMPFS_MAGIC, &with, true},
		{unix.OVERLAYFS_SUPER_MAGIC, &with, true},
		{unix.MSDOS_SUPER_MAGIC, &with, false},
		{unix.FUSE_SUPER_MAGIC, &with, false},
		{unix.V9FS_MAGIC, &with, false},
		{unix.NFS_SUPER_MAGIC, &with, false},
		{int64(int32(-0x00bc5caf)), &with, false},
		{0x12345, &with, false},
	} {
		if keepsTimes(c.fs, c.st) != c.want {
			t.Errorf("%#x: want %v", c.fs, c.want)
		}
	}
}

func TestWholeSeconds(t *testing.T) {
	st := unix.Statx_t{Ctime: unix.StatxTimestamp{Sec: 5}}
	if !touched(&st, stamp{5, 999}) || touched(&st, stamp{6, 0}) {
		t.Error("a time of whole seconds")
	}
	st.Ctime.Nsec = 1
	if touched(&st, stamp{5, 999}) {
		t.Error("a time with nanoseconds")
	}
}

// TestBaseline: no time tells anything. Each file is changed without any other sign
// than its content, and what was there and is as it was is nobody's.
func TestBaseline(t *testing.T) {
	dir, other := tempDir(t), tempDir(t)
	repository(t, filepath.Join(dir, "sub"))
	repository(t, filepath.Join(dir, "quiet"))
	write(t, dir, "sub/.git/hooks/pre-push", "mine")
	write(t, dir, "quiet/.git/hooks/pre-push", "mine")
	write(t, dir, "quiet/.git/config", "[core]\n\tfsmonitor = mine\n")
	write(t, dir, "a/.vscode/tasks.json", "{one}")
	write(t, dir, "a/.vscode/same", "{one}")
	write(t, dir, "b/.vscode/tasks.json", "{one}")
	write(t, dir, "a/.envrc", "mine")
	write(t, dir, "CLAUDE.md", "mine")
	write(t, dir, "setuid", "")
	write(t, dir, "other", "")
	link(t, "a", filepath.Join(dir, "b/.idea"))
	must(t, os.Chmod(filepath.Join(dir, "setuid"), 0o755|os.ModeSetuid))
	must(t, os.Mkdir(filepath.Join(dir, "closed"), 0))
	write(t, other, ".envrc", "mine")
	g, err := findIn(dir)
	must(t, err)
	recordAsUnreliable(t, &g, other)
	want(t, found(check(t, g)))

	for _, name := range []string{"a/.vscode/tasks.json", "a/.envrc", "CLAUDE.md"} {
		info, err := os.Stat(filepath.Join(dir, name))
		must(t, err)
		text, err := os.ReadFile(filepath.Join(dir, name))
		must(t, err)
		text[0]++
		write(t, dir, name, string(text))
		must(t, os.Chtimes(filepath.Join(dir, name), time.Time{}, info.ModTime()))
	}
	must(t, os.Remove(filepath.Join(dir, "b/.idea")))
	link(t, "b", filepath.Join(dir, "b/.idea"))
	write(t, dir, "new/.envrc", "")
	write(t, dir, "new/.vscode/x", "")
	write(t, dir, "sub/.git/hooks/pre-commit", "")
	write(t, dir, "sub/.git/config", runsConfig)
	must(t, os.Chmod(filepath.Join(dir, "other"), 0o755|os.ModeSetuid))
	write(t, other, ".envrc", "evil")
	r := check(t, g)
	want(t, found(r), ".envrc", "CLAUDE.md", "a/.envrc", "a/.vscode/tasks.json", "b/.idea", "new/.envrc", "new/.vscode",
		"sub/.git/config", "sub/.git/hooks/pre-commit")
	if len(r.SetIDs) != 1 || r.SetIDs[0].Path != "other" {
		t.Errorf("%v", r.SetIDs)
	}
	if info, err := os.Lstat(filepath.Join(dir, "closed")); err != nil || info.Mode().Perm() != 0 {
		t.Error(info, err)
	}
}

// TestBaselineLeads: what a new link leads to, or a new configuration, was not recorded.
// It stays, and what leads to it is moved.
func TestBaselineLeads(t *testing.T) {
	dir := tempDir(t)
	repository(t, filepath.Join(dir, "sub"))
	write(t, dir, "a/.vscode/tasks.json", "{one}")
	for _, name := range []string{"data/tool", "data/other", "sub/check", "sub/more"} {
		write(t, dir, name, "mine")
	}
	g, err := findIn(dir)
	must(t, err)
	recordAsUnreliable(t, &g)
	link(t, "../../data/tool", filepath.Join(dir, "a/.vscode/settings.json"))
	link(t, "../data", filepath.Join(dir, "a/.idea"))
	write(t, dir, "sub/.git/config", "[core]\n\tfsmonitor = check\n[include]\n\tpath = ../more\n")
	want(t, found(check(t, g)), "a/.idea", "a/.vscode/settings.json", "sub/.git/config")
}

// TestBaselineMissing: without a record nothing is known, and that is said.
func TestBaselineMissing(t *testing.T) {
	dir := tempDir(t)
	g := find(t, dir)
	g.roots[0].path = "/proc/self/task"
	g.roots[0].id = identity{}
	g.roots[0].reliable = false
	g.watched = nil
	r, _ := g.Check() // the threads of this process come and go
	if len(r.Unseen) == 0 || r.Unseen[0].Err != errNoBaseline {
		t.Errorf("%v", r.Unseen)
	}
}
