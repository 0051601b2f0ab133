package main

import "strings"

// replacedRows put a file of the command's in the place of a read-only one, where the
// command can do that, or write to it, as anybody outside can. Nothing tells who did it.
var replacedRows = []row{
	replaced("file", "CLAUDE.md", "CLAUDE.md", `{ATTACKS} rename-away CLAUDE.md notes; echo OWNED > CLAUDE.md`, "--no-profile", "--allow-userns"),
	replaced("directory", ".husky", ".husky/pre-commit", `{ATTACKS} rename-away .husky notes; mkdir .husky; echo OWNED > .husky/pre-commit`, "--no-profile", "--allow-userns"),
	replacing(replaced("elsewhere", "CLAUDE.md", "CLAUDE.md", untilChanged+"sleep 0.3; { echo OWNED > /tmp/again/CLAUDE.md; } 2>/dev/null || echo OWNED > CLAUDE.md; echo TRIED: written", "-v", "{PROJECT}:/tmp/again"), func(s *scene) {
		put(s, "new", "mine\n")
		rename(s, "new", "CLAUDE.md")
	}),
}

func replaced(id, what, file, script string, flags ...string) row {
	return row{id: "replaced-" + id, group: "run later", tries: "put another " + what + " in the place of the caller's, for one that was replaced outside", views: both, flags: flags,
		setup: func(s *scene) { s.file("{PROJECT}/"+file, "mine\n") },
		cmd:   []string{"sh", "-c", script + "; sleep 0.3"}, // so that the watch sees it
		judge: func(s *scene) string {
			switch {
			case s.has("{PROJECT}/"+file, "OWNED"):
				return file + " was planted"
			case strings.Contains(s.output, "replaced outside"):
				return "sbx reports it as replaced outside: " + s.output
			}
			return ""
		}}
}
