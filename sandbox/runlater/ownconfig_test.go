package runlater

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sbxrun/sbx/sandbox/mounttable"
)

func TestOwnConfig(t *testing.T) {
	env := map[string]string{
		"GIT_CONFIG_GLOBAL": "/g", "GIT_CONFIG_SYSTEM": "/s", "XDG_CONFIG_HOME": "/x",
		"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "Core.HooksPath", "GIT_CONFIG_VALUE_0": "a",
		"GIT_CONFIG_PARAMETERS": `'core.hookspath=it'\''s' 'include.path'='/b' 'IncludeIf.gitdir:/x.y.Path'='c'  'core.bare'=`,
	}
	c := OwnConfig([]string{"/home/u"}, func(name string) string { return env[name] })
	for _, file := range []string{"/etc/gitconfig", "/home/u/.gitconfig", "/home/u/.config/git/config", "/g", "/s", "/x/git/config"} {
		if !slices.Contains(c.Files, file) {
			t.Errorf("no %s", file)
		}
	}
	want := []setting{{"core", "", "hookspath", "a"}, {"core", "", "hookspath", "it's"}, {"include", "", "path", "/b"},
		{"includeif", "gitdir:/x.y", "path", "c"}, {"core", "", "bare", ""}}
	if diff := cmp.Diff(want, c.settings, cmp.AllowUnexported(setting{})); diff != "" {
		t.Error(diff)
	}
	for _, odd := range []string{"'", "x", "'a'='b", "'a=b'x", "''"} {
		parseParameters(odd)
	}
}

func TestHooksByEnvironment(t *testing.T) {
	dir := repository(t, tempDir(t))
	write(t, dir, ".githooks/pre-commit", "")
	env := map[string]string{"GIT_CONFIG_PARAMETERS": "'core.hooksPath'='.githooks'"}
	g, err := Find(dir, OwnConfig(nil, func(name string) string { return env[name] }), mounttable.Read)
	must(t, err)
	if !slices.Contains(binds(g.Binds, dir), "ro .githooks") {
		t.Error(binds(g.Binds, dir))
	}
}
