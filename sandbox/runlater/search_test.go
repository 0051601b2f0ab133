package runlater

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// environ is a caller's, of pairs.
func environ(pairs ...string) (all []string) {
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, pairs[i]+"="+pairs[i+1])
	}
	return all
}

func script(t *testing.T, path, text string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, []byte(text), 0o755))
}

// findWith is find, with the caller's variables.
func findWith(t *testing.T, project string, env []string, writable ...string) Guard {
	t.Helper()
	g := find(t, project)
	g.Environment(env, writable...)
	return g
}

func programs(r Report) (names []string) {
	for _, f := range r.Programs {
		names = append(names, f.Path)
	}
	return names
}

// pathScene has two programs outside, ls and python3, and .venv/bin before them.
func pathScene(t *testing.T) (dir, usr, path string) {
	dir, usr = tempDir(t), tempDir(t)
	script(t, usr+"/ls", "ls")
	script(t, usr+"/python3", "python3")
	script(t, usr+"/python3.12", "python3.12")
	return dir, usr, dir + "/.venv/bin:" + usr
}

func TestPath(t *testing.T) {
	dir, usr, path := pathScene(t)
	script(t, dir+"/.venv/bin/mine", "")
	script(t, dir+"/.venv/bin/grown", "")
	script(t, dir+"/tools/x", "x")
	script(t, dir+"/tools/later", "x")
	script(t, usr+"/data", "mine")
	script(t, usr+"/wrong", "")
	script(t, usr+"/dead", "mine")
	must(t, os.WriteFile(dir+"/.venv/bin/data", nil, 0o644))
	link(t, "../../tools/x", dir+"/.venv/bin/linked")
	link(t, "../../tools/none", dir+"/.venv/bin/dead")
	link(t, usr+"/python3", dir+"/.venv/bin/python3")
	g := findWith(t, dir, environ("PATH", path))
	want(t, found(check(t, g)))
	want(t, programs(check(t, g)))

	script(t, dir+"/.venv/bin/new", "")
	script(t, dir+"/.venv/bin/grown", "more")
	script(t, dir+"/tools/x", "evil")
	must(t, os.WriteFile(dir+"/.venv/bin/readme", nil, 0o644))
	link(t, usr+"/python3.12", dir+"/.venv/bin/python")
	link(t, "/nowhere/else/ls", dir+"/.venv/bin/ls")
	r := check(t, g)
	want(t, found(r))
	want(t, programs(r), ".venv/bin/grown", ".venv/bin/linked", ".venv/bin/new")

	must(t, os.Remove(dir+"/.venv/bin/ls"))
	script(t, dir+"/.venv/bin/ls", "evil")
	must(t, os.Chmod(dir+"/.venv/bin/data", 0o755))
	script(t, dir+"/tools/none", "")
	must(t, os.Remove(dir+"/.venv/bin/python3"))
	script(t, dir+"/.venv/bin/python3", "evil")
	script(t, dir+"/.venv/bin/git-status", "")
	script(t, dir+"/.venv/bin/sbx", "")
	link(t, usr+"/python3", dir+"/.venv/bin/wrong")
	want(t, found(check(t, g)), ".venv/bin/data", ".venv/bin/dead", ".venv/bin/git-status", ".venv/bin/ls", ".venv/bin/python3", ".venv/bin/sbx", ".venv/bin/wrong")
}

// TestPathInOrder has the project's directory last, or only ones of the project's.
func TestPathInOrder(t *testing.T) {
	dir, usr, _ := pathScene(t)
	script(t, dir+"/a/tsc", "")
	g := findWith(t, dir, environ("PATH", usr+":"+dir+"/bin:"+dir+"/a"))
	script(t, dir+"/bin/ls", "")
	script(t, dir+"/bin/tsc", "")
	r := check(t, g)
	want(t, found(r))
	want(t, programs(r), "bin/ls", "bin/tsc")
}

