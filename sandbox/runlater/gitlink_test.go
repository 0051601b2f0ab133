package runlater

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// unknowns are the paths of new names that no list has.
func unknowns(r Report) []string {
	var out []string
	for _, f := range r.Unknown {
		out = append(out, f.Path)
	}
	return out
}

// TestLinksInGit: git writes through links in its own directories.
func TestLinksInGit(t *testing.T) {
	dir := repository(t, tempDir(t))
	write(t, dir, "sub.git/HEAD", "ref: refs/heads/main\n")
	for _, d := range []string{"sub.git/objects", "sub.git/refs/heads", "old/heads", ".hg/store", ".sl/store", ".jj/repo", ".git/worktrees/w/logs", ".git/modules/m/refs", ".git/modules/m/objects"} {
		must(t, os.MkdirAll(filepath.Join(dir, d), 0o755))
	}
	write(t, dir, ".git/modules/m/HEAD", "ref: refs/heads/main\n")
	write(t, dir, ".git/worktrees/w/commondir", "../..\n")
	link(t, "/elsewhere", filepath.Join(dir, "old/HEAD"))
	link(t, "/elsewhere", filepath.Join(dir, "link"))
	link(t, "/elsewhere", filepath.Join(dir, ".git/TAG_EDITMSG"))
	for _, c := range []struct {
		path, to string
		want     string // another path than that, or none for "-"
	}{
		{".git/COMMIT_EDITMSG", "/elsewhere", ""},
		{".git/COMMIT_EDITMSG", "../.envrc", ""},
		{".git/COMMIT_EDITMSG", "hooks/pre-commit", ""},
		{".git/index", "../x", ""},
		{".git/packed-refs", "../x", ""},
		{".git/logs/HEAD", "/elsewhere", ""},
		{".git/logs/refs/heads", "/elsewhere", ""},
		{".git/logs", "/elsewhere", ""},
		{".git/refs", "/elsewhere", ""},
		{".git/refs/heads/x", "../../../x", ""},
		{".git/objects", "/elsewhere", ""},
		{".git/objects/ab", "/elsewhere", ""},
		{".git/info", "/elsewhere", ""},
		{".git/info/exclude", "/elsewhere", ""},
		{".git/info/grafts", "/elsewhere", ""},
		{".git/rr-cache", "/elsewhere", ""},
		{".git/worktrees", "/elsewhere", ""},
		{".git/worktrees/x", "/elsewhere", ""},
		{".git/worktrees/w/COMMIT_EDITMSG", "/elsewhere", ""},
		{".git/worktrees/w/logs/HEAD", "/elsewhere", ""},
		{".git/modules/m/COMMIT_EDITMSG", "/elsewhere", ""},
		{".git/rebase-merge", "/elsewhere", ""},
		{".git/HEAD", "refs/heads/../../config", ""},
		{".git/annex", "../../annex", ""},
		{"sub.git/COMMIT_EDITMSG", "/elsewhere", ""},
		{"sub.git/logs", "/elsewhere", ""},
		{".hg/last-message.txt", "/elsewhere", ""},
		{".hg/hgrc", "/elsewhere", ""},
		{".sl/last-message.txt", "/elsewhere", ""},
		{".jj/repo/x", "/elsewhere", ""},
		{".svn/wc.db", "/elsewhere", ""},
		{".bzr/branch/x", "/elsewhere", ""},
		{"_darcs/prefs/author", "/elsewhere", ""},

		{".git/HEAD", "refs/heads/main", "-"},
		{".git/refs/remotes/origin/HEAD", "refs/remotes/origin/main", "-"},
		{".git/worktrees/w/annex", "../../annex", "-"},
		{".hg/wlock", "host:1", "-"},
		{".sl/store/lock", "host/f0:1", "-"},
	} {
		t.Run(c.path, func(t *testing.T) {
			backup := filepath.Join(tempDir(t), "copy")
			must(t, exec.Command("cp", "-a", dir, backup).Run())
			g := find(t, dir)
			at := filepath.Join(dir, c.path)
			must(t, os.RemoveAll(at))
			must(t, os.MkdirAll(filepath.Dir(at), 0o755))
			link(t, c.to, at)
			switch got := found(check(t, g)); {
			case c.want == "-":
				want(t, got)
			case !slices.Contains(got, c.path):
				t.Errorf("%q", got)
			}
			must(t, os.RemoveAll(dir))
			must(t, os.Rename(backup, dir))
		})
	}

	g := find(t, dir)
	want(t, found(check(t, g)))
	must(t, os.Rename(filepath.Join(dir, "link"), filepath.Join(dir, ".git/MERGE_MSG")))
	want(t, found(check(t, g)), ".git/MERGE_MSG")
	must(t, os.Remove(filepath.Join(dir, ".git/MERGE_MSG")))
	must(t, os.RemoveAll(filepath.Join(dir, ".git/logs")))
	must(t, os.Rename(filepath.Join(dir, "old"), filepath.Join(dir, ".git/logs")))
	want(t, found(check(t, g)), ".git/logs (doubtful)")
}

