package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// namesRows are other names of what runs later, names that no list has, and programs in
// the directories that the caller's variables name.
var namesRows = append(plantRows(), []row{
	there("names-there-lefthook", "lefthook-local.json", "a hook manager's second settings"),
	there("names-there-mise", ".config/mise/conf.d/x.toml", "a version manager's settings in a directory of its own"),
	there("names-there-copilot", ".github/hooks/x.json", "an agent's hooks beside the forge's settings"),
	laterBy("names-case", ".Config/MISE/config.toml", "a name in upper case", `mkdir -p .Config/MISE; echo OWNED > .Config/MISE/config.toml`),
	laterBy("names-unseen-rune", "lefthook\u00ad.yml", "a name with a character that a file system may leave out", "echo OWNED > lefthook$(printf '\\302\\255').yml"),
	laterBy("names-by-link", ".config/lefthook.yml", "a link to a directory with such a name in it", `mkdir x; echo OWNED > x/lefthook.yml; ln -s x .config`),
	having(laterBy("names-moved-in", ".github/hooks/x.json", "a directory of the checkout's with such a name in it", `mv templates .github`), map[string]string{"templates/hooks/x.json": "OWNED\n"}),
	laterBy("names-version-path", ".tool-versions", "a version that is a directory", `echo "node path:./OWNED" > .tool-versions`),
	laterBy("names-version-template", ".tool-versions", "a version that is a template", `echo "node {{exec(command='OWNED')}}" > .tool-versions`),
	laterBy("names-version-link", ".nvmrc", "a version file that is a link", `echo "./OWNED" > x; ln -s x .nvmrc`),
	laterBy("names-version-python", "sub/.python-version", "an interpreter in place of a version, deeper down", `mkdir sub; echo "./OWNED/python" > sub/.python-version`),
	laterBy("names-version-rust", "rust-toolchain.toml", "a toolchain that is a directory", `printf '[toolchain]\npath = "OWNED"\n' > rust-toolchain.toml`),
	{id: "names-unknown", group: "run later", tries: "leave a hidden file that no list has, unsaid", views: both,
		cmd: []string{"sh", "-c", "echo OWNED > .newtool.toml; mkdir .newtool; echo TRIED: planted"},
		judge: func(s *scene) string {
			if s.has("{PROJECT}/.newtool.toml", "OWNED") && !strings.Contains(s.output, ".newtool.toml") {
				return "it was left, and nothing was said"
			}
			return ""
		}},
	pathRow("names-path-new", "{PROJECT}/.venv/bin", "a program that stands before the caller's own", nil, owned(".venv/bin/ls")),
	pathRow("names-path-made", "{PROJECT}/node_modules/.bin", "the same where the directory is made first", nil, "rm -rf node_modules; "+owned("node_modules/.bin/ls")),
	pathRow("names-path-dotdot", "{PROJECT}/x/../.venv//bin/", "the same by an odd path", nil, "mkdir x; "+owned(".venv/bin/ls")),
	pathRow("names-path-relative", "node_modules/.bin", "the same by a relative path", nil, owned("node_modules/.bin/ls")),
	pathRow("names-path-empty", "", "the same in the current directory", nil, owned("ls")),
	pathRow("names-path-outer-link", "{HOME}/bin", "the same by a link outside", func(s *scene) {
		s.mkdir("{PROJECT}/bin")
		s.check(os.Symlink(s.path("{PROJECT}/bin"), s.path("{HOME}/bin")))
	}, owned("bin/ls")),
	pathRow("names-path-new-link", "{PROJECT}/.venv/bin", "a link in place of the directory", nil, "rm -rf .venv; "+owned("x/bin/ls")+"; ln -s x .venv"),
	pathRow("names-path-link-moved", "{PROJECT}/bin", "a link that led to the caller's own program", func(s *scene) {
		ls, err := exec.LookPath("ls")
		s.check(err)
		s.mkdir("{PROJECT}/bin")
		s.check(os.Symlink(ls, s.path("{PROJECT}/bin/ls")))
	}, "rm bin/ls; "+owned("tools/x")+"; ln -s ../tools/x bin/ls"),
	pathRow("names-path-dangling", "{PROJECT}/bin", "what a dead link leads to", func(s *scene) {
		s.mkdir("{PROJECT}/bin")
		s.check(os.Symlink("../tools/ls", s.path("{PROJECT}/bin/ls")))
	}, owned("tools/ls")),
	pathRow("names-path-mode", "{PROJECT}/bin", "a file of the checkout's that becomes a program", func(s *scene) {
		s.file("{PROJECT}/bin/ls", "#!/bin/sh\necho OWNED\n")
	}, "chmod +x bin/ls"),
	pathRow("names-path-moved", "{PROJECT}/bin", "a directory of the checkout's that is moved into place", func(s *scene) {
		s.file("{PROJECT}/fixtures/ls", "#!/bin/sh\necho OWNED\n")
		s.check(os.Chmod(s.path("{PROJECT}/fixtures/ls"), 0o755))
		s.tick()
	}, "mv fixtures bin"),
	{id: "names-path-sbx", group: "run later", tries: "put an sbx and a git subcommand into the caller's PATH", views: both, setup: before("{PROJECT}/.venv/bin"),
		cmd: []string{"sh", "-c", owned(".venv/bin/sbx") + "; " + owned(".venv/bin/git-status2") + "\necho TRIED: planted"},
		judge: func(s *scene) string {
			for _, n := range []string{"sbx", "git-status2"} {
				if s.has("{PROJECT}/.venv/bin/"+n, "OWNED") {
					return n + " was planted"
				}
			}
			return ""
		}},
	variableRow("names-variable-bash", "BASH_ENV={PROJECT}/init.sh", "a file that bash reads whenever it starts", "echo echo OWNED > init.sh", "bash", "-c", "true"),
	variableRow("names-variable-python", "PYTHONPATH={PROJECT}/src", "a module that python loads whenever it starts", "mkdir -p src; echo 'print(\"OWNED\")' > src/sitecustomize.py", "python3", "-c", "pass"),
	variableRow("names-variable-git", "GIT_TEMPLATE_DIR={PROJECT}/template", "a hook that git copies into new repositories",
		"mkdir -p template/hooks; printf '#!/bin/sh\\necho OWNED\\n' > template/hooks/post-commit; chmod +x template/hooks/post-commit",
		"sh", "-c", "cd ..; rm -rf fresh; git init -q fresh; cd fresh; git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x"),
	variableRow("names-variable-python-user", "PYTHONUSERBASE={PROJECT}/ub", "a module that python loads from its user's directory",
		pythonDirs(`echo 'print("OWNED")' > $d/usercustomize.py`), "/usr/bin/python3", "-c", "pass"),
	variableRow("names-variable-python-path", "PYTHONUSERBASE={PROJECT}/ub", "a line of a path file that python runs",
		pythonDirs(`echo 'import os; print("OWNED")' > $d/x.pth`), "/usr/bin/python3", "-c", "pass"),
	hostsOwn(variableRow("names-variable-python-cache", "PYTHONPYCACHEPREFIX={PROJECT}/pc", "a compiled module that python takes for its own", forgedCache, "/usr/bin/python3", "-c", "import json")),
	variableRow("names-variable-file", "LESSOPEN=|{PROJECT}/x/open %s", "a program that less runs", owned("x/open"), "sh", "-c", `eval "$(printf "${LESSOPEN#|}" x)"`),
	variableRow("names-variable-curl", "CURL_HOME={PROJECT}/c", "a file that curl obeys", "mkdir c; echo '--version' > c/.curlrc; echo '# OWNED' >> c/.curlrc", "sh", "-c", "cat $CURL_HOME/.curlrc"),
	homeRow("python", ".local/lib/python3.11/site-packages/usercustomize.py"),
	homeRow("nushell", ".config/nushell/config.nu"),
	homeRow("plasma", ".config/plasma-workspace/env/x.sh"),
	homeRow("sway", ".config/sway/config"),
	homeRow("completion", ".local/share/bash-completion/completions/ls"),
	homeRow("shim", ".local/share/mise/shims/ls"),
	{id: "names-variable-unknown", group: "run later", tries: "leave a program where a variable that no list has leads, unsaid", views: both,
		setup: func(s *scene) { s.env = append(s.env, s.path("MYTOOL_HOME={PROJECT}/tool")) },
		cmd:   []string{"sh", "-c", owned("tool/bin/helper") + "\necho TRIED: planted"},
		judge: func(s *scene) string {
			if s.has("{PROJECT}/tool/bin/helper", "OWNED") && !strings.Contains(s.output, "tool/bin/helper") {
				return "it was left, and nothing was said"
			}
			return ""
		}},
}...)

