package runlater

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// variablesScene is a project to which each kind of variable leads, and old files in it
// that come to where one looks by a rename of their directory.
func variablesScene(t *testing.T, dir string) (env []string) {
	for _, n := range []string{"src/app.py", "src/html/index.html", "src/test/__init__.py", "data/sitecustomize.py", "data/html/__init__.py", "perl/File/Mine.pm", "more/File/Mine.pm", "more/File/Spec.pm",
		"etc/env.sh", "other/env.sh", "direnv/lib/mine.sh", "odd/lib/mine.sh", "odd/direnvrc", "bin/mine", "tools/ls", "lib/libmine.so"} {
		script(t, dir+"/"+n, n)
	}
	link(t, "app.py", dir+"/src/linked.py")
	return environ("PATH", dir+"/bin:/usr/bin", "PYTHONPATH", dir+"/src", "PERL5LIB", dir+"/perl", "BASH_ENV", dir+"/etc/env.sh", "DIRENV_CONFIG", dir+"/direnv", "LD_LIBRARY_PATH", dir+"/lib")
}

// replaced puts one directory in the place of another.
func replaced(t *testing.T, dir, with string) {
	t.Helper()
	must(t, os.Rename(dir, dir+".old"))
	must(t, os.Rename(with, dir))
}

// everyClock runs a test where change times are relied on, and where all is compared with
// what it was.
func everyClock(t *testing.T, try func(t *testing.T, guard func(dir string, env []string, writable ...string) Guard)) {
	for name, record := range map[string]bool{"by change times": false, "by what it was": true} {
		t.Run(name, func(t *testing.T) {
			try(t, func(dir string, env []string, writable ...string) Guard {
				g := find(t, dir)
				if record {
					recordAsUnreliable(t, &g, writable...)
				}
				g.Environment(env, writable...)
				time.Sleep(15 * time.Millisecond)
				return g
			})
		})
	}
}

func TestVariablesRenamed(t *testing.T) {
	everyClock(t, func(t *testing.T, guard func(string, []string, ...string) Guard) {
		dir := tempDir(t)
		g := guard(dir, variablesScene(t, dir))
		want(t, found(check(t, g)))
		replaced(t, dir+"/src", dir+"/data")
		replaced(t, dir+"/etc", dir+"/other")
		replaced(t, dir+"/direnv", dir+"/odd")
		replaced(t, dir+"/bin", dir+"/tools")
		expected := []string{"bin/ls", "direnv/direnvrc", "direnv/lib/mine.sh", "etc/env.sh", "src/html/__init__.py", "src/sitecustomize.py"}
		if there, _ := filepath.Glob("/usr/share/perl*/*/File"); len(there) > 0 {
			replaced(t, dir+"/perl", dir+"/more")
			expected = append(expected[:4:4], append([]string{"perl/File/Spec.pm"}, expected[4:]...)...)
		}
		want(t, found(check(t, g)), expected...)
	})
}

// TestVariablesByLink is TestVariablesRenamed where the developer comes to the project by
// a link, as PWD has it, and where links in it are on the way.
func TestVariablesByLink(t *testing.T) {
	everyClock(t, func(t *testing.T, guard func(string, []string, ...string) Guard) {
		dir, beside := tempDir(t), tempDir(t)
		env := variablesScene(t, dir)
		link(t, dir, beside+"/work")
		link(t, "current", dir+"/by")
		link(t, "direnv", dir+"/current")
		for i := range env {
			env[i] = strings.ReplaceAll(env[i], dir, beside+"/work")
			env[i] = strings.Replace(env[i], "/direnv", "/by", 1)
		}
		g := guard(dir, env)
		want(t, found(check(t, g)))
		replaced(t, dir+"/src", dir+"/data")
		replaced(t, dir+"/etc", dir+"/other")
		replaced(t, dir+"/bin", dir+"/tools")
		must(t, os.Remove(dir+"/current"))
		link(t, "odd", dir+"/current")
		want(t, found(check(t, g)), "bin/ls", "current", "etc/env.sh", "src/html/__init__.py", "src/sitecustomize.py")
	})
}

