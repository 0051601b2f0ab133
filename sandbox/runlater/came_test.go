package runlater

import (
	"os"
	"path/filepath"
	"strings"
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

// TestLinkPlace: a link came to where a directory was, or leads to one that tools obey.
func TestLinkPlace(t *testing.T) {
	for line, names := range map[string][]string{
		"mv app old; ln -s templates/ws app":                           {"app (doubtful)", "old (doubtful)"},
		"mv app old; ln -s $PWD/templates app":                         {"app (doubtful)", "old (doubtful)"},
		"mv app old; ln -s plain app":                                  {"old (doubtful)"},
		"mv app old; mv there app":                                     {"app (doubtful)", "old (doubtful)"},
		"mv app old; ln -s old app":                                    {"app (doubtful)", "old (doubtful)"},
		"mv app old; ln -s ../outside app":                             {"app (doubtful)", "old (doubtful)"},
		"mv app old; ln -s /proc/self/fd/1000/x app":                   {"app (doubtful)", "old (doubtful)"},
		"ln -s ../templates/ws app/lib":                                {"app/lib (doubtful)"},
		"ln -s ../grouped app/lib":                                     {"app/lib (doubtful)"},
		"ln -s bare x":                                                 {"x (doubtful)"},
		"mv links/a links/moved":                                       {"links/moved (doubtful)"},
		"mv links more":                                                {"more/a (doubtful)"},
		"ln -s templates x; ln -s plain y; ln -s gone z":               nil,
		"ln -s . x; ln -s .. plain/y":                                  nil,
		"mkdir node_modules; cd node_modules; ln -s ../templates/ws x": nil,
		"echo > links/new":                                             nil,
	} {
		t.Run(strings.ReplaceAll(line, "/", "|"), func(t *testing.T) {
			base := tempDir(t)
			dir := filepath.Join(base, "project")
			for _, name := range []string{"outside/.envrc", "project/app/mise.toml", "project/templates/ws/.vscode/tasks.json", "project/plain/x", "project/grouped/.config/mise/config.toml"} {
				write(t, base, name, "x")
			}
			sh(t, dir, "ln -s templates/ws there; mkdir links; ln -s ../templates/ws links/a; mkdir -p bare/objects bare/refs; echo ref: refs/heads/x > bare/HEAD; sleep 0.05")
			g := find(t, dir)
			rememberIn(t, &g, dir, "app")
			sh(t, dir, line)
			want(t, found(check(t, g)), names...)
		})
	}
}