// TestPathOtherwise has the directory be made by the run, reached by a link, relative,
// empty, a link of the run's, in another writable directory.
func TestPathOtherwise(t *testing.T) {
	for name, try := range map[string]func(t *testing.T, dir, usr string) (path string, run func(), want []string){
		"made": func(t *testing.T, dir, usr string) (string, func(), []string) {
			return dir + "/node_modules/.bin:" + usr, func() { script(t, dir+"/node_modules/.bin/ls", "") }, []string{"node_modules/.bin/ls"}
		},
		"moved in": func(t *testing.T, dir, usr string) (string, func(), []string) {
			script(t, dir+"/fixtures/ls", "")
			return dir + "/bin:" + usr, func() { must(t, os.Rename(dir+"/fixtures", dir+"/bin")) }, []string{"bin/ls"}
		},
		"by a link outside": func(t *testing.T, dir, usr string) (string, func(), []string) {
			must(t, os.Mkdir(dir+"/bin", 0o755))
			link(t, dir+"/bin", usr+"/there")
			return usr + "/there:" + usr, func() { script(t, dir+"/bin/ls", "") }, []string{"bin/ls"}
		},
		"by a link inside": func(t *testing.T, dir, usr string) (string, func(), []string) {
			must(t, os.Mkdir(dir+"/bin", 0o755))
			link(t, "bin", dir+"/there")
			return dir + "/there:" + usr, func() { script(t, dir+"/bin/ls", "") }, []string{"bin/ls"}
		},
		"a new link": func(t *testing.T, dir, usr string) (string, func(), []string) {
			script(t, dir+"/fixtures/bin/ls", "")
			return dir + "/x/bin:" + usr, func() { link(t, "fixtures", dir+"/x") }, []string{"x"}
		},
		"a link in place": func(t *testing.T, dir, usr string) (string, func(), []string) {
			must(t, os.Mkdir(dir+"/bin", 0o755))
			return dir + "/bin:" + usr, func() { must(t, os.Remove(dir+"/bin")); link(t, "/opt", dir+"/bin") }, []string{"bin"}
		},
		"relative": func(t *testing.T, dir, usr string) (string, func(), []string) {
			return "node_modules/.bin:" + usr, func() { script(t, dir+"/node_modules/.bin/ls", "") }, []string{"node_modules/.bin/ls"}
		},
		"empty": func(t *testing.T, dir, usr string) (string, func(), []string) {
			return ":" + usr, func() { script(t, dir+"/ls", "") }, []string{"ls"}
		},
		"dot and dot-dot": func(t *testing.T, dir, usr string) (string, func(), []string) {
			return dir + "/a/../bin/./:" + usr, func() { script(t, dir+"/bin/ls", "") }, []string{"bin/ls"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, usr, _ := pathScene(t)
			path, run, expected := try(t, dir, usr)
			g := findWith(t, dir, environ("PATH", path))
			time.Sleep(15 * time.Millisecond)
			run()
			want(t, found(check(t, g)), expected...)
		})
	}
	dir, usr, _ := pathScene(t)
	other := tempDir(t)
	g := findWith(t, dir, environ("PATH", other+":"+usr), other)
	script(t, other+"/ls", "")
	want(t, found(check(t, g, other)), "ls")
}

// TestPathVenv has python make a virtual environment, whose bin is in PATH.
func TestPathVenv(t *testing.T) {
	const python = "/usr/bin/python3" // a version manager's is a script, of which no copy is made
	if _, err := os.Stat(python); err != nil {
		skip(t, err)
	}
	for _, args := range [][]string{{"--without-pip"}, {"--without-pip", "--copies"}} {
		dir := tempDir(t)
		g := findWith(t, dir, environ("PATH", dir+"/.venv/bin:"+filepath.Dir(python)))
		if out, err := exec.Command(python, append([]string{"-m", "venv", dir + "/.venv"}, args...)...).CombinedOutput(); err != nil {
			skip(t, string(out))
		}
		r := check(t, g)
		want(t, found(r))
	}
	dir, usr, path := pathScene(t)
	script(t, usr+"/pip", "mine")
	g := findWith(t, dir, environ("PATH", path))
	script(t, dir+"/.venv/bin/pip", "")
	want(t, found(check(t, g)), ".venv/bin/pip")
	write(t, dir, ".venv/pyvenv.cfg", "")
	r := check(t, g)
	want(t, found(r))
	want(t, programs(r), ".venv/bin/pip")
}

// TestPathQuarantine moves aside what it found.
func TestPathQuarantine(t *testing.T) {
	dir, _, path := pathScene(t)
	g := findWith(t, dir, environ("PATH", path))
	script(t, dir+"/.venv/bin/ls", "")
	if _, err := check(t, g).Quarantine(tempDir(t)); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(dir + "/.venv/bin/ls"); err == nil {
		t.Error("it is there")
	}
}

