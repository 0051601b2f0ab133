package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
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

// TestSecurityWorktreesDetached: what a command that sbx exec starts stages in another worktree
// is said when a sandbox in the background has ended.
func TestSecurityWorktreesDetached(t *testing.T) {
	needNamespaces(t)
	s := newScene(t, t.TempDir(), hostView, row{})
	runtime := t.TempDir()
	s.check(os.Chmod(runtime, 0o700))
	committed(s, "{PROJECT}")
	s.git("worktree", "add", "-q", s.path("{DIR}/linked"))
	s.tick()
	sbx := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(s.vars["SBX"], args...)
		cmd.Dir, cmd.Env = s.vars["PROJECT"], append(s.env, "XDG_RUNTIME_DIR="+runtime)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	sbx("run", "-d", "--rm", "--no-profile", "--name", "staging", "--", "sleep", "1000")
	sbx("exec", "staging", "sh", "-c", `GIT_INDEX_FILE=.git/worktrees/linked/index git update-index --add --cacheinfo "100644,$(echo OWNED | git hash-object -w --stdin),.envrc"`)
	said := sbx("stop", "staging") // a notice is printed once
	until(t, "the notice", func() bool { said += sbx("ps"); return strings.Contains(said, "linked/.envrc") })
}