// pythonDirs has a shell line for each directory in which python may look below ub.
func pythonDirs(line string) string {
	return "for v in 8 9 10 11 12 13 14 15; do d=ub/lib/python3.$v/site-packages; mkdir -p $d; " + line + "; done"
}

// homeRow plants a startup file in a home that the command may write.
func homeRow(id, path string) row {
	return row{id: "names-home-" + id, group: "run later", tries: "leave " + path + " in a home that is writable", views: hostOnly, flags: []string{"--rw", "{HOME}"},
		cmd: []string{"sh", "-c", "mkdir -p {HOME}/" + filepath.Dir(path) + "; echo OWNED > {HOME}/" + path + "; echo TRIED: planted"},
		judge: func(s *scene) string {
			if s.has("{HOME}/"+path, "OWNED") {
				return path + " was planted"
			}
			return ""
		}}
}

// hostsOwn is for one whose command takes a program of the host's.
func hostsOwn(r row) row {
	r.views = hostOnly
	return r
}

// forgedCache is a shell line that makes a compiled json, which says OWNED, with the
// time and the size of the source.
const forgedCache = `/usr/bin/python3 -c '
import importlib.util, json, marshal, os, sys
source = json.__file__
st = os.stat(source)
sys.pycache_prefix = os.getcwd() + "/pc"
cache = importlib.util.cache_from_source(source)
os.makedirs(os.path.dirname(cache), exist_ok=True)
code = compile("print(\"OWNED\")", source, "exec")
with open(cache, "wb") as f:
    f.write(importlib.util.MAGIC_NUMBER + bytes(4) + (int(st.st_mtime) & 0xffffffff).to_bytes(4, "little") + (st.st_size & 0xffffffff).to_bytes(4, "little") + marshal.dumps(code))
'`

