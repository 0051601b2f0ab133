package main

import (
	"os"
	"path/filepath"
	"strings"
)

// reportedRows are holes that were reported, and their like: what is hidden and shown at
// another place, names that editors and tools obey and that no table had.
var reportedRows = append(hideRows, toldRows...)

// hideRows show what is hidden by another mount.
var hideRows = []row{
	hideRow("above", "the directory above it", "--hide", "d/in", "-v", "{PROJECT}:/tmp/x"),
	hideRow("read-only", "a directory of it, read-only", "-v", "{PROJECT}/d:/tmp/x:ro", "--hide", "{PROJECT}/d/in"),
	hideRow("itself", "its own path", "--hide", "d/in", "-v", "{PROJECT}/d/in:/tmp/x"),
	hideRow("within", "a directory in it", "--hide", "d", "-v", "{PROJECT}/d/in:/tmp/x"),
	hideRow("link", "the directory that a link leads to", "--hide", "link/in", "-v", "{PROJECT}/d:/tmp/x"),
	hideRow("source-link", "a link as the source", "--hide", "d/in", "-v", "{HOME}/link:/tmp/x"),
	hideRow("other", "another mount of it", "-v", "{PROJECT}/d:/tmp/x", "-v", "{PROJECT}:/tmp/y", "--hide", "/tmp/y/d/in"),
	hideRow("two", "two other mounts of it, with --rw and --ro", "--rw", "{PROJECT}/d", "-v", "{HOME}:/tmp/x", "--hide", "d/in", "-v", "{PROJECT}/d:/tmp/y", "--ro", "{PROJECT}/d/in"),
	hideRow("optional", "the directory above, where it need not be there", "--hide", "d/in?", "-v", "{PROJECT}:/tmp/x:ro"),
}

func hideRow(id, by string, flags ...string) row {
	return row{id: "hide-elsewhere-" + id, group: "files", tries: "read what --hide covers, by " + by, views: both, flags: flags,
		setup: func(s *scene) {
			s.file("{PROJECT}/d/in/key", marker)
			s.check(os.Symlink("d", s.path("{PROJECT}/link")))
			s.check(os.Symlink("project/d", s.path("{HOME}/link")))
		},
		cmd: []string{"{ATTACKS}", "contents", "{MARKER}", "{PROJECT}/d/in/key", "/tmp/x/key", "/tmp/x/in/key", "/tmp/x/d/in/key", "/tmp/x/project/d/in/key", "/tmp/y/in/key", "/tmp/y/d/in/key"}}
}

