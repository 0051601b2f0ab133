package runlater

import "testing"

// TestSettings: known settings and what looks like settings are named where they are new or
// changed, and state and outputs are not.
func TestSettings(t *testing.T) {
	everyClock(t, func(t *testing.T, guard func(string, []string, ...string) Guard) {
		dir := tempDir(t)
		names := []string{"eslint.config.js", ".flake8", ".newrc", ".state.json", ".stamp2", ".gitignore", "app.js", "config.js", "sub/mypy.ini", ".newdir/x"}
		for _, n := range names {
			write(t, dir, n, "mine")
		}
		g := guard(dir, environ("PATH", "/usr/bin"))
		want(t, unknown(check(t, g)))
		for _, n := range append(names, "tailwind.config.ts", "mypy.ini", ".php-cs-fixer.php") {
			write(t, dir, n, "evil")
		}
		r := check(t, g)
		want(t, found(r))
		want(t, unknown(r), ".flake8", ".newrc", ".php-cs-fixer.php", "eslint.config.js", "mypy.ini", "tailwind.config.ts")
	})
}