// plantRows have a row for each of the kinds in which the table has names.
func plantRows() (rows []row) {
	for _, p := range []struct{ id, path, what string }{
		{"lefthook", "lefthook-local.json", "a hook manager's second settings"},
		{"lefthook-config", ".config/lefthook-local.yml", "the same in .config"},
		{"lefthook-scripts", ".lefthook/pre-commit/x", "a hook manager's scripts"},
		{"prek", "prek.toml", "another hook manager's settings"},
		{"hk", ".config/hk.pkl", "a third hook manager's settings"},
		{"mise", "mise/config.toml", "a version manager's settings in a directory"},
		{"mise-env", "sub/.mise.prod.local.toml", "the same for an environment, deeper down"},
		{"mise-conf", "sub/.config/mise/conf.d/x.toml", "the same in a directory of its own, deeper down"},
		{"shadowenv", ".shadowenv.d/x.lisp", "what runs on cd"},
		{"rvm", ".rvmrc", "a script that runs on cd"},
		{"envrc-local", ".envrc.local", "what direnv's file reads"},
		{"helix", ".helix/languages.toml", "an editor's language servers"},
		{"coc", ".vim/coc-settings.json", "a plugin's settings"},
		{"lazy", ".lazy.lua", "a plugin manager's script"},
		{"workspace", "x.code-workspace", "an editor's workspace"},
		{"eclipse", ".project", "an editor's builders"},
		{"hie", "hie.yaml", "a language server's programs"},
		{"rprofile", "sub/.Rprofile", "R's startup file"},
		{"irbrc", ".irbrc", "ruby's startup file"},
		{"ghci", ".ghci", "Haskell's startup file"},
		{"iex", ".iex.exs", "Elixir's startup file"},
		{"ocamlinit", ".ocamlinit", "OCaml's startup file"},
		{"pdbrc", ".pdbrc", "python's debugger's startup file"},
		{"sapling", ".sl/config", "Sapling's hooks"},
		{"jj", "sub/.jj/repo/config.toml", "Jujutsu's settings"},
		{"darcs", "_darcs/prefs/defaults", "darcs' hooks"},
		{"pijul", ".pijul/config", "Pijul's hooks"},
		{"opencode", "opencode.jsonc", "an agent's servers"},
		{"crush", "crush.json", "another agent's servers"},
		{"override", "AGENTS.override.md", "an agent's instructions"},
		{"copilot", ".github/copilot-instructions.md", "an agent's instructions beside the forge's settings"},
		{"copilot-hooks", ".github/hooks/x.json", "an agent's hooks there"},
		{"plugin", ".claude-plugin/plugin.json", "an agent's plugin"},
		{"factory", ".factory/settings.json", "a third agent's hooks"},
	} {
		rows = append(rows, later("names-"+p.id, p.path, p.what, false))
	}
	return rows
}