// TestStateOfGit: what git acts on with a command of another kind.
func TestStateOfGit(t *testing.T) {
	id := strings.Repeat("1", 40)
	for _, c := range []struct {
		path, text string
		want       bool // it is a finding
	}{
		{"MERGE_AUTOSTASH", id + "\n", true},
		{"worktrees/w/MERGE_AUTOSTASH", id + "\n", true},
		{"modules/m/MERGE_AUTOSTASH", id + "\n", true},
		{"rebase-merge/autostash", id + "\n", true},
		{"rebase-apply/autostash", id + "\n", true},
		{"worktrees/w/rebase-merge/autostash", id + "\n", true},
		{"packed-refs", id + " MERGE_AUTOSTASH\n" + id + " refs/heads/x\n", true},
		{"packed-refs", id + " refs/heads/MERGE_AUTOSTASH\n", false},
		{"MERGE_RR", id + "\t/home/x/.ssh/id\x00", true},
		{"MERGE_RR", "", false},
		{"BISECT_START", "main\n", false},
		{"BISECT_START", "--pathspec-from-file=x\n", true},
		{"BISECT_TERMS", "bad\ngood\n", false},
		{"BISECT_TERMS", "bad\n-good\n", true},
		{"BISECT_NAMES", " 'a b' 'c'\\''d'\\!\n", false},
		{"BISECT_NAMES", "\n", false},
		{"BISECT_NAMES", "$(evil)", true},
		{"BISECT_NAMES", "'a' `evil`", true},
		{"BISECT_NAMES", "'a", true},
		{"BISECT_NAMES", `'a'\`, true},
		{"MERGE_HEAD", id + "\n", false},
		{"AUTO_MERGE", id + "\n", false},
		{"SQUASH_MSG", "x\n", false},
	} {
		t.Run(c.path, func(t *testing.T) {
			dir := repository(t, tempDir(t))
			git(t, dir, "worktree", "add", "-q", "w")
			write(t, dir, ".git/modules/m/HEAD", "ref: refs/heads/main\n")
			write(t, dir, ".git/modules/m/objects/x", "")
			write(t, dir, ".git/modules/m/refs/x", id)
			g := find(t, dir)
			write(t, dir, ".git/"+c.path, c.text)
			got := found(check(t, g))
			if (len(got) > 0) != c.want {
				t.Errorf("%q", got)
			}
			afterTick()
			if g, err := findIn(dir); err != nil {
				t.Error(err)
			} else if got := found(check(t, g)); len(got) > 0 {
				t.Errorf("it was there: %q", got)
			}
		})
	}
}

// TestStateOfReftables: of several tables the last one that has the name counts.
func TestStateOfReftables(t *testing.T) {
	id := strings.Repeat("i", 20)
	table := func(kind byte, name, value string) string {
		record := string([]byte{0, byte(len(name)<<3) | kind}) + name + "\x01" + value
		head := "REFT\x01\x00\x00\x00" + strings.Repeat("\x00", 16)
		return head + "r\x00\x00" + string([]byte{byte(len(head) + 4 + len(record) + 5)}) + record + "\x00\x00\x1c\x00\x01"
	}
	dir := repository(t, tempDir(t))
	write(t, dir, ".git/reftable/1.ref", table(1, "MERGE_HEAD", id))
	write(t, dir, ".git/reftable/tables.list", "1.ref\n")
	g := find(t, dir)
	write(t, dir, ".git/reftable/2.ref", table(1, "MERGE_AUTOSTASH", id))
	write(t, dir, ".git/reftable/tables.list", "1.ref\n2.ref\n")
	want(t, found(check(t, g)), ".git/reftable/2.ref (doubtful)")
	write(t, dir, ".git/reftable/3.ref", table(0, "MERGE_AUTOSTASH", ""))
	write(t, dir, ".git/reftable/tables.list", "1.ref\n2.ref\n3.ref\n")
	want(t, found(check(t, g)))
	write(t, dir, ".git/reftable/tables.list", "1.ref\n2.ref\n")
	g = find(t, dir)
	write(t, dir, ".git/reftable/tables.list", "1.ref\n2.ref\n1.ref\n")
	want(t, found(check(t, g)))
}

// TestToolsInGit: what other tools keep in a git directory.
func TestToolsInGit(t *testing.T) {
	dir := repository(t, tempDir(t))
	git(t, dir, "init", "-q", "--bare", "bare.git")
	git(t, dir, "worktree", "add", "-q", "w")
	write(t, dir, "fixtures/x", "old\n")
	write(t, dir, ".git/newtool", "mine\n")
	write(t, dir, ".git/sl/requires", "")
	g := find(t, dir)
	for _, top := range []string{".git", "bare.git", ".git/worktrees/w"} {
		write(t, dir, top+"/lazygit.yml", "git:\n")
		write(t, dir, top+"/sl/config", "[hooks]\n")
		write(t, dir, top+"/arc/config", "{}\n")
		must(t, os.Mkdir(filepath.Join(dir, top, "safe"), 0o755))
		write(t, dir, top+"/othertool.yml", "x\n")
	}
	must(t, os.Rename(filepath.Join(dir, "fixtures/x"), filepath.Join(dir, ".git/old.yml")))
	write(t, dir, ".git/newtool", "written\n")
	must(t, os.Mkdir(filepath.Join(dir, ".git/rr-cache"), 0o755))
	r := check(t, g)
	var all []string
	for _, top := range []string{".git", ".git/worktrees/w", "bare.git"} {
		for _, name := range []string{"arc/config", "lazygit.yml", "safe", "sl/config"} {
			all = append(all, top+"/"+name)
		}
	}
	want(t, found(r), all...)
	names := unknowns(r)
	for _, name := range []string{".git/old.yml", ".git/rr-cache", ".git/othertool.yml", "bare.git/othertool.yml", ".git/worktrees/w/othertool.yml"} {
		if !slices.Contains(names, name) {
			t.Errorf("%s is not in %q", name, names)
		}
	}
	if slices.Contains(names, ".git/newtool") || slices.Contains(names, ".git/lazygit.yml") {
		t.Errorf("%q", names)
	}

	write(t, dir, ".git/lazygit.yml", "mine\n")
	g = find(t, dir)
	if !slices.ContainsFunc(g.Binds, func(b Bind) bool { return b.Path == filepath.Join(dir, ".git/lazygit.yml") && b.ReadOnly }) {
		t.Error("lazygit.yml is not read-only")
	}
}

// TestEverydayGit: what git does for ordinary commands is no finding and no new name.
func TestEverydayGit(t *testing.T) {
	base := tempDir(t)
	from := repository(t, filepath.Join(base, "from"))
	dir := filepath.Join(base, "project")
	git(t, base, "clone", "-q", from, dir)
	git(t, dir, "checkout", "-q", "-b", "side")
	write(t, dir, "side", "x\n")
	git(t, dir, "add", "side")
	git(t, dir, "commit", "-q", "-m", "side")
	git(t, dir, "checkout", "-q", "main")
	g := find(t, dir)
	write(t, dir, "README", "dirty\n")
	git(t, dir, "merge", "-q", "--no-ff", "--no-edit", "--autostash", "side")
	git(t, dir, "-c", "sequence.editor=true", "rebase", "-q", "-i", "--autostash", "HEAD~1")
	git(t, dir, "rebase", "-q", "--apply", "--autostash", "HEAD~1")
	git(t, dir, "stash")
	git(t, dir, "stash", "pop")
	git(t, dir, "commit", "-qam", "dirty")
	git(t, dir, "commit", "-q", "--amend", "-m", "again")
	git(t, dir, "tag", "-a", "-m", "x", "v1")
	git(t, dir, "notes", "add", "-m", "x")
	git(t, dir, "branch", "a/b")
	git(t, dir, "fetch", "-q", "--all")
	git(t, dir, "pull", "-q", "--rebase", "--autostash")
	git(t, dir, "push", "-q", "origin", "HEAD:other")
	git(t, dir, "cherry-pick", "--keep-redundant-commits", "side")
	git(t, dir, "revert", "--no-edit", "HEAD~1")
	git(t, dir, "format-patch", "-q", "-1", "-o", "patches")
	git(t, dir, "reset", "-q", "--hard", "HEAD~1")
	git(t, dir, "am", "-q", "patches/0001-Revert-again.patch")
	for range 4 {
		git(t, dir, "commit", "-q", "--allow-empty", "-m", "empty")
	}
	git(t, dir, "bisect", "start", "HEAD", "HEAD~4")
	git(t, dir, "bisect", "run", "false")
	git(t, dir, "merge", "-q", "--squash", "side")
	git(t, dir, "worktree", "add", "-q", "w")
	git(t, dir, "worktree", "lock", "w")
	git(t, dir, "sparse-checkout", "set", "x")
	git(t, dir, "sparse-checkout", "disable")
	git(t, dir, "submodule", "status")
	git(t, dir, "update-index", "--split-index")
	git(t, dir, "update-index", "--no-split-index")
	git(t, dir, "pack-refs", "--all")
	git(t, dir, "fsck", "--lost-found")
	git(t, dir, "maintenance", "run")
	git(t, dir, "repack", "-adq")
	git(t, dir, "gc", "-q")
	git(t, dir, "bundle", "create", "-q", "x.bundle", "main")
	git(t, dir, "status")
	r := check(t, g)
	for _, f := range r.Findings {
		t.Errorf("%s (%v): %s", f.Path, f.What, f.Why)
	}
	want(t, unknowns(r))
}
