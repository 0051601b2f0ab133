package runlater

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func unknownOf(r Report) (names []string) {
	for _, f := range r.Unknown {
		names = append(names, f.Path)
	}
	slices.Sort(names)
	return names
}

// TestPrograms: settings of the repository, of the developer and of the environment lead to
// programs in the project.
func TestPrograms(t *testing.T) {
	needGit(t)
	for setting, c := range map[string]struct{ moved, told bool }{
		"core.pager":                  {moved: true},
		"core.askPass":                {moved: true},
		"core.sshCommand":             {moved: true},
		"pager.log":                   {moved: true},
		"interactive.diffFilter":      {moved: true},
		"trailer.sign.cmd":            {moved: true},
		"trailer.sign.command":        {moved: true},
		"difftool.x.cmd":              {moved: true},
		"difftool.x.path":             {moved: true},
		"mergetool.x.cmd":             {moved: true},
		"gpg.program":                 {moved: true},
		"gpg.ssh.program":             {moved: true},
		"gpg.ssh.defaultKeyCommand":   {moved: true},
		"credential.helper":           {moved: true},
		"credential.https://x.helper": {moved: true},
		"sequence.editor":             {moved: true},
		"diff.x.textconv":             {moved: true},
		"filter.x.process":            {moved: true},
		"merge.x.driver":              {moved: true},
		"hook.x.command":              {moved: true},
		"remote.origin.uploadpack":    {moved: true},
		"alias.x":                     {told: true},
		"submodule.x.update":          {told: true},
		"not.known":                   {told: true},
		"blame.ignoreRevsFile":        {},
		"commit.template":             {},
		"user.name":                   {},
	} {
		for _, at := range []string{"repository", "developer", "none"} {
			t.Run(setting+" "+at, func(t *testing.T) {
				base := tempDir(t)
				dir := filepath.Join(base, "project")
				write(t, dir, "tools/x", "mine")
				write(t, dir, "tools/y", "mine")
				value := "!" + dir + "/tools/x"
				if at != "none" {
					repository(t, dir)
					value = "!tools/x"
				}
				config := filepath.Join(base, "gitconfig")
				if at == "repository" {
					git(t, dir, "config", setting, value)
				} else {
					git(t, base, "config", "--file", config, setting, value)
				}
				g := find(t, dir, config)
				must(t, g.Record())
				want(t, found(check(t, g)))
				write(t, dir, "tools/x", "evil")
				write(t, dir, "tools/y", "evil")
				var moved, told []string
				if c.moved {
					moved = []string{"tools/x"}
				}
				if c.told {
					told = []string{"tools/x"}
				}
				r := check(t, g)
				want(t, found(r), moved...)
				want(t, unknownOf(r), told...)
			})
		}
	}
}

// TestAliases: most words of an alias are no paths.
func TestAliases(t *testing.T) {
	dir := repository(t, tempDir(t))
	for name, value := range map[string]string{
		"a": "checkout main", "b": "!git merge main", "c": "log --graph x.y", "d": "!sh build.sh", "e": "-c core.pager=tools/pager log", "f": "rebase -x tools/test",
	} {
		git(t, dir, "config", "alias."+name, value)
	}
	g := find(t, dir)
	for _, name := range []string{"main", "x.y", "build.sh", "tools/pager", "tools/test"} {
		write(t, dir, name, "evil")
	}
	r := check(t, g)
	want(t, found(r))
	want(t, unknownOf(r), "build.sh", "tools/pager", "tools/test")
}

// TestToldOnce: what is moved is not named as well.
func TestToldOnce(t *testing.T) {
	dir := repository(t, tempDir(t))
	git(t, dir, "config", "alias.x", "!tools/x")
	git(t, dir, "config", "alias.y", "!tools/x -v")
	git(t, dir, "config", "alias.z", "!tools/pager")
	git(t, dir, "config", "core.pager", "tools/pager")
	g := find(t, dir)
	write(t, dir, "tools/x", "evil")
	write(t, dir, "tools/pager", "evil")
	r := check(t, g)
	want(t, found(r), "tools/pager")
	want(t, unknownOf(r), "tools/x")
}

// TestTemplate: git copies a directory of the project into each new repository.
func TestTemplate(t *testing.T) {
	for name, made := range map[string]bool{"with a repository": true, "without one": false} {
		t.Run(name, func(t *testing.T) {
			base := tempDir(t)
			dir := filepath.Join(base, "project")
			write(t, dir, "template/hooks/pre-push", "mine")
			write(t, dir, "template/description", "mine")
			if made {
				repository(t, dir)
			}
			config := filepath.Join(base, "gitconfig")
			write(t, base, "gitconfig", "[init]\n\ttemplateDir = "+dir+"/template\n")
			g := find(t, dir, config)
			if made {
				want(t, binds(g.Binds, dir), "rw .git", "ro .git/config", "ro .git/hooks", "rw template", "ro template/hooks")
			}
			want(t, found(check(t, g)))
			write(t, dir, "template/hooks/pre-commit", "evil")
			write(t, dir, "template/config", runsConfig)
			write(t, dir, "template/commondir", "../evil")
			write(t, dir, "template/modules/a/config", runsConfig)
			write(t, dir, "template/description", "evil")
			all := []string{"template/commondir", "template/config", "template/hooks (doubtful)", "template/hooks/pre-commit", "template/modules/a"}
			if made { // it was bound
				all = slices.Insert(all, 2, "template/hooks")
			}
			want(t, found(check(t, g)), all...)
		})
	}
}

// TestTemplateOutside: the directory is elsewhere, and its hooks are links into the project.
func TestTemplateOutside(t *testing.T) {
	base := tempDir(t)
	dir := repository(t, filepath.Join(base, "project"))
	write(t, dir, "scripts/check", "mine")
	must(t, os.MkdirAll(filepath.Join(base, "template/hooks"), 0o755))
	link(t, dir+"/scripts/check", filepath.Join(base, "template/hooks/pre-commit"))
	write(t, base, "gitconfig", "[init]\n\ttemplateDir = "+base+"/template\n")
	g := find(t, dir, filepath.Join(base, "gitconfig"))
	want(t, binds(g.Binds, dir), "rw .git", "ro .git/config", "ro .git/hooks", "rw scripts", "ro scripts/check")
	write(t, dir, "scripts/check", "evil")
	want(t, found(check(t, g)), "scripts/check")
}

func TestTilde(t *testing.T) {
	t.Setenv("HOME", "/home/ada")
	for path, to := range map[string]string{"~/x": "/home/ada/x", "~root/x": "/root/x", "~nobody-of-that-name/x": "~nobody-of-that-name/x", ":(optional)~/x": "/home/ada/x",
		":(optional)": ":(optional)", "a/~/x": "a/~/x", "": "", "/x": "/x", "~": "~"} {
		if got := home(path); got != to {
			t.Errorf("%s is %s, want %s", path, got, to)
		}
	}
}