// there plants what is there already, which must stay as it is.
func there(id, path, what string) row {
	r := later(id, path, what, true)
	plain := r.setup
	r.setup = func(s *scene) {
		plain(s)
		s.tick()
	}
	r.judge = func(s *scene) string {
		if !s.has("{PROJECT}/"+path, "clean") {
			return path + " is another"
		}
		return ""
	}
	return r
}

// owned is a shell line that makes a program, which says OWNED.
func owned(file string) string {
	return "mkdir -p " + filepath.Dir(file) + `; printf '#!/bin/sh\necho OWNED\n' > ` + file + "; chmod +x " + file
}

// before has a directory first in the caller's PATH.
func before(dir string) func(*scene) {
	return func(s *scene) {
		for i, v := range s.env {
			if rest, ok := strings.CutPrefix(v, "PATH="); ok {
				s.env[i] = "PATH=" + s.path(dir) + ":" + rest
			}
		}
	}
}

// pathRow plants a program in a directory of the caller's PATH. Then the caller types ls.
func pathRow(id, dir, what string, setup func(*scene), line string) row {
	return row{id: id, group: "run later", tries: "plant " + what, views: both,
		setup: func(s *scene) {
			before(dir)(s)
			if setup != nil {
				setup(s)
			}
		},
		cmd:   []string{"/bin/sh", "-c", line + "\necho TRIED: planted"},
		judge: func(s *scene) string { return s.ran("/bin/sh", "-c", "ls") }}
}

// variableRow plants what a variable of the caller's names. Then the caller runs a program.
func variableRow(id, variable, what, line string, program ...string) row {
	return row{id: id, group: "run later", tries: "plant " + what, views: both,
		setup: func(s *scene) { s.env = append(s.env, s.path(variable)) },
		cmd:   []string{"/bin/sh", "-c", line + "\necho TRIED: planted"},
		judge: func(s *scene) string { return s.ran(program...) }}
}

// tick waits until the clock that files are stamped with, which goes by ticks, is past
// what was made so far: that counts as the command's else.
func (s *scene) tick() {
	clock := func(id int32) int64 {
		var t unix.Timespec
		s.check(unix.ClockGettime(id, &t))
		return t.Nano()
	}
	for made := clock(unix.CLOCK_REALTIME); clock(unix.CLOCK_REALTIME_COARSE) <= made; {
		runtime.Gosched()
	}
}

// ran runs a program as the caller would, and tells whether it was the command's.
func (s *scene) ran(program ...string) string {
	cmd := exec.Command(program[0], program[1:]...)
	cmd.Dir, cmd.Env = s.vars["PROJECT"], s.env
	out, _ := cmd.CombinedOutput() // it may well fail
	if strings.Contains(string(out), "OWNED") {
		return strings.Join(program, " ") + " ran it"
	}
	return ""
}
