package main

import (
	"fmt"
	"os"
	"strings"
)

// rememberRows read in a second run what the first has pushed out of the directories that
// are searched for secrets, or what was deeper from the beginning.
var rememberRows = []row{
	remembered("pushed-out", "which directories are made that are searched first", `for i in $(seq 60); do mkdir -p config/a$i; done`, "src/site/deploy2/.env", nothingMore),
	remembered("deep", "which was not found before the first run", "true", "src/site/deploy2/.env", manyDirectories),
	remembered("flood", "which has a thousand others made beside it", `for i in $(seq 60); do mkdir -p config/a$i; done; for i in $(seq 1000); do mkdir -p a/b$i; echo > a/b$i/.env; done`, "src/site/deploy2/.env", nothingMore),
	remembered("moved", "which was not found, by a directory above that has another name", `mv src lib`, "lib/site/deploy2/.env", manyDirectories),
	remembered("forgotten", "and have it forgotten", `for i in $(seq 60); do mkdir -p config/a$i; done; rm -rf {HOME}/.local/state/sbx; mv {HOME}/.local/state x`, "src/site/deploy2/.env", nothingMore, "--rw", "{HOME}"),
}

func nothingMore(*scene) {}

// manyDirectories are searched first.
func manyDirectories(s *scene) {
	for i := range 60 {
		s.mkdir(fmt.Sprintf("{PROJECT}/config/a%d", i))
	}
}

// remembered does something in a first run, and reads in the second.
func remembered(id, what, first, file string, more func(*scene), flags ...string) row {
	views := both
	if len(flags) > 0 {
		views = hostOnly
	}
	return row{id: "remember-" + id, group: "secrets", tries: "read a secret in the second run " + what, views: views, flags: flags, repeat: 2,
		setup: func(s *scene) {
			s.file("{PROJECT}/src/site/deploy2/.env", "KEY="+marker)
			s.mkdir("{HOME}/.local/state/sbx")
			more(s)
		},
		cmd: []string{"sh", "-c", `if [ -e again ]; then exec {ATTACKS} contents {MARKER} ` + file + `; fi; touch again; ` + first + ` 2>/dev/null; echo TRIED: once`},
		judge: func(s *scene) string {
			switch _, err := os.Lstat(s.path("{PROJECT}/" + file)); {
			case err != nil:
				return "the secret is gone: " + err.Error()
			case id == "deep" && strings.Contains(s.output, "TRIED: once") && !strings.Contains(s.output, "hidden from the next run on: src/site/deploy2/.env"):
				return "it is not said: " + s.output
			}
			return ""
		}}
}