func TestVariables(t *testing.T) {
	dir, lib := tempDir(t), tempDir(t)
	script(t, dir+"/lib/libmine.so.1", "")
	script(t, dir+"/src/os.py", "")
	script(t, dir+"/init.sh", "")
	script(t, dir+"/old.sh", "")
	usual := func(name string) string {
		for i := range variables {
			if v := &variables[i]; v.name == name {
				for _, pattern := range v.usual {
					for _, n := range []string{"os.py", "libc.so.6", "strict.pm", "set.rb", "json"} {
						if found, _ := filepath.Glob(pattern + "/" + n); len(found) > 0 {
							return n
						}
					}
				}
			}
		}
		skip(t, "nothing to stand before: "+name)
		return ""
	}
	g := findWith(t, dir, environ("LD_LIBRARY_PATH", dir+"/lib", "PYTHONPATH", dir+"/src:"+dir+"/more", "PERL5LIB", dir+"/perl", "GIT_EXEC_PATH", dir+"/gitexec", "FPATH", dir+"/zsh",
		"XDG_DATA_DIRS", dir+"/share:/usr/share", "GIT_TEMPLATE_DIR", dir+"/template", "BASH_ENV", dir+"/init.sh", "LD_PRELOAD", dir+"/a.so "+dir+"/b.so", "NODE_OPTIONS", "--require="+dir+"/x.js",
		"ENV", dir+"/old.sh", "EDITOR", "vim", "PYTHONSTARTUP", lib+"/mine"))
	want(t, found(check(t, g)))
	expected := []string{"a.so", "gitexec/git-remote-https", "init.sh", "lib/glibc-hwcaps", "lib/" + usual("LD_LIBRARY_PATH"), "more/" + usual("PYTHONPATH"), "more/sitecustomize.py", "perl/" + usual("PERL5LIB"),
		"share/applications/x.desktop", "src/usercustomize", "template/hooks/pre-commit", "x.js", "zsh/_git"}
	for _, n := range append([]string{"lib/libmine.so.2", "lib/libmine.so.1", "src/mine.py", "src/os.py", "more/test/x.py", "share/man/man1/x.1", "perl/Mine.pm"}, expected...) {
		if n == "src/usercustomize" || n == "lib/glibc-hwcaps" {
			n += "/__init__.py"
		}
		script(t, dir+"/"+n, "evil")
	}
	want(t, found(check(t, g)), expected...)
}

