package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// quarantineRows leave directories that are moved aside whole, with names in them that run
// later: somebody goes there to look.
var quarantineRows = []row{
	enteredAside("git", "a repository", repositoryAt(".vscode/.git", "..")),
	enteredAside("bare", "a bare repository", repositoryAt(".vscode/x", ".")),
	enteredAside("itself", "a repository that is itself moved", repositoryAt(".vscode", ".")),
	enteredAside("closed", "a repository in a closed directory", repositoryAt(".vscode/x/.git", "..")+"; chmod 0 .vscode/x"),
	enteredAside("file", "a file for direnv", `mkdir -p .idea/x; echo OWNED > .idea/x/.envrc; echo OWNED > .idea/mise.toml`),
}

// repositoryAt makes a repository without git, whose git status runs something.
func repositoryAt(dir, worktree string) string {
	return "mkdir -p " + dir + "/objects " + dir + "/refs; echo 'ref: refs/heads/main' > " + dir + `/HEAD
		printf '[core]\nrepositoryformatversion = 0\nbare = false\nworktree = ` + worktree + `\nfsmonitor = touch {HOME}/ran; false\n' > ` + dir + "/config"
}

// enteredAside goes into each directory of the quarantine, and asks git there.
func enteredAside(id, what, script string) row {
	return row{id: "quarantine-" + id, group: "run later", tries: "leave " + what + " in a directory that is moved aside, and have it run where it is moved to", views: both,
		cmd: []string{"sh", "-c", script + "; echo TRIED: planted"},
		judge: func(s *scene) string {
			for _, top := range []string{"{HOME}/.local/state/sbx", "{PROJECT}"} {
				_ = exec.Command("chmod", "-R", "u+rwX", s.path(top)).Run()
				if broke := s.enterAll(s.path(top)); broke != "" {
					return broke
				}
			}
			return ""
		}}
}

// enterAll tells what runs in the directories below one.
func (s *scene) enterAll(top string) (broke string) {
	_ = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || broke != "":
		case d.IsDir():
			status := exec.Command("git", "status")
			status.Dir, status.Env = path, s.env
			_ = status.Run()
			if _, err := os.Stat(s.path("{HOME}/ran")); err == nil {
				broke = "git status ran a command in " + path
			}
		case strings.HasSuffix(path, "/.envrc"), strings.HasSuffix(path, "/mise.toml"):
			broke = path + " runs on cd"
		}
		return nil
	})
	return broke
}
