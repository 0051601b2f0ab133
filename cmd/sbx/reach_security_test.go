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