// BenchmarkEnvironment is what a start pays for a PATH of nothing that it can write.
func BenchmarkEnvironment(b *testing.B) {
	dir := b.TempDir()
	g, err := findIn(dir)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("start", func(b *testing.B) {
		for b.Loop() {
			g.Environment(os.Environ())
		}
	})
	b.Run("end", func(b *testing.B) {
		for b.Loop() {
			if _, err := g.Check(); err != nil {
				b.Fatal(err)
			}
		}
	})
	g.search = nil
	b.Run("end without", func(b *testing.B) {
		for b.Loop() {
			if _, err := g.Check(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// TestVariablesBelow has a run plant each of what variables lead to, alone.
func TestVariablesBelow(t *testing.T) {
	for _, try := range []struct{ variable, value, plant, found string }{
		{"PYTHONUSERBASE", "/ub", "ub/lib/python3.11/site-packages/usercustomize.py", ""},
		{"PYTHONUSERBASE", "/ub", "ub/lib/python3.12/site-packages/x.pth", ""},
		{"PYTHONPYCACHEPREFIX", "/pc", "pc/usr/lib/python3.11/json/__init__.pyc", "pc/usr"},
		{"DIRENV_CONFIG", "/d", "d/direnvrc", ""},
		{"NVM_DIR", "/d", "d/nvm.sh", ""},
		{"DOCKER_CONFIG", "/d", "d/cli-plugins/docker-x", ""},
		{"GCONV_PATH", "/d", "d/gconv-modules", ""},
		{"OPENSSL_CONF", "/d/x.cnf", "d/x.cnf", ""},
		{"OPENSSL_MODULES", "/d", "d/legacy.so", ""},
		{"HGRCPATH", "/d:/etc/x", "d/x.rc", ""},
		{"HGRCPATH", "/d/hgrc", "d/hgrc", ""},
		{"MISE_CONFIG_DIR", "/d", "d/conf.d/x.toml", ""},
		{"EMACSLOADPATH", "/d:", "d/subr.el", ""},
		{"CARGO_HOME", "/d", "d/config.toml", ""},
		{"GNUPGHOME", "/d", "d/gpg-agent.conf", ""},
		{"PSQLRC", "/d/rc", "d/rc", ""},
		{"NPM_CONFIG_USERCONFIG", "/d/rc", "d/rc", ""},
		{"npm_config_userconfig", "/d/rc", "d/rc", ""},
		{"NPM_config_PREFIX", "/d", "d/etc/npmrc", ""},
		{"RBENV_ROOT", "/d", "d/rbenv.d/exec/x.bash", "d/rbenv.d/exec"},
		{"ZDOTDIR", "/d", "d/.zshenv", ""},
		{"XDG_CONFIG_HOME", "/d", "d/nvim/lua/deep/x.lua", "d/nvim/lua"},
		{"LESSOPEN", "|/d/x %s", "d/x", ""},
		{"PYTHONSTARTUP", "/a dir/x.py", "a dir/x.py", ""},
		{"BASH_ENV", "./x/../init.sh", "init.sh", ""},
		{"AWS_CONFIG_FILE", "/x/..//d/config", "d/config", ""},
		{"IPYTHONDIR", "/d", "d/profile_x/startup/00.py", ""},
		{"GRADLE_USER_HOME", "/d", "d/init.d/a.gradle", ""},
		{"ZSH", "/d", "d/plugins/git/git.plugin.zsh", ""},
		{"ZSH_CUSTOM", "/d", "d/a.zsh", ""},
		{"BASH_COMPLETION_USER_DIR", "/d", "d/completions/git", ""},
		{"GTK_PATH", "/d", "d/3.0/modules/m.so", "d/3.0"},
		{"M2_HOME", "/d", "d/conf/settings.xml", ""},
		{"MAKEFILES", "/d/b.mk", "d/b.mk", ""},
		{"MAVEN_OPTS", "-javaagent:/d/x.jar", "d/x.jar", ""},
		{"R_LIBS_USER", "/d", "d/utils/R/utils", "d/utils"},
		{"GIO_EXTRA_MODULES", "/d", "d/libx.so", ""},
		{"LD_LIBRARY_PATH", "/x", "x/glibc-hwcaps/x86-64-v3/libc.so.6", "x/glibc-hwcaps"},
		{"PHPRC", "/d", "d/php.ini", ""},
		{"PHPRC", "/d/mine.ini", "d/mine.ini", ""},
		{"PHP_INI_SCAN_DIR", ":/d", "d/a.ini", ""},
		{"KITTY_CONFIG_DIRECTORY", "/d", "d/kitty.conf", ""},
		{"ZELLIJ_CONFIG_DIR", "/d", "d/layouts/x.kdl", ""},
		{"GH_CONFIG_DIR", "/d", "d/config.yml", ""},
		{"TIGRC_USER", "/d/rc", "d/rc", ""},
	} {
		dir := tempDir(t)
		value := strings.Replace(strings.Replace(try.value, "/", dir+"/", 1), "."+dir, ".", 1)
		must(t, os.MkdirAll(dir+"/x", 0o755))
		g := findWith(t, dir, environ(try.variable, value))
		script(t, dir+"/"+try.plant, "evil")
		if try.found == "" {
			try.found = try.plant
		}
		if got := found(check(t, g)); len(got) != 1 || got[0] != try.found {
			t.Errorf("%s=%s: found %q", try.variable, value, got)
		}
	}
}

// TestVariablesTold has ones that no list has, and what is the project's own.
func TestVariablesTold(t *testing.T) {
	dir, usr := tempDir(t), tempDir(t)
	link(t, dir+"/linked", usr+"/there")
	must(t, os.Mkdir(dir+"/linked", 0o755))
	script(t, dir+"/tool/bin/mine", "")
	script(t, dir+"/fixtures/x", "")
	g := findWith(t, dir, environ("PATH", "/usr/bin", "MYTOOL_HOME", "/nowhere:"+dir+"/tool", "MYTOOL_RC", dir+"/rc", "OTHER", usr+"/there", "MOVED", dir+"/moved", "PWD", dir+"/pwd", "CARGO_HOME", dir+"/cargo", "NODE_PATH", dir+"/lib",
		"RELATIVE", "./rel"))
	want(t, unknown(check(t, g)))
	for _, n := range []string{"tool/bin/x", "tool/run", "rc", "linked/y", "pwd/x", "cargo/bin/x", "lib/m.js", "rel/x"} {
		script(t, dir+"/"+n, "")
	}
	write(t, dir, "tool/data", "")
	must(t, os.Rename(dir+"/fixtures", dir+"/moved"))
	r := check(t, g)
	want(t, found(r))
	want(t, unknown(r), "cargo/bin/x", "lib/m.js", "linked/y", "moved/x", "rc", "tool/bin/x", "tool/run")
}

// TestVariablesMoved has what was there before be moved to where a variable leads, or
// linked there; and what was there stay.
func TestVariablesMoved(t *testing.T) {
	dir := tempDir(t)
	script(t, dir+"/fixtures/python3/site-packages/x.pth", "")
	script(t, dir+"/old/lib/python3/site-packages/mine.pth", "")
	script(t, dir+"/old/direnvrc", "")
	g := findWith(t, dir, environ("PYTHONUSERBASE", dir+"/ub:"+dir+"/ub2:"+dir+"/old", "DIRENV_CONFIG", dir+"/old"))
	want(t, found(check(t, g)))
	must(t, os.Mkdir(dir+"/ub", 0o755))
	must(t, os.Mkdir(dir+"/ub2", 0o755))
	must(t, os.Rename(dir+"/fixtures", dir+"/ub/lib"))
	link(t, "../ub/lib", dir+"/ub2/lib")
	write(t, dir, "old/lib/python3/site-packages/other.pth", "")
	want(t, found(check(t, g)), "old/lib/python3/site-packages/other.pth", "ub/lib/python3/site-packages/x.pth", "ub2/lib")
}

// TestVariablesAreSorted is what the search by halves needs.
func TestVariablesAreSorted(t *testing.T) {
	if !slices.IsSortedFunc(variables[:], func(a, b variable) int { return strings.Compare(a.name, b.name) }) || !slices.IsSorted(unlooked) {
		t.Error("they are not")
	}
}

// TestVariablesOnlyTold has what may be what the project builds: it is named and stays.
func TestVariablesOnlyTold(t *testing.T) {
	for _, try := range []struct{ variable, value, plant string }{
		{"R_LIBS_USER", "/d", "d/mine/R/mine"},
		{"QT_PLUGIN_PATH", "/d", "d/platforms/q.so"},
		{"GST_PLUGIN_PATH", "/d", "d/x.so"},
		{"HELM_PLUGINS", "/d", "d/x/plugin.yaml"},
		{"NIX_PATH", "nixpkgs=/d:other=/e", "d/default.nix"},
		{"NIX_PATH", "x=/d/shell.nix", "d/shell.nix"},
		{"PSModulePath", "/d", "d/M/M.psm1"},
		{"ERL_LIBS", "/d", "d/mine/ebin/mine.app"},
		{"MIX_HOME", "/d", "d/escripts/x"},
		{"TCLLIBPATH", "/e /d", "d/x/pkgIndex.tcl"},
		{"MAKEFLAGS", "-j4 -I/d", "d/x.mk"},
		{"M2_HOME", "/d", "d/bin/mvn"},
		{"PRE_COMMIT_HOME", "/d", "d/repo1/hook"},
		{"HELM_DATA_HOME", "/d", "d/plugins/x/plugin.yaml"},
		{"JAVA_HOME", "/d", "d/bin/java"},
		{"VOLTA_HOME", "/d", "d/bin/node"},
		{"VK_LAYER_PATH", "/d", "d/x.json"},
		{"MYTOOL_DIR", "/d", "d/a/b/init.php"},
		{"MYTOOL_DIRECTORY", "/d", "d/x.conf"},
		{"MYTOOL_HOME", "/d", "d/conf/x.toml"},
		{"MYTOOL_CONFIG", "/d", "d/mytoolrc"},
		{"MYTOOL_MODULES", "/d", "d/x.so.1"},
		{"MYTOOL_PATH", "/d", "d/x.DLL"},
	} {
		dir := tempDir(t)
		g := findWith(t, dir, environ(try.variable, strings.NewReplacer("/d", dir+"/d", "/e", dir+"/e").Replace(try.value)))
		write(t, dir, try.plant, "")
		r := check(t, g)
		want(t, found(r))
		want(t, unknown(r), try.plant)
	}
}

// TestVariablesDeeper has ones that no list has, by a name that says what it leads to.
func TestVariablesDeeper(t *testing.T) {
	dir := tempDir(t)
	write(t, dir, "plugins/old/x.so", "")
	g := findWith(t, dir, environ("MYTOOL_PLUGIN_PATH", dir+"/plugins", "BUILD_DIR", dir+"/build", "LDFLAGS", "-L"+dir+"/build -Wl,-rpath,"+dir+"/build", "CODE_PATH", dir))
	for _, n := range []string{"plugins/a/b/x.so", "plugins/x.lua", "plugins/data.txt", "plugins/data.json", "build/x.so", "build/a/y.so", "build/x.conf", "app.py"} {
		write(t, dir, n, "")
	}
	want(t, unknown(check(t, g)), "plugins/a/b/x.so", "plugins/x.lua")
}