// TestVariablesWritten has times that say nothing: what is new and what is written to.
func TestVariablesWritten(t *testing.T) {
	everyClock(t, func(t *testing.T, guard func(string, []string, ...string) Guard) {
		dir := tempDir(t)
		env := variablesScene(t, dir)
		script(t, dir+"/src/sitecustomize.py", "mine")
		script(t, dir+"/src/usercustomize/__init__.py", "mine")
		script(t, dir+"/far/x", "mine")
		link(t, "../far/x", dir+"/bin/far")
		link(t, "../odd/direnvrc", dir+"/direnv/direnvrc")
		g := guard(dir, env)
		want(t, found(check(t, g)))
		want(t, programs(check(t, g)))
		for _, n := range []string{"src/sitecustomize.py", "src/usercustomize/__init__.py", "src/html/__init__.py", "src/app.py", "src/test/__init__.py", "etc/env.sh", "direnv/lib/new.sh", "odd/direnvrc", "bin/ls", "far/x", "bin/mine",
			"lib/libmine.so", "lib/libc.so.6"} {
			script(t, dir+"/"+n, "evil")
		}
		r := check(t, g)
		expected := []string{"bin/ls", "direnv/direnvrc", "direnv/lib/new.sh", "etc/env.sh", "src/html/__init__.py", "src/sitecustomize.py", "src/usercustomize/__init__.py"}
		if there, _ := filepath.Glob("/usr/lib/*-linux-gnu/libc.so.6"); len(there) > 0 {
			expected = append(expected[:4:4], append([]string{"lib/libc.so.6"}, expected[4:]...)...)
		}
		want(t, found(r), expected...)
		want(t, programs(r), "bin/far", "bin/mine")
	})
}

// TestPathShifts has links that lead elsewhere for another process, or later.
func TestPathShifts(t *testing.T) {
	for _, to := range []string{"/proc/self/cwd/e", "/proc/self/cwd/mine", "../x", "/dev/fd/9/e", "/tmp/sbx-not-there/ls", "/var/tmp/sbx-not-there", "/dev/shm/sbx-not-there", "/run/user/12345/ls"} {
		dir := tempDir(t)
		must(t, os.Mkdir(dir+"/bin", 0o755))
		link(t, "/usr/bin/ls", dir+"/mine")
		g := findWith(t, dir, environ("PATH", dir+"/bin:/usr/bin"))
		link(t, "/proc/thread-self/cwd/e", dir+"/x")
		t.Chdir(dir)
		link(t, to, dir+"/bin/ls")
		link(t, to, dir+"/bin/no-such-program")
		r := check(t, g)
		if want(t, found(r), "bin/ls"); !strings.HasPrefix(strings.Join(programs(r), " "), "bin/no-such-program") {
			t.Errorf("%s: %q", to, programs(r))
		}
	}
}

// TestVariablesMounted: what is mounted where a pattern leads is gone into.
func TestVariablesMounted(t *testing.T) {
	if !inMounts(t) {
		return
	}
	dir := tempDir(t)
	mountTmpfs(t, dir+"/conf/fish", 0)
	mountTmpfs(t, dir+"/ro", unix.MS_RDONLY)
	g := find(t, dir)
	must(t, g.Record())
	g.Environment(environ("XDG_CONFIG_HOME", dir+"/conf:"+dir+"/ro"))
	write(t, dir, "conf/fish/config.fish", "evil")
	r := check(t, g)
	want(t, found(r), "config.fish")
	_, err := r.Quarantine(tempDir(t))
	must(t, err)
}

// TestNobodyAsksTheClock: change times say nothing on some file systems, so that baseline.go
// alone asks for them.
func TestNobodyAsksTheClock(t *testing.T) {
	files, err := filepath.Glob("*.go")
	must(t, err)
	asks := regexp.MustCompile(`(?m)^.*(^|[^.\w])(touched|born)\(.*$`)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") || file == "baseline.go" || file == "identity.go" {
			continue
		}
		text, err := os.ReadFile(file)
		must(t, err)
		for _, line := range asks.FindAllString(string(text), -1) {
			t.Errorf("%s: %s", file, strings.TrimSpace(line))
		}
	}
}
