package main

import (
	"os"
	"os/exec"
	"strings"
)

// gitLinkRows leave in a git directory what git acts on, or writes through, when the
// developer does the next ordinary thing outside.
var gitLinkRows = []row{
	stash("git-autostash", "git commit bring what is in a stash", `$stash > .git/MERGE_AUTOSTASH`, "{PROJECT}", "commit", "-qam", "b"),
	stash("git-autostash-worktree", "the same in a worktree", `$stash > .git/worktrees/w/MERGE_AUTOSTASH`, "{PROJECT}/w", "commit", "-qam", "b"),
	stash("git-autostash-new", "the same in a repository of the command's", `git init -q new; cd new; git commit -q --allow-empty -m x; $stash > .git/MERGE_AUTOSTASH`, "{PROJECT}/new", "commit", "-q", "--allow-empty", "-m", "b"),
	stash("git-autostash-rebase", "git rebase --abort do so", `d=.git/rebase-merge; mkdir $d; git rev-parse HEAD | tee $d/onto > $d/orig-head; git symbolic-ref HEAD > $d/head-name; $stash > $d/autostash`, "{PROJECT}", "rebase", "--abort"),
	stash("git-autostash-apply", "the same in the other state", `d=.git/rebase-apply; mkdir $d; git rev-parse HEAD | tee $d/onto > $d/orig-head; git symbolic-ref HEAD > $d/head-name; : > $d/applying; rm $d/applying; : > $d/rebasing; $stash > $d/autostash`, "{PROJECT}", "rebase", "--abort"),
	through("git-rerere", "git commit copy a file into the repository", "i=1234567890123456789012345678901234567890; mkdir -p .git/rr-cache/$i; : > .git/rr-cache/$i/preimage; printf \"$i\\t{BAIT}\\0\" > .git/MERGE_RR",
		[]string{"commit", "-qam", "b"}, func(s *scene) string {
			out, _ := exec.Command("grep", "-r", marker, s.path("{PROJECT}/.git")).Output() // nothing is found
			return string(out)
		}),

	through("git-link-message", "git commit write to a file outside", `ln -sf {BAIT} .git/COMMIT_EDITMSG`, []string{"commit", "-qam", "OWNED"}, unchanged),
	through("git-link-message-moved", "the same by a link that was there", `mv fixtures/link .git/COMMIT_EDITMSG`, []string{"commit", "-qam", "OWNED"}, unchanged),
	through("git-link-message-worktree", "the same in a worktree", `ln -sf {BAIT} .git/worktrees/w/COMMIT_EDITMSG`, []string{"-C", "w", "commit", "-qam", "OWNED"}, unchanged),
	through("git-link-message-new", "the same in a repository of the command's", `git init -q new; ln -sf {BAIT} new/.git/COMMIT_EDITMSG`, []string{"-C", "new", "commit", "-q", "--allow-empty", "-m", "OWNED"}, unchanged),
	through("git-link-message-bare", "git tag do so in a bare repository", `ln -sf {BAIT} bare.git/TAG_EDITMSG`, []string{"-C", "bare.git", "-c", "core.editor=echo OWNED >", "tag", "-a", "v1"}, unchanged),
	through("git-link-hook", "git commit write a hook", `ln -sf hooks/post-commit .git/COMMIT_EDITMSG`, []string{"commit", "-qam", "OWNED"}, absent("{PROJECT}/.git/hooks/post-commit")),
	through("git-link-envrc", "git commit write a file of direnv", `ln -sf ../.envrc .git/COMMIT_EDITMSG`, []string{"commit", "-qam", "OWNED"}, absent("{PROJECT}/.envrc")),
	through("git-link-tag", "git tag do so", `ln -sf ../.envrc .git/TAG_EDITMSG`, []string{"-c", "core.editor=echo OWNED >", "tag", "-a", "v1"}, absent("{PROJECT}/.envrc")),

	through("git-link-reflog", "git switch write the name of a branch to a file outside", `git branch -m 'x;OWNED'; ln -sf {BAIT} .git/logs/HEAD`, []string{"switch", "-qc", "topic"}, unchanged),
	through("git-link-reflog-branch", "the same by the log of a branch", `ln -sf {BAIT} .git/logs/refs/heads/main`, []string{"commit", "-qam", "OWNED"}, unchanged),
	through("git-link-logs", "git branch write to a directory outside", `rm -rf .git/logs/refs; mkdir -p .git/logs/refs; ln -s {HOME}/d .git/logs/refs/heads`, []string{"branch", "topic"}, absent("{HOME}/d/topic")),
	through("git-link-logs-top", "the same by all logs", `rm -rf .git/logs; ln -s {HOME}/d .git/logs`, []string{"commit", "-qam", "OWNED"}, absent("{HOME}/d/HEAD")),
	through("git-link-refs", "the same by branches", `git pack-refs --all; rmdir .git/refs/heads; ln -s {HOME}/d .git/refs/heads`, []string{"branch", "topic"}, absent("{HOME}/d/topic")),
	through("git-link-refs-top", "the same by all refs", `mkdir -p refs; git pack-refs --all; rm -rf .git/refs; ln -s {HOME}/d .git/refs`, []string{"branch", "topic"}, absent("{HOME}/d/heads/topic")),
	through("git-link-objects", "git write objects outside", `mv .git/objects/pack p; mv .git/objects o; ln -s {HOME}/d .git/objects`, []string{"hash-object", "-w", "f"}, absent("{HOME}/d/61/780798228d17af2d34fce4cfbdf35556832472")),
	through("git-link-info", "git sparse-checkout write outside", `rm -rf .git/info; ln -s {HOME}/d .git/info`, []string{"sparse-checkout", "set", "x"}, absent("{HOME}/d/sparse-checkout")),
	through("git-link-logs-moved", "git commit write to a file outside by a directory that was there, unsaid", `rm -rf .git/logs; mv fixtures/logs .git/logs`, []string{"commit", "-qam", "OWNED"}, func(s *scene) string {
		if strings.Contains(s.output, ".git/logs") {
			return ""
		}
		return unchanged(s)
	}),

	laterBy("git-tool-lazygit", ".git/lazygit.yml", "lazygit's settings in a git directory", `mkdir -p .git; echo OWNED > .git/lazygit.yml`),
	laterBy("git-tool-lazygit-above", ".lazygit.yml", "lazygit's settings above a repository", `echo OWNED > .lazygit.yml`),
	laterBy("git-tool-sapling", ".git/sl/config", "Sapling's settings in a git directory", `mkdir -p .git/sl; echo OWNED > .git/sl/config`),
	laterBy("git-tool-arcanist", ".git/arc/config", "Arcanist's settings in a git directory", `mkdir -p .git/arc; echo OWNED > .git/arc/config`),
	laterBy("git-tool-bare", "x/lazygit.yml", "lazygit's settings in a bare repository", `mkdir -p x/objects x/refs; echo "ref: refs/heads/main" > x/HEAD; echo OWNED > x/lazygit.yml`),
	laterBy("git-tool-safe", ".git/safe/x", "the mark that has the project's programs in PATH", `mkdir -p .git/safe; echo OWNED > .git/safe/x`),
	through("git-tool-unknown", "leave a new file in a git directory, unsaid", `echo OWNED > .git/newtool.yml`, []string{"status"}, func(s *scene) string {
		if s.has("{PROJECT}/.git/newtool.yml", "OWNED") && !strings.Contains(s.output, ".git/newtool.yml") {
			return "there is no note of .git/newtool.yml"
		}
		return ""
	}),
}

