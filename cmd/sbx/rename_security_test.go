package main

import (
	"strings"
)

// renameRows rename what is hidden or read-only, with --allow-userns, from a namespace in which
// its name is no mount point. That cannot be refused; what was hidden gets its name back.
var renameRows = []row{
	renamedAway("rename-hidden", "the project's .env", ".env", "leak", func(s *scene) { s.file("{PROJECT}/.env", marker) }),
	renamedAway("rename-hidden-decoy", "the project's .env, and leave another in its place", ".env", "leak", func(s *scene) { s.file("{PROJECT}/.env", marker) }, "echo > .env; chmod 755 ."),
	renamedAway("rename-hidden-nested", "the directory above a .env", "packages", "node_modules/x", func(s *scene) {
		s.file("{PROJECT}/packages/api/.env", marker)
		s.mkdir("{PROJECT}/node_modules")
	}),
	renamedAway("rename-hidden-directory", "a hidden directory", ".secrets", "leak", func(s *scene) { s.file("{PROJECT}/.secrets/key", marker) }),
	renamedAway("rename-hidden-by-flag", "what --hide covers", "conf", "leak", func(s *scene) { s.file("{PROJECT}/conf/key", marker) }),
	{id: "rename-read-only", group: "files", tries: "with --allow-userns, rename a read-only file unsaid", views: both, flags: []string{"--no-profile", "--allow-userns"},
		setup: func(s *scene) { s.file("{PROJECT}/CLAUDE.md", "mine") }, cmd: []string{"{ATTACKS}", "rename-away", "CLAUDE.md", "notes.md"},
		judge: func(s *scene) string {
			if exists(s.path("{PROJECT}/notes.md")) && !strings.Contains(s.output, "CLAUDE.md was read-only and is now") {
				return "it was renamed, and nothing is said: " + s.output
			}
			return ""
		}},
}

// renamedAway renames in a first run, and reads in a second.
func renamedAway(id, what, from, to string, setup func(*scene), then ...string) row {
	script := `if [ -e again ]; then exec {ATTACKS} find {MARKER} .; fi; touch again; {ATTACKS} rename-away ` + from + " " + to + "; " + strings.Join(then, "; ")
	return row{id: id, group: "secrets", tries: "with --allow-userns, rename " + what + ", and read it in the next run", views: both, repeat: 2,
		flags: []string{"--no-profile", "--allow-userns", "--hide", "{PROJECT}/conf/key?"}, setup: setup, cmd: []string{"sh", "-c", script}, judge: func(*scene) string { return "" }}
}
