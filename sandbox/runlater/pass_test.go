package runlater

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A passing is a home with a project in it.
type passing struct {
	t    *testing.T
	home string
	env  map[string]string
	in   Passing
}

func newPassing(t *testing.T) *passing {
	home, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p := &passing{t, home, map[string]string{"HOME": home}, Passing{Project: home + "/work/p", Prefix: "/dev/gitconfig", Writable: []string{home + "/work/p"},
		Secret:      func(string) bool { return false },
		SecretValue: func(_, value string) bool { return strings.HasPrefix(value, "gl") || strings.HasPrefix(value, "gh") }}}
	p.write("work/p/f", "")
	return p
}

func (p *passing) write(name, text string) {
	file := filepath.Join(p.home, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *passing) link(to, name string) {
	if err := os.Symlink(to, filepath.Join(p.home, name)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *passing) pass() PassedConfig {
	getenv := func(name string) string { return p.env[name] }
	passed := Pass(OwnConfig(nil, getenv), p.in, getenv)
	if _, err := parseConfig([]byte(passed.Text)); err != nil {
		p.t.Errorf("git would stop at %q", passed.Text)
	}
	return passed
}

// wants checks the settings, in their order.
func (p *passing) wants(name string, want ...string) PassedConfig {
	p.t.Helper()
	passed := p.pass()
	settings, _ := parseConfig([]byte(passed.Text))
	var got []string
	for _, s := range settings {
		got = append(got, s.String()+"="+strings.ReplaceAll(s.value, p.home, "~"))
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); strings.ReplaceAll(g, p.home, "~") != w {
		p.t.Errorf("%s: got\n%s\nwant\n%s", name, g, w)
	}
	return passed
}

// TestPassOrder: files are read in git's order, and variables last.
func TestPassOrder(t *testing.T) {
	p := newPassing(t)
	p.wants("nothing")
	p.write(".gitconfig", "[user]\nname = A \\\"B\\\" \\\\ Å\n[Core]\nAutoCRLF = input\n[include]\npath = more\n[init]\ndefaultBranch=main")
	p.write("more", "[pull]\nrebase\n")
	p.write(".config/git/config", "[user]\nname=X\n")
	p.wants("files", "user.name=X", `user.name=A "B" \ Å`, "core.autocrlf=input", "pull.rebase=true", "init.defaultbranch=main")
	p.write("other", "[user]\nemail=o\n")
	p.env = map[string]string{"HOME": p.home, "GIT_CONFIG_GLOBAL": p.home + "/other", "GIT_CONFIG_SYSTEM": p.home + "/more", "GIT_CONFIG_COUNT": "2",
		"GIT_CONFIG_KEY_0": "user.email", "GIT_CONFIG_VALUE_0": "v", "GIT_CONFIG_KEY_1": "core.pager", "GIT_CONFIG_VALUE_1": "evil"}
	p.wants("variables", "pull.rebase=true", "user.email=o", "user.email=v")
	p.env["GIT_CONFIG_NOSYSTEM"] = "1"
	p.wants("no system", "user.email=o", "user.email=v")
	p.write(".gitconfig", "[user]\nname=A\n[broken\n")
	p.env = map[string]string{"HOME": p.home}
	p.wants("broken", "user.name=X")
}

// TestPassNothingElse: nothing passes that executes, is a secret or leads elsewhere.
func TestPassNothingElse(t *testing.T) {
	p := newPassing(t)
	p.write(".gitconfig", `[core]
	pager = less
	editor = vi
	hooksPath = /h
	fsmonitor = true
	sshCommand = ssh -i key
	askPass = x
	worktree = /
[alias]
	x = !sh
[url "https://ghp_abcdefghij0123456789abcdefghij012345@github.com/"]
	insteadOf = https://github.com/
[http]
	extraHeader = Authorization: x
	proxy = http://u:p@h
[http "https://x"]
	cookieFile = c
[credential]
	helper = store
[credential "https://x"]
	username = u
[remote "origin"]
	url = https://u:p@h/
[commit]
	gpgSign = true
	template = ~/t
	status = false
[tag]
	gpgSign = true
[user]
	signingKey = K
	name = glpat-abcdefghij0123456789
	email = "a\nb"
[init]
	templateDir = /t
	defaultBranch = /x
[advice]
	token = ghp_x
	detachedHead = ghp_abcdefghij0123456789abcdefghij012345
	ok = false
[github]
	token = x
[sendemail]
	smtpPass = x
[gpg]
	program = x
[diff]
	external = x
[diff "x"]
	textconv = x
[merge "x"]
	driver = x
[color "diff"]
	meta = yellow
[filter "x"]
	clean = evil
	required
[filter "y"]
	smudge = evil
[filter "x y/../"]
	required = true
[filter "lfs"]
	clean = /opt/evil clean %f
	process = git-lfs filter-process --skip
	required = false
	other = x
`)
	p.wants("all", "commit.status=false", "advice.ok=false", "color.diff.meta=yellow", "filter.x.required=true",
		"filter.lfs.clean=git-lfs clean -- %f", "filter.lfs.required=true", "filter.lfs.process=git-lfs filter-process --skip")
	p.in.Foreign = true
	p.in.Filters = true
	p.wants("filters only", "core.checkstat=minimal", "filter.x.required=true",
		"filter.lfs.clean=git-lfs clean -- %f", "filter.lfs.required=true", "filter.lfs.process=git-lfs filter-process --skip")
}

// TestPassConditions: an includeIf stays one, and who somebody is elsewhere is not told.
func TestPassConditions(t *testing.T) {
	p := newPassing(t)
	p.write("work/main/.git/HEAD", "")
	p.link("work", "link")
	p.in.GitDirs = []string{p.home + "/work/main/.git"}
	p.write(".gitconfig", `[includeIf "gitdir:~/work/"]
	path = inc
[includeIf "gitdir:~/private/"]
	path = inc2
[includeIf "gitdir:~/work/q/"]
	path = inc2
[includeIf "gitdir:~/work/p/sub/**"]
	path = inc
[includeIf "gitdir:./link/"]
	path = inc
[includeIf "gitdir/i:~/WORK/"]
	path = inc
[includeIf "gitdir:p/"]
	path = inc
[includeIf "gitdir:~/work/main/"]
	path = inc
[includeIf "onbranch:main"]
	path = none
[includeIf "onbranch:x\"y"]
	path = inc
[includeIf "hasconfig:remote.*.url:https://x/**"]
	path = inc
[includeIf "other:x"]
	path = inc
`)
	p.write("inc", "[user]\nemail=work\n[core]\npager=x\n")
	p.write("inc2", "[user]\nemail=private\n")
	passed := p.wants("conditions", "includeif.gitdir:~/work/.path=/dev/gitconfig-included", "includeif.gitdir:~/work/p/sub/**.path=/dev/gitconfig-included",
		"includeif.gitdir:~/work/.path=/dev/gitconfig-included", // without the link
		"includeif.gitdir/i:~/WORK/.path=/dev/gitconfig-included", "includeif.gitdir:p/.path=/dev/gitconfig-included",
		"includeif.gitdir:~/work/main/.path=/dev/gitconfig-included",
		`includeif.onbranch:x"y.path=/dev/gitconfig-included`, "includeif.hasconfig:remote.*.url:https://x/**.path=/dev/gitconfig-included")
	if len(passed.Files) != 1 || passed.Files[0].Text != "[user]\n\temail = \"work\"\n" {
		t.Errorf("%+v", passed.Files)
	}
	p.write("work/new\nline/x", "")
	p.link("work/new\nline", "lines")
	p.in.Project = p.home + "/work/new\nline"
	p.in.Foreign, p.in.GitDirs = true, nil
	p.write(".gitconfig", "[includeIf \"gitdir:~/lines/\"]\npath=inc\n[safe]\ndirectory=\"~/work/new\\nline\"\n")
	if text := p.pass().Text; strings.Contains(text, "new\nline") || !strings.Contains(text, `new\nline`) {
		t.Errorf("%q", text)
	}
	p.in.Project, p.in.Foreign = p.home+"/work/p", false
	p.write(".gitconfig", "[include]\npath=inc\n")
	p.write("inc", "[include]\npath=inc\n[includeIf \"onbranch:x\"]\npath=inc\n[user]\nname=loop\n")
	if passed = p.pass(); len(passed.Files) == 0 || len(passed.Files) > passedFiles {
		t.Errorf("%d files of a loop", len(passed.Files))
	}
}

// TestPassData: files of patterns are copied, unless a command may have said which.
func TestPassData(t *testing.T) {
	p := newPassing(t)
	p.in.Secret = func(at string) bool { return strings.HasPrefix(at, p.home+"/.ssh") }
	ignore := func(name string, want string, settings ...string) {
		t.Helper()
		passed := p.wants(name, settings...)
		got := ""
		for _, f := range passed.Files {
			got += f.Text
		}
		if got != want {
			t.Errorf("%s: files %q, want %q", name, got, want)
		}
	}
	const set = "core.excludesfile=/dev/gitconfig-ignore"
	p.write(".config/git/ignore", "default")
	p.write(".config/git/attributes", "text")
	ignore("default", "defaulttext", set, "core.attributesfile=/dev/gitconfig-attributes-1")
	if err := os.Remove(p.home + "/.config/git/attributes"); err != nil {
		t.Fatal(err)
	}
	p.write("my.gitignore", "own")
	p.write(".gitconfig", "[core]\nexcludesFile=~/my.gitignore\n")
	ignore("own", "own", set)
	p.write(".gitconfig", "[core]\nexcludesFile=\n")
	ignore("none", "", "core.excludesfile=")
	p.write(".gitconfig", "[core]\nexcludesFile=/dev/null\n")
	ignore("null", "", "core.excludesfile=/dev/null")

	for name, to := range map[string]string{"a name of no such file": "~/notes", "a secret": "~/.ssh/ignore", "a link of the project's": "~/work/p/ignore", "a link by the project": "~/by.gitignore", "a directory": "~/ignored"} {
		p.write("notes", "hush")
		p.write(".ssh/ignore", "hush")
		p.write("ignored/x", "hush")
		_ = os.Remove(p.home + "/work/p/ignore")
		p.link("../../hidden.gitignore", "work/p/ignore")
		_ = os.Remove(p.home + "/by.gitignore")
		p.link("work/p/ignore", "by.gitignore")
		p.write("hidden.gitignore", "hush")
		p.write(".gitconfig", "[core]\nexcludesFile="+to+"\n")
		ignore(name, "")
		if len(p.pass().Notes) != 1 {
			t.Errorf("%s: %q", name, p.pass().Notes)
		}
	}
	if err := os.Remove(p.home + "/.gitconfig"); err != nil {
		t.Fatal(err)
	}
	p.write("work/p/gitconfig", "[user]\nname=A\n[core]\nexcludesFile=~/hidden.gitignore\n")
	p.link("work/p/gitconfig", ".gitconfig")
	ignore("a configuration that a command may write", "", "user.name=A")
	p.write("work/p/gitconfig", "[core]\nexcludesFile=~/work/p/plain.gitignore\n")
	p.write("work/p/plain.gitignore", "theirs")
	ignore("what the command sees anyway", "theirs", set)
}

// TestPassSafe: directories of others are safe for git as far as they are about the project.
func TestPassSafe(t *testing.T) {
	p := newPassing(t)
	p.write(".gitconfig", "[safe]\ndirectory=/elsewhere\ndirectory=~/work/*\ndirectory=~/work/p\ndirectory=~/work/p/sub\ndirectory=\ndirectory=*\nbareRepository=explicit\n")
	p.wants("host view", "safe.directory=~/work/*", "safe.directory=~/work/p", "safe.directory=~/work/p/sub", "safe.directory=", "safe.directory=*")
	p.write(".gitconfig", "")
	p.in.Foreign = true
	p.wants("ids are mapped", "safe.directory=~/work/p", "safe.directory=~/work/p/*")
}