// toldRows leave what is read later by its name.
var toldRows = []row{
	laterBy("told-version-npm", ".tool-versions", "a package of npm's as a tool", `printf 'node 20\nnpm:OWNED 1.0\n' > .tool-versions`),
	laterBy("told-version-pipx", "sub/.tool-versions", "a package of PyPI's as a tool, deeper down", `mkdir sub; echo 'pipx:OWNED latest' > sub/.tool-versions`),
	laterBy("told-version-ref", ".tool-versions", "a commit as a version", `printf 'node ref:0123456789ab\n# OWNED\n' > .tool-versions`),
	laterBy("told-version-option", ".tool-versions", "a tool's option", `echo 'node[postinstall=OWNED] 20' > .tool-versions`),
	toldBy("told-variable-php", "PHP_INI_SCAN_DIR=:{PROJECT}/scan", "an .ini that php reads", "scan/a.ini"),
	toldBy("told-variable-phprc", "PHPRC={PROJECT}/php", "a php.ini", "php/php.ini"),
	toldBy("told-variable-kitty", "KITTY_CONFIG_DIRECTORY={PROJECT}/kit", "a terminal's settings", "kit/kitty.conf"),
	toldBy("told-variable-zellij", "ZELLIJ_CONFIG_DIR={PROJECT}/zj", "a multiplexer's settings", "zj/config.kdl"),
	toldBy("told-variable-pre-commit", "PRE_COMMIT_HOME={PROJECT}/pc", "a hook's program", "pc/repoabc/py_env-python3/bin/black"),
	toldBy("told-variable-java", "JAVA_OPTS=-Dx=y -javaagent:{PROJECT}/agent.jar -Xmx1g", "an agent of java's", "agent.jar"),
	toldBy("told-variable-dir", "MYTOOL_DIR={PROJECT}/tool", "a file that a tool no list has may load", "tool/a/init.php"),
	toldBy("told-variable-home", "MYTOOL_HOME={PROJECT}/tool", "settings of a tool that no list has", "tool/mytool.toml"),
	toldBy("told-variable-directory", "MYTOOL_DIRECTORY={PROJECT}/tool", "the same by another name", "tool/conf.d/x.ini"),
	toldFrom("told-home-lesskey", ".lesskey", "lesskey", "lesskey"),
	toldFrom("told-home-gdb", ".config/gdb", "gdb", "gdb/gdbinit"),
	toldFrom("told-home-zsh", ".zsh", "zsh", "zsh/aliases.zsh"),
	toldFrom("told-home-python", ".pythonrc.py", "pythonrc.py", "pythonrc.py"),
	toldFrom("told-home-unlisted", ".newtoolrc", "newtoolrc", "newtoolrc"),
	toldFrom("told-home-directory", ".newtool", "newtool", "newtool/a/rc"),
	toldFrom("told-home-config", ".config/newtool.toml", "newtool.toml", "newtool.toml"),
	toldRow("told-config-js", "settings that are programs", "for n in eslint.config.js prettier.config.mjs stylelint.config.cjs tailwind.config.ts vitest.config.mts; do echo OWNED > $n; done",
		"eslint.config.js", "prettier.config.mjs", "stylelint.config.cjs", "tailwind.config.ts", "vitest.config.mts"),
	toldRow("told-config-python", "settings of python's linters", "echo OWNED > mypy.ini; echo OWNED > ansible.cfg", "mypy.ini", "ansible.cfg"),
	toldChanged("told-changed", "settings of a known tool that were there", "eslint.config.mjs"),
	toldChanged("told-changed-hidden", "hidden settings that were there", ".flake8"),
	toldChanged("told-changed-unlisted", "hidden settings of a tool that no list has", ".newtool.yml"),
	laterBy("told-version-proto", ".prototools", "a backend of another manager's", `echo '"asdf:OWNED" = "1"' > .prototools`),
}

// toldRow is a row that is judged by the notes: what is left where it was must be named.
func toldRow(id, what, line string, paths ...string) row {
	return row{id: id, group: "run later", tries: "leave " + what + ", unsaid", views: both,
		cmd: []string{"sh", "-c", line + "; echo TRIED: planted"},
		judge: func(s *scene) string {
			for _, p := range paths {
				if s.has("{PROJECT}/"+p, "OWNED") && !strings.Contains(s.output, p) {
					return p + " was left, and there is no note"
				}
			}
			return ""
		}}
}

// toldBy is one that a variable of the caller's leads to: it is changed, and must be moved
// or named.
func toldBy(id, variable, what, path string) row {
	r := toldRow(id, what+", to which a variable leads", "echo OWNED >> "+path, path)
	r.setup = func(s *scene) {
		s.file("{PROJECT}/"+path, "mine\n")
		s.env = append(s.env, s.path(variable))
		s.tick()
	}
	return r
}

// toldFrom is one that a link in the home leads to: it is changed, and must be moved or
// named.
func toldFrom(id, link, to, path string) row {
	r := toldRow(id, "what ~/"+link+" leads to", "echo OWNED >> "+path, path)
	r.setup = func(s *scene) {
		s.file("{PROJECT}/"+path, "mine\n")
		s.mkdir("{HOME}/" + filepath.Dir(link))
		s.check(os.Symlink(s.path("{PROJECT}/"+to), s.path("{HOME}/"+link)))
		s.tick()
	}
	return r
}

// toldChanged is one that was there, and is changed.
func toldChanged(id, what, path string) row {
	r := toldRow(id, what, "echo OWNED >> "+path, path)
	r.setup = func(s *scene) {
		s.file("{PROJECT}/"+path, "mine\n")
		s.tick()
	}
	return r
}
