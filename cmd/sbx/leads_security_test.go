package main

import (
	"os"
	"path/filepath"
	"strings"
)

// leadsRows plant where settings and links lead that the look at the project before the
// run does not see: those that are set outside meanwhile, and those into another directory
// that the command may write; and where old files get a name that counts by a directory.
var leadsRows = []row{
	meanwhile("leads-hookspath", "gh/pre-commit", "a hook where core.hooksPath leads that is set outside meanwhile", "mkdir gh; git config core.hooksPath gh", `echo OWNED > gh/pre-commit`),
	meanwhile("leads-hookspath-global", "gh/pre-commit", "the same by the developer's own configuration", "mkdir gh; git config --global core.hooksPath gh", `echo OWNED > gh/pre-commit`),
	meanwhile("leads-hookspath-moved", "hooks/pre-commit", "a hook in a directory that is renamed outside meanwhile", "mv tools/hooks hooks; git config core.hooksPath hooks", `echo OWNED > hooks/pre-commit`),
	meanwhile("leads-include", "inc.cfg", "a configuration that one includes that is set outside meanwhile", "git config include.path ../inc.cfg", `printf '[core]\n\tfsmonitor = OWNED\n' > inc.cfg`),
	meanwhile("leads-include-if", "inc.cfg", "the same by includeIf", "git config includeIf.onbranch:x.path ../inc.cfg", `printf '[core]\n\tfsmonitor = OWNED\n' > inc.cfg`),
	meanwhile("leads-fsmonitor", "fm.sh", "the program of a setting that is set outside meanwhile", "git config core.fsmonitor 'sh fm.sh'", `echo OWNED > fm.sh`),

	intoBeside("leads-beside-hookspath", "h/pre-commit", "a hook where core.hooksPath leads beside the project", func(s *scene) { s.git("config", "core.hooksPath", s.path("{DIR}/beside/h")) }),
	intoBeside("leads-beside-include", "inc", "a configuration beside the project that one includes", func(s *scene) { s.git("config", "include.path", s.path("{DIR}/beside/inc")) }),
	intoBeside("leads-beside-hooks", "h/pre-commit", "a hook where .git/hooks leads beside the project", besideLink(".git/hooks", "/h")),
	intoBeside("leads-beside-hook", "check", "a hook that is a link beside the project", besideLink("sub/.git/hooks/pre-commit", "/check")),
	intoBeside("leads-beside-husky", "h/pre-commit", "a hook where .husky leads beside the project", besideLink(".husky", "/h")),
	intoBeside("leads-beside-all", "tasks.json", "an editor's tasks where .vscode leads to all that the command may write", besideLink(".vscode", "")),
	intoBeside("leads-beside-above", "tasks.json", "the same where .idea leads to the directory above it", besideLink(".idea", "/..")),
	intoBeside("leads-beside-nested", "v/tasks.json", "the same below the project", besideLink("sub/.vscode", "/v")),
	intoBeside("leads-beside-file", ".rc", "direnv's commands where .envrc leads", besideLink(".envrc", "/.rc")),
	besideBy(intoBeside("leads-beside-volume", "h/pre-commit", "a hook where .git/hooks leads that has another path inside", besideLink(".git/hooks", "/h")), "-v", "{DIR}/beside:/tmp/o:rw"),

	movedRow("leads-moved-direnv", "sub/.direnv/foo.rc", "d/foo.rc", "mv d sub/.direnv"),
	movedRow("leads-moved-sapling", "sub/.sl/config", "s/config", "mv s sub/.sl"),
	movedRow("leads-moved-mise", "sub/.config/mise/other.toml", "m/mise/other.toml", "mv m sub/.config"),
	movedRow("leads-moved-darcs", "sub/_darcs/prefs/defaults", "p/prefs/defaults", "mv p sub/_darcs"),
}

// meanwhile plants one where a line outside leads, which runs while the command does. What
// git writes is masked again when sbx sees it: a first change, which is harmless, tells that
// it does. Where it sees the second one late, it ends the sandbox.
func meanwhile(id, path, what, line, plants string) row {
	r := laterBy(id, path, what, untilChanged+`for i in $(seq 100); do [ -h .git/config ] && break; sleep 0.02; done
		: > masked; until [ -e set ]; do sleep 0.02; done; `+plants)
	r.refusal = 125
	r.setup = func(s *scene) {
		s.git("init", "-q")
		s.file("{PROJECT}/tools/hooks/pre-commit", "clean\n")
		s.tick()
	}
	r = replacing(r, func(s *scene) {
		outside(s, "git", "config", "user.email", "a@b")
		put(s, "changed", "")
		if appeared(s.path("{PROJECT}/masked")) {
			outside(s, "sh", "-c", line+"; : > set")
		}
	})
	r.views, r.flags = hostOnly, []string{"--no-profile"}
	return r
}

// intoBeside plants one in a directory beside the project that the command may write.
func intoBeside(id, path, what string, setup func(*scene)) row {
	r := laterBy(id, path, what, "")
	r.views, r.flags = hostOnly, []string{"--no-profile", "--rw", "{DIR}/beside"}
	r.setup = func(s *scene) {
		s.git("init", "-q")
		s.file("{DIR}/beside/"+path, "clean\n")
		s.mkdir("{PROJECT}/sub/.git/hooks")
		setup(s)
		s.tick()
	}
	r.cmd = []string{"sh", "-c", `cd "$1" && printf '[core]\n\tfsmonitor = OWNED\n' > "$2"` + "\necho TRIED: planted", "sh", "{DIR}/beside", path}
	r.judge = func(s *scene) string {
		if s.has("{DIR}/beside/"+path, "OWNED") {
			return path + " was planted"
		}
		return ""
	}
	return r
}

// besideBy gives the directory by other flags.
func besideBy(r row, flags ...string) row {
	_, inside, _ := strings.Cut(flags[len(flags)-1], ":")
	inside, _, _ = strings.Cut(inside, ":")
	r.flags = append([]string{"--no-profile"}, flags...)
	r.cmd = append([]string{"sh", "-c", `[ -d "$3" ] && set -- "$3" "$2"; ` + r.cmd[2]}, append(r.cmd[3:], inside)...)
	return r
}

// besideLink makes a link in the project to what is below the directory beside it.
func besideLink(name, to string) func(*scene) {
	return func(s *scene) {
		at := s.path("{PROJECT}/" + name)
		s.check(os.RemoveAll(at))
		s.check(os.MkdirAll(filepath.Dir(at), 0o755))
		s.check(os.Symlink(s.path("{DIR}/beside"+to), at))
	}
}

// movedRow moves the directory of an old file to a name that counts.
func movedRow(id, path, file, line string) row {
	r := laterBy(id, path, "an old file by the name of a directory", line)
	r.setup = func(s *scene) {
		s.file("{PROJECT}/"+file, "OWNED\n")
		s.mkdir("{PROJECT}/sub")
		s.tick()
	}
	return r
}
