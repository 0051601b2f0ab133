package main

import "os"

// secondNameRows write to what is read-only by another name of the same file, which was
// there before. The caller's own tools obey the file while the command runs.
var secondNameRows = []row{
	secondName("config", "git's settings", ".git/config", "notes"),
	secondName("hook", "a git hook", ".git/hooks/pre-commit", "sub/notes"),
	secondName("agent", "an agent's instructions", "CLAUDE.md", "notes"),
	secondName("nested", "a file deep in a read-only directory", ".vscode/a/b/tasks.json", "sub/notes"),
	secondName("volume", "git's settings, in a directory that is shown elsewhere", ".git/config", "../other/sub/notes", "-v", "{HOME}/other:/tmp/other"),
	secondName("read-only", "a file that --ro names", "kept", "notes", "--ro", "{PROJECT}/kept"),
	replacing(secondName("removed", "git's settings, by a name that is made again outside", ".git/config", "notes"), func(s *scene) {
		s.check(os.Remove(s.path("{PROJECT}/notes")))
		s.check(os.Link(s.path("{PROJECT}/.git/config"), s.path("{PROJECT}/notes")))
	}),
}

// secondName writes while the command runs: what it left is judged elsewhere.
func secondName(id, what, file, other string, flags ...string) row {
	inside := other
	if len(flags) > 0 && flags[0] == "-v" {
		inside = "/tmp/other/sub/notes"
	}
	wait := ""
	if id == "removed" {
		wait = untilChanged + "sleep 0.3; "
	}
	return row{id: "second-" + id, group: "masks", tries: "write to " + what + " by a second name", views: both, flags: flags,
		setup: func(s *scene) {
			s.git("init", "-q")
			s.file("{PROJECT}/"+file, "[core]\n\tbare = false\n")
			s.mkdir("{PROJECT}/sub")
			s.mkdir("{HOME}/other/sub")
			s.check(os.Link(s.path("{PROJECT}/"+file), s.path("{PROJECT}/"+other)))
		},
		cmd: []string{"sh", "-c", wait + "{ echo '# OWNED' >> " + inside + "; } 2>/dev/null || { echo '# OWNED' >> " + other + "; } 2>/dev/null; if grep -q OWNED " + file + "; then echo BROKE: written; exit 1; fi; echo HELD: not written"},
	}
}
