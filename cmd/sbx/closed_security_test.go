package main

import "os"

// closedRows leave files below a directory that the caller closed (mode 0000) before the
// run: a command with CAP_DAC_OVERRIDE in its namespace gets into it without a chmod.
var closedRows = []row{
	belowClosed("root", rootfsOnly, `mkdir build/d/e/.vscode; echo OWNED > build/d/e/.vscode/tasks.json`),
	belowClosed("userns", hostOnly, `unshare -r sh -c 'mkdir build/d/e/.vscode; echo OWNED > build/d/e/.vscode/tasks.json'`, "--no-profile", "--allow-userns"),
}

// belowClosed has the directory where the search for secrets does not come, or it were
// hidden.
func belowClosed(id string, views []view, script string, flags ...string) row {
	return row{id: "closed-" + id, group: "run later", tries: "plant a file below a directory that was closed before", views: views, flags: flags,
		setup: func(s *scene) {
			s.mkdir("{PROJECT}/build/d/e")
			s.check(os.Chmod(s.path("{PROJECT}/build/d"), 0))
			s.tick() // what is changed in the tick of the start counts as the command's
		},
		cmd: []string{"sh", "-c", script + "; echo TRIED: planted"},
		judge: func(s *scene) string {
			d := s.path("{PROJECT}/build/d")
			info, err := os.Lstat(d)
			s.check(err)
			s.check(os.Chmod(d, 0o755))
			switch {
			case s.has("{PROJECT}/build/d/e/.vscode/tasks.json", "OWNED"):
				return "it was planted"
			case info.Mode().Perm() != 0:
				return "the directory has mode " + info.Mode().String()
			}
			return ""
		}}
}
