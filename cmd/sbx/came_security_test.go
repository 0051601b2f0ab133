package main

import (
	"os"
	"strings"
)

// cameRows bring what runs later to its path with a directory above it: nothing in it has
// a new time.
var cameRows = []row{
	came("came-replaced", "a version manager's settings, with the directory in which they are trusted", "app", "mv app old; mv other app"),
	came("came-written", "the same, where the directory is written to then", "app", "mv app old; mv other app; touch app/x"),
	came("came-above", "an editor's tasks, with a directory two levels above", "app", "mv app old; mkdir x; mv other x/y; mv x/y app"),
	came("came-below", "an agent's instructions in a directory below", "app/lib", "mv app/lib old; mv other/lib app/lib"),
	came("came-unlisted", "the same in a directory that is not listed at the start", "app/node_modules/x", "mv app/node_modules/x old; mv other/node_modules/x app/node_modules/x"),
	came("came-link", "a version manager's settings, with a link in place of the directory in which they are trusted", "app", "mv app old; ln -s other app"),
	came("came-link-above", "the same, where the link leads to a directory above", "app", "mv app old; mkdir x; mv other x/lib; ln -s x app"),
	came("came-link-below", "the same, with an absolute link in a directory below", "app/lib", "mv app/lib old; ln -s $PWD/other/lib app/lib"),
	came("came-link-moved", "the same, with a link that was there", "app", "mv app old; mv there app"),
	came("came-link-new", "the same, in a directory that is not listed at the start", "app/x/lib", "mkdir app/x; ln -s ../../other/lib app/x/lib"),
	came("came-tools-link", "a hook, with a link in place of the directory in which it is", "tools", "mv tools old; ln -s other tools"),
	came("came-tools", "a hook, with the directory in which it is", "tools", "mv tools old; mv other tools"),
	came("came-tools-above", "a hook, with a directory above the one in which it is", "tools", "mv tools old; mkdir tools; mv other/hooks tools/hooks"),
}

// came is a row that is judged by the notes.
func came(id, what, dir, line string) row {
	return row{
		id: id, group: "run later", tries: "replace " + what + ", unsaid", views: both,
		cmd: []string{"sh", "-c", line + "; echo TRIED: replaced"},
		setup: func(s *scene) {
			for _, top := range []string{"app", "other", "tools"} {
				for _, at := range []string{"", "/lib", "/node_modules/x"} {
					s.file("{PROJECT}/"+top+at+"/mise.toml", top)
					s.file("{PROJECT}/"+top+at+"/deep/.vscode/tasks.json", top)
				}
				s.file("{PROJECT}/"+top+"/hooks/pre-commit", top)
			}
			s.check(os.Symlink("other", s.path("{PROJECT}/there")))
			s.mkdir("{PROJECT}/sub")
			s.git("init", "-q", "sub")
			s.git("-C", "sub", "config", "core.hooksPath", "../tools/hooks")
			s.tick()
		},
		judge: func(s *scene) string {
			at := s.path("{PROJECT}/" + dir)
			if !strings.Contains(s.output, at+":") && !strings.Contains(s.output, at+"/") && !strings.Contains(s.output, at+",") {
				return dir + " is another directory, and there is no note"
			}
			return ""
		},
	}
}
