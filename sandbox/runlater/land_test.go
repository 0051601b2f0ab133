package runlater

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestSetMeanwhile: what the developer sets outside while the command runs.
func TestSetMeanwhile(t *testing.T) {
	dir, own := repository(t, tempDir(t)), tempDir(t)
	write(t, own, "config", "")
	write(t, dir, "old/pre-push", "mine")
	write(t, dir, "clean.cfg", "[user]\n\tname = x\n")
	g := find(t, dir, filepath.Join(own, "config"))
	git(t, dir, "config", "core.hooksPath", "gh")
	git(t, dir, "config", "include.path", "../inc.cfg")
	git(t, dir, "config", "includeIf.onbranch:x.path", "../clean.cfg")
	git(t, dir, "config", "core.fsmonitor", "sh 'fm.sh'")
	write(t, own, "config", "[core]\n\thooksPath = old\n[include]\n\tpath = more\n")
	write(t, own, "more", "[include]\n\tpath = "+dir+"/third.cfg\n")
	g.Renew(filepath.Join(dir, ".git/config"), Hosts)
	write(t, dir, "clean.cfg", "[user]\n\tname = y\n")
	want(t, found(check(t, g)))
	write(t, dir, "gh/pre-commit", "evil")
	write(t, dir, "old/pre-commit", "evil")
	write(t, dir, "inc.cfg", "[include]\n\tpath = second.cfg\n")
	write(t, dir, "second.cfg", runsConfig)
	write(t, dir, "third.cfg", runsConfig)
	write(t, dir, "fm.sh", "evil")
	want(t, found(check(t, g)), "fm.sh", "gh/pre-commit", "inc.cfg", "old (doubtful)", "old/pre-commit", "second.cfg", "third.cfg")
}

// TestIntoAnotherRoot: links and settings of before that lead where the command may
// write, but not in the project.
func TestIntoAnotherRoot(t *testing.T) {
	for _, recorded := range []bool{false, true} {
		dir, other := repository(t, tempDir(t)), tempDir(t)
		must(t, os.RemoveAll(filepath.Join(dir, ".git/hooks")))
		repository(t, filepath.Join(dir, "sub"))
		link(t, "pre-commit", filepath.Join(dir, "sub/.git/hooks/pre-commit"))
		for name, to := range map[string]string{".git/hooks": "githooks", ".husky": "husky", "sub/.vscode": "vscode", "lib": "way", "sub/.git/hooks/post-commit": "post"} {
			link(t, filepath.Join(other, to), filepath.Join(dir, name))
		}
		link(t, "lib/idea", filepath.Join(dir, ".idea"))
		for _, name := range []string{"githooks/pre-push", "husky/x", "vscode/x", "way/idea/x", "h/x", "post", "inc"} {
			write(t, other, name, "#\n")
		}
		git(t, dir, "config", "core.hooksPath", other+"/h")
		git(t, dir, "config", "include.path", other+"/inc")
		write(t, dir, ".direnv/x", "")
		link(t, "../way/idea/x", filepath.Join(dir, ".zed"))
		root := tempDir(t)
		write(t, root, "x", "")
		link(t, root, filepath.Join(dir, ".cursor"))
		g := find(t, dir)
		if recorded {
			recordAsUnreliable(t, &g, other, root)
		} else {
			must(t, g.Record(other, root))
		}
		want(t, found(check(t, g, other, root)))
		for _, name := range []string{"githooks/pre-push", "husky/y", "vscode/x", "way/idea/x", "h/pre-commit", "post", "free"} {
			write(t, other, name, "evil")
		}
		write(t, other, "inc", runsConfig)
		write(t, root, "y", "evil")
		planted := []string{"githooks/pre-push", "h/pre-commit", "husky/y", "inc", "post", "vscode/x", "way/idea/x", "y"}
		if !recorded { // the directory may have been moved there
			planted = slices.Insert(planted, 1, "h (doubtful)")
		}
		want(t, found(check(t, g, other, root)), planted...)
	}
}

// TestGroupMovedIn: a directory of old files gets a name that counts, or one above it.
func TestGroupMovedIn(t *testing.T) {
	dir := tempDir(t)
	write(t, dir, "d/foo.rc", "")
	write(t, dir, "s/config", "")
	write(t, dir, "m/mise/other.toml", "")
	write(t, dir, "p/prefs/defaults", "")
	write(t, dir, "w/foo.rc", "")
	write(t, dir, "sub/there/.direnv/foo.rc", "")
	write(t, dir, "sub/x", "")
	before := time.Unix(1e9, 0)
	for _, name := range []string{"d", "s", "m", "m/mise", "p", "p/prefs", "w"} {
		must(t, os.Chtimes(filepath.Join(dir, name), before, before))
	}
	g := find(t, dir)
	for from, to := range map[string]string{"d": ".direnv", "s": ".sl", "m": ".config", "p": "_darcs", "w": "there/.direnv2"} {
		must(t, os.Rename(filepath.Join(dir, from), filepath.Join(dir, "sub", to)))
	}
	write(t, dir, "sub/there/.direnv/cache", "")
	want(t, found(check(t, g)), "sub/.config/mise", "sub/.direnv/foo.rc", "sub/.sl/config", "sub/_darcs/prefs/defaults", "sub/there/.direnv/foo.rc (doubtful)")
	write(t, dir, "sub/.direnv/new", "")
	want(t, found(check(t, g)), "sub/.config/mise", "sub/.direnv/foo.rc (doubtful)", "sub/.sl/config", "sub/_darcs/prefs/defaults", "sub/there/.direnv/foo.rc (doubtful)")
}
