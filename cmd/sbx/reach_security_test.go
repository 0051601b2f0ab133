package main

import "strings"

// reachRows plant what reaches the developer from beside the files that names tell of: by
// git's own store, by the repository that the project is a part of, by the project's own
// place, by other names of a file, and by git's index.
var reachRows = []row{
	restored("reach-replace", "git checkout bring another file by a replacement of its object", `git replace $(git rev-parse HEAD:lefthook.yml) $(echo OWNED | git hash-object -w --stdin)`),
	restored("reach-replace-name", "the same by a longer name", `mkdir -p .git/refs/replace/a; echo OWNED | git hash-object -w --stdin > .git/refs/replace/a/$(git rev-parse HEAD:lefthook.yml)`),
	restored("reach-replace-link", "the same where refs/replace is a link", `mkdir x; ln -s ../../x .git/refs/replace; echo OWNED | git hash-object -w --stdin > x/$(git rev-parse HEAD:lefthook.yml)`),
	restored("reach-replace-packed", "the same by a packed ref", `git replace $(git rev-parse HEAD:lefthook.yml) $(echo OWNED | git hash-object -w --stdin); git pack-refs --all`),

	part("reach-enclosing-hooks", "app/scripts/hooks/pre-commit", "a hook where core.hooksPath of the repository above the project leads", "config", "core.hooksPath", "app/scripts/hooks"),
	part("reach-enclosing-include", "app/inc", "a configuration that the one of the repository above includes", "config", "include.path", "../app/inc"),
	part("reach-enclosing-filter", "app/fm", "the program of a setting of the repository above", "config", "core.fsmonitor", "sh app/fm"),
}

// part plants one in a project that is a directory of a repository.
func part(id, path, what string, git ...string) row {
	r := laterBy(id, path, what, "")
	r.views, r.wrap, r.flags = hostOnly, from("{PROJECT}/app"), []string{"--no-profile"}
	r.setup = func(s *scene) {
		s.git("init", "-q")
		s.file("{PROJECT}/"+path, "clean\n")
		s.git(git...)
		s.tick()
	}
	_, name, _ := strings.Cut(path, "/")
	r.cmd = []string{"sh", "-c", `printf '[core]\n\tfsmonitor = OWNED\n' > "$1"` + "\necho TRIED: planted", "sh", name}
	return r
}

// restored has git bring a file of the developer's that says something else.
func restored(id, what, line string) row {
	return row{id: id, group: "run later", tries: "make " + what, views: hostOnly, flags: []string{"--no-profile"},
		setup: func(s *scene) {
			s.git("init", "-q")
			s.git("commit", "-q", "--allow-empty", "-m", "0")
			s.git("branch", "old")
			s.file("{PROJECT}/lefthook.yml", "clean\n")
			s.git("add", "lefthook.yml")
			s.git("commit", "-q", "-m", "1")
			s.tick()
		},
		cmd: []string{"sh", "-c", line + "\necho TRIED: planted"},
		judge: func(s *scene) string {
			if strings.Contains(s.output, "packed-refs") { // it has all branches, and stays
				return ""
			}
			s.git("checkout", "-q", "old")
			s.git("checkout", "-q", "-")
			if s.has("{PROJECT}/lefthook.yml", "OWNED") {
				return "git checkout brought the command's lefthook.yml"
			}
			return ""
		}}
}
