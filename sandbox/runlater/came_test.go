package runlater

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// rememberIn does for a directory what the caller of Find does for some.
func rememberIn(t *testing.T, g *Guard, dir, in string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, in))
	must(t, err)
	for _, e := range entries {
		var st unix.Stat_t
		must(t, unix.Lstat(filepath.Join(dir, in, e.Name()), &st))
		g.Remember(in, e.Name(), st.Ino)
	}
}

// TestCame: what runs later came to its path with a directory above it.
func TestCame(t *testing.T) {
	for name, c := range map[string]struct {
		change func(mv func(from, to string), make func(name string))
		want   []string
	}{
		"replaced": {func(mv func(from, to string), make func(string)) {
			mv("app", "old")
			mv("examples/x", "app")
		}, []string{"app (doubtful)", "old (doubtful)"}},
		"replaced and written to": {func(mv func(from, to string), make func(string)) {
			mv("app", "old")
			mv("examples/x", "app")
			make("app/new")
		}, []string{"app (doubtful)", "old (doubtful)"}},
		"above": {func(mv func(from, to string), make func(string)) {
			mv("deep", "old")
			mv("more", "deep")
		}, []string{"deep (doubtful)", "old (doubtful)"}},
		"below": {func(mv func(from, to string), make func(string)) {
			mv("deep/one", "deep/old")
			mv("more/one", "deep/one")
		}, []string{"deep/old (doubtful)", "deep/one (doubtful)"}},
		"put back": {func(mv func(from, to string), make func(string)) {
			mv("app", "old")
			mv("old", "app")
		}, nil},
		"repository": {func(mv func(from, to string), make func(string)) {
			mv("repo", "away")
			mv("lib/repo", "repo")
		}, []string{"away/.git (doubtful)", "repo/.git (doubtful)"}},
		"led to": {func(mv func(from, to string), make func(string)) {
			mv("tools", "old")
			mv("t2", "tools")
		}, []string{"tools (doubtful)"}},
		"written to": {func(mv func(from, to string), make func(string)) {
			for _, dir := range []string{"", "app/", "app/src/", "deep/", "deep/one/", "repo/", "tools/"} {
				make(dir + "out")
			}
		}, []string{"deep/one (doubtful)"}}, // which was not listed before, and looks no different
		"new": {func(mv func(from, to string), make func(string)) {
			make("dist/sub/out")
			mv("dist", "out")
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir := tempDir(t)
			for _, at := range []string{"app", "examples/x", "deep/one", "more/one"} {
				write(t, dir, at+"/mise.toml", at)
				write(t, dir, at+"/src/.vscode/tasks.json", at)
			}
			for _, at := range []string{"repo", "lib/repo"} {
				repository(t, filepath.Join(dir, at))
				write(t, dir, at+"/.git/config", "[core]\n\tfsmonitor = mine\n\thooksPath = ../tools/hooks\n")
				write(t, dir, at+"/.git/hooks/pre-push", at)
			}
			write(t, dir, "tools/hooks/pre-commit", "one")
			write(t, dir, "t2/hooks/pre-commit", "other")
			g := find(t, dir)
			rememberIn(t, &g, dir, "app")
			c.change(func(from, to string) {
				must(t, os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)))
			}, func(name string) { write(t, dir, name, "") })
			want(t, found(check(t, g)), c.want...)
		})
	}
}
