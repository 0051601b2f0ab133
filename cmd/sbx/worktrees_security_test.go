package main

import (
	"os"
	"strings"
)

// worktreesRows stage files in indexes that are not the project's: git restore brings them in
// another worktree of the repository, in another repository that the command may write and in
// one below the project.
var worktreesRows = []row{
	stagedIn("worktrees-index-main", "{DIR}/main", "{DIR}/main/.git", "the main worktree, where the project is a linked one", nil, func(s *scene) {
		committed(s, "{DIR}/main")
		s.git("-C", s.path("{DIR}/main"), "worktree", "add", "-qf", s.path("{PROJECT}"))
	}),
	stagedIn("worktrees-index-linked", "{DIR}/linked", "{PROJECT}/.git/worktrees/linked", "a linked worktree, where the project is the main one", nil, func(s *scene) {
		committed(s, "{PROJECT}")
		s.git("worktree", "add", "-q", s.path("{DIR}/linked"))
	}),
	stagedIn("worktrees-index-sibling", "{DIR}/linked", "{DIR}/main/.git/worktrees/linked", "a linked worktree, where the project is another", nil, func(s *scene) {
		committed(s, "{DIR}/main")
		s.git("-C", s.path("{DIR}/main"), "worktree", "add", "-q", s.path("{DIR}/linked"))
		s.git("-C", s.path("{DIR}/main"), "worktree", "add", "-qf", s.path("{PROJECT}"))
	}),
	stagedIn("worktrees-index-beside", "{DIR}/beside", "{DIR}/beside/.git", "a repository beside the project", []string{"--rw", "{DIR}/beside"}, func(s *scene) { committed(s, "{DIR}/beside") }),
	stagedIn("worktrees-index-beside-linked", "{DIR}/linked", "{DIR}/beside/.git/worktrees/linked", "a linked worktree of a repository beside the project", []string{"--rw", "{DIR}/beside"}, func(s *scene) {
		committed(s, "{DIR}/beside")
		s.git("-C", s.path("{DIR}/beside"), "worktree", "add", "-q", s.path("{DIR}/linked"))
	}),
	stagedIn("worktrees-index-nested", "{PROJECT}/nested", "{PROJECT}/nested/.git", "a repository below the project", nil, func(s *scene) { committed(s, "{PROJECT}/nested") }),
	stagedIn("worktrees-index-submodule", "{PROJECT}/sub", "{PROJECT}/.git/modules/sub", "a submodule", nil, func(s *scene) {
		committed(s, "{DIR}/origin")
		committed(s, "{PROJECT}")
		s.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", s.path("{DIR}/origin"), "sub")
	}),
}

// committed makes a repository with a commit.
func committed(s *scene, dir string) {
	s.file(dir+"/README", "clean\n")
	dir = s.path(dir)
	s.git("init", "-q", dir)
	s.git("-C", dir, "add", "README")
	s.git("-C", dir, "commit", "-q", "-m", "1")
}

// stagedIn stages two files that the worktree does not have, by the path of its index alone.
func stagedIn(id, worktree, gitdir, what string, flags []string, setup func(*scene)) row {
	return row{id: id, group: "run later", tries: "have git restore bring files to " + what, views: hostOnly, flags: append([]string{"--no-profile"}, flags...),
		setup: func(s *scene) {
			s.check(os.RemoveAll(s.path("{PROJECT}/attacks")))
			setup(s)
			s.copyProgram(s.vars["OUTSIDE"], s.vars["ATTACKS"])
			s.tick()
		},
		cmd: []string{"sh", "-c", `export GIT_DIR="$1" GIT_WORK_TREE=.
			h=$(echo OWNED | git hash-object -w --stdin)
			git update-index --add --cacheinfo "100644,$h,.envrc" --cacheinfo "100644,$h,.vscode/tasks.json" && echo TRIED: staged`, "sh", gitdir},
		judge: func(s *scene) string {
			s.git("-C", s.path(worktree), "restore", ".")
			if s.has(worktree+"/.envrc", "OWNED") && !strings.Contains(s.output, ".envrc") {
				return "git restore brought the command's .envrc: " + s.output
			}
			return ""
		}}
}