// through is a row in which the developer then runs git outside, which may fail.
func through(id, what, line string, then []string, judge func(*scene) string) row {
	return row{id: id, group: "run later", tries: "have " + what, views: hostOnly, flags: []string{"--no-profile"},
		setup: func(s *scene) {
			s.mkdir("{HOME}/d/heads")
			s.file("{PROJECT}/f", "a\n")
			s.file("{PROJECT}/.gitignore", "/attacks\n")
			s.mkdir("{PROJECT}/fixtures/logs")
			s.check(os.Symlink(s.vars["BAIT"], s.path("{PROJECT}/fixtures/link")))
			s.check(os.Symlink(s.vars["BAIT"], s.path("{PROJECT}/fixtures/logs/HEAD")))
			s.git("init", "-q", "-b", "main")
			s.git("add", ".")
			s.git("commit", "-q", "-m", "x")
			s.git("clone", "-q", "--bare", ".", "bare.git")
			s.git("worktree", "add", "-q", "w")
			s.tick()
		},
		cmd: []string{"sh", "-c", identity + line + "\necho TRIED: planted"},
		judge: func(s *scene) string {
			for _, file := range []string{"{PROJECT}/f", "{PROJECT}/w/f"} {
				s.file(file, "b\n")
			}
			cmd := exec.Command("git", append([]string{"-c", "user.name=x", "-c", "user.email=x@localhost"}, s.expand(then)...)...)
			cmd.Dir, cmd.Env = s.vars["PROJECT"], s.env
			out, err := cmd.CombinedOutput() // what was moved aside may be missing
			s.t.Logf("git %q: %v: %s", then, err, out)
			return judge(s)
		}}
}

// identity is for git inside.
const identity = "export GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x@localhost GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x@localhost\n"

// absent judges by a file that git outside would have made.
func absent(path string) func(*scene) string {
	return func(s *scene) string {
		if _, err := os.Lstat(s.path(path)); err == nil {
			return s.path(path) + " was written"
		}
		return ""
	}
}

// stash is a row with a stash that has an editor's tasks. $stash prints its id.
func stash(id, what, line, dir string, then ...string) row {
	const script = `stash() {
	export GIT_INDEX_FILE=/tmp/index.$$
	git read-tree HEAD
	git update-index --add --cacheinfo 100644,$(echo OWNED | git hash-object -w --stdin),.vscode/tasks.json
	i=$(git commit-tree -m i -p HEAD HEAD^{tree})
	git commit-tree -m w -p HEAD -p $i $(git write-tree)
	rm -f $GIT_INDEX_FILE
	unset GIT_INDEX_FILE
}
stash=stash
`
	return through(id, what, script+line, append([]string{"-C", dir}, then...), absent(dir+"/.vscode/tasks.json"))
}
