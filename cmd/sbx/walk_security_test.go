package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// walkRows plant what runs later where names were not looked for, or where times do
// not tell what is new.
var walkRows = []row{
	laterBy("walk-below-hg", "src/.vscode/tasks.json", "an editor's tasks below .hg, and a link there", `mkdir -p .hg/.vscode; echo OWNED > .hg/.vscode/tasks.json; ln -s .hg src`),
	laterBy("walk-below-hg-deep", ".hg/store/data/x/.envrc", "direnv's commands deep below .hg", `mkdir -p .hg/store/data/x; echo OWNED > .hg/store/data/x/.envrc`),
	laterBy("walk-below-sl", ".sl/x/.envrc", "direnv's commands below .sl", `mkdir -p .sl/x; echo OWNED > .sl/x/.envrc`),
	laterBy("walk-below-jj", ".jj/x/.envrc", "direnv's commands below .jj", `mkdir -p .jj/x; echo OWNED > .jj/x/.envrc`),
	inRepository("walk-below-git", ".git/x/.envrc", "direnv's commands below .git", `mkdir .git/x; echo OWNED > .git/x/.envrc; ln -s .git/x src`),
	inRepository("walk-git-top", ".git/.envrc", "direnv's commands in .git itself", `echo OWNED > .git/.envrc; ln -s .git src`),
	inRepository("walk-git-objects", ".git/objects/aa/.vscode/tasks.json", "an editor's tasks below git's objects", `mkdir -p .git/objects/aa/.vscode; echo OWNED > .git/objects/aa/.vscode/tasks.json`),
	inRepository("walk-git-worktrees", ".git/worktrees/.envrc", "direnv's commands in git's worktrees", `mkdir -p .git/worktrees; echo OWNED > .git/worktrees/.envrc`),
	inRepository("walk-git-refs", ".git/refs/heads/mise.toml", "mise's hooks as a branch", `mkdir -p .git/refs/heads; echo OWNED > .git/refs/heads/mise.toml`),
	inRepository("walk-git-logs", ".git/logs/x/.envrc", "direnv's commands in git's logs", `mkdir -p .git/logs/x; echo OWNED > .git/logs/x/.envrc`),
	inRepository("walk-git-hooks-below", "sub/.git/hooks/x/.envrc", "direnv's commands below hooks", `mkdir -p sub/.git/hooks/x; echo OWNED > sub/.git/hooks/x/.envrc`),
	inRepository("walk-git-in-objects", ".git/objects/x/.git/config", "a repository below git's objects", `mkdir -p .git/objects/x/.git/objects .git/objects/x/.git/refs; echo "ref: refs/heads/x" > .git/objects/x/.git/HEAD; `+config(".git/objects/x/.git")),
	laterBy("walk-hg-is-repository", ".hg/config", "a repository of git's in .hg, and a link there", `mkdir -p .hg/objects .hg/refs; echo "ref: refs/heads/x" > .hg/HEAD; `+config(".hg")+`; ln -s .hg src`),
	inRepository("walk-worktrees-is-repository", ".git/worktrees/config", "a repository in git's worktrees", `mkdir -p .git/worktrees/objects .git/worktrees/refs; echo "ref: refs/heads/x" > .git/worktrees/HEAD; `+config(".git/worktrees")),
	inRepository("walk-hooks-is-repository", "sub/.git/hooks/config", "a repository in a repository's hooks", `cd sub/.git/hooks && mkdir objects refs; echo "ref: refs/heads/x" > HEAD; `+config(".")),

	inRepository("walk-hooks-moved", "sub/.git/hooks/pre-commit", "a directory of hooks that came with the project", `rm -rf sub/.git/hooks; mv fixtures/editor sub/.git/hooks`, "fixtures/editor/pre-commit"),
	inRepository("walk-hooks-moved-back", "sub/.git/hooks/pre-commit", "the same, and a hook that is made and removed", `rm -rf sub/.git/hooks; mv fixtures/editor sub/.git/hooks; echo > sub/.git/hooks/x; rm sub/.git/hooks/x; touch -d 2001-01-01 sub/.git/hooks`, "fixtures/editor/pre-commit"),
	inRepository("walk-git-moved", "new/.git/config", "a repository that came with the project by another name", `mkdir new; mv fixtures/data new/.git`, "fixtures/data/config", "fixtures/data/objects/x", "fixtures/data/refs/x", "fixtures/data/HEAD"),
	inRepository("walk-hg-moved", "new/.hg/hgrc", "Mercurial's settings that came with the project by another name", `mkdir new; mv fixtures/data new/.hg`, "fixtures/data/hgrc"),

	inRepository("walk-nested-agent", "sub/CLAUDE.md", "an agent's instructions in a repository below", `echo OWNED > sub/CLAUDE.md`),
	inRepository("walk-nested-lefthook", "sub/lefthook.yml", "a hook manager's commands in a repository below", `echo OWNED > sub/lefthook.yml`),
	inRepository("walk-nested-precommit", "sub/.pre-commit-config.yaml", "a hook manager's settings in a repository below", `echo OWNED > sub/.pre-commit-config.yaml`),
	inRepository("walk-nested-worktree", "tree/AGENTS.md", "an agent's instructions in a worktree below", `echo OWNED > tree/AGENTS.md`, "tree/.git"),
	inRepository("walk-nested-jj", "jj/AGENTS.md", "an agent's instructions in a repository of Jujutsu's", `echo OWNED > jj/AGENTS.md`, "jj/.jj/x"),
	inRepository("walk-nested-hg", "hg/AGENTS.md", "an agent's instructions in a repository of Mercurial's", `echo OWNED > hg/AGENTS.md`, "hg/.hg/x"),

	inRepository("walk-rebase-link", ".git/rebase-merge/git-rebase-todo", "a command for git rebase, where its directory is a link", `mv .git/rebase-merge .git/rm2; ln -s rm2 .git/rebase-merge; echo "exec OWNED" >> .git/rm2/git-rebase-todo`, ".git/rebase-merge/head-name"),
	inRepository("walk-rebase-moved", ".git/rebase-merge/git-rebase-todo", "a command for git rebase that came with the project", `mv fixtures/state .git/rebase-merge`, "fixtures/state/git-rebase-todo=exec OWNED"),
	inRepository("walk-rebase-todo-space", ".git/rebase-merge/git-rebase-todo", "a command for git rebase behind odd white space", `printf 'pick 1\r\n \tx\tOWNED\n' > .git/rebase-merge/git-rebase-todo`, ".git/rebase-merge/head-name"),
	inRepository("walk-rebase-strategy", ".git/rebase-merge/strategy", "a program for git rebase to merge by", `echo x/../OWNED > .git/rebase-merge/strategy`, ".git/rebase-merge/head-name"),
	inRepository("walk-sequencer", ".git/sequencer/opts", "a program for git cherry-pick to merge by", `mkdir .git/sequencer; printf '[options]\n\tstrategy = x/../OWNED\n' > .git/sequencer/opts`),

	hooksPathBy("walk-hookspath-xdg", "XDG_CONFIG_HOME={DIR}/own"),
	hooksPathBy("walk-hookspath-global", "GIT_CONFIG_GLOBAL={DIR}/own/git/config"),
	hooksPathBy("walk-hookspath-system", "GIT_CONFIG_SYSTEM={DIR}/own/git/config"),
	hooksPathBy("walk-hookspath-count", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=core.hooksPath", "GIT_CONFIG_VALUE_0=.githooks"),
	hooksPathBy("walk-hookspath-parameters", "GIT_CONFIG_PARAMETERS='core.hooksPath'='.githooks'"),
	hooksPathBy("walk-hookspath-included", "GIT_CONFIG_PARAMETERS='include.path={DIR}/own/git/config'"),

	mounted("walk-mount", "direnv's commands on a file system below the project", `t vendor`, `echo OWNED > vendor/.envrc`, `grep -q OWNED vendor/.envrc`),
	mounted("walk-mount-deep", "direnv's commands on a file system on another", `t vendor && mkdir vendor/x && mount -t tmpfs t vendor/x`, `echo OWNED > vendor/x/.envrc`, `grep -q OWNED vendor/x/.envrc`),
	mounted("walk-mount-space", "direnv's commands on a file system with an odd name", `t "a b"`, `echo OWNED > "a b/.envrc"`, `grep -q OWNED "a b/.envrc"`),
	mounted("walk-mount-in-git", "direnv's commands on a file system below .git", `t .git/x`, `echo OWNED > .git/x/.envrc`, `grep -q OWNED .git/x/.envrc`),
	mounted("walk-mount-setuid", "a setuid program on a file system below the project", `t vendor`, `cp /bin/true vendor/s; chmod 4755 vendor/s`, `[ -u vendor/s ]`),

	{id: "walk-cache-link", group: "run later", tries: "plant direnv's commands in a cache that a profile keeps, and a link there", views: hostOnly,
		flags: []string{"--profile", "make"},
		cmd: []string{"sh", "-c", `d="{HOME}/.cache/ccache"; mkdir -p "$d"; echo OWNED > "$d/.envrc"
			at=$(awk '$5 ~ /ccache$/ { print $4 }' /proc/self/mountinfo); ln -s "${at:-$d}" src; echo TRIED: planted`},
		judge: func(s *scene) string {
			if s.has("{PROJECT}/src/.envrc", "OWNED") {
				return "src/.envrc was planted"
			}
			return ""
		}},
	{id: "walk-read-only-project", group: "run later", tries: "plant direnv's commands in a writable directory beside a read-only project", views: hostOnly,
		setup: func(s *scene) { s.mkdir("{DIR}/beside") }, flags: []string{"--read-only-project", "--rw", "{DIR}/beside"},
		cmd: []string{"sh", "-c", `echo OWNED > "{DIR}/beside/.envrc"; echo TRIED: planted`}, judge: besidePlanted},
	{id: "walk-writable-in-read-only", group: "run later", tries: "plant direnv's commands in a writable directory of a read-only project", views: hostOnly,
		setup: func(s *scene) { s.check(os.MkdirAll(s.path("{PROJECT}/out"), 0o755)) }, flags: []string{"--read-only-project", "--rw", "{PROJECT}/out"},
		cmd: []string{"sh", "-c", `echo OWNED > out/.envrc; echo TRIED: planted`},
		judge: func(s *scene) string {
			if s.has("{PROJECT}/out/.envrc", "OWNED") {
				return "out/.envrc was planted"
			}
			return ""
		}},
	{id: "walk-no-project", group: "run later", tries: "plant direnv's commands in a directory where there is no project", views: rootfsOnly,
		setup: func(s *scene) { s.mkdir("{DIR}/beside") }, flags: []string{"--no-project", "-v", "{DIR}/beside:{DIR}/beside"},
		cmd: []string{"sh", "-c", `echo OWNED > "{DIR}/beside/.envrc"; echo TRIED: planted`}, judge: besidePlanted},
	onSeconds("walk-seconds", ".envrc", "direnv's commands on a file system with times of whole seconds", `echo OWNED > .envrc`),
	onSeconds("walk-seconds-nested", "lib/.vscode/tasks.json", "an editor's tasks there", `mkdir -p lib/.vscode; echo OWNED > lib/.vscode/tasks.json`),
	onSeconds("walk-seconds-changed", "old/.vscode/tasks.json", "an editor's tasks that were there, within a second", `printf 'OWNED\n' > old/.vscode/tasks.json`),
	onSeconds("walk-seconds-hook", "sub/.git/hooks/pre-commit", "a hook of a repository there", `echo OWNED > sub/.git/hooks/pre-commit`),
	onFUSE("walk-fuse", ".envrc", "direnv's commands on a file system whose times can be set", `echo OWNED > .envrc; touch -d 2001-01-01 .envrc`),
	onFUSE("walk-fuse-nested", "lib/.vscode/tasks.json", "an editor's tasks there", `mkdir lib/.vscode; echo OWNED > lib/.vscode/tasks.json; touch -d 2001-01-01 lib/.vscode/tasks.json lib/.vscode lib`),
	onFUSE("walk-fuse-changed", "old/.vscode/tasks.json", "an editor's tasks that were there, with the same size and time", `printf 'OWNED\n' > old/.vscode/tasks.json; touch -d 2001-01-01 old/.vscode/tasks.json old/.vscode`),
	onFUSE("walk-fuse-hook", "sub/.git/hooks/pre-commit", "a hook of a repository there", `echo OWNED > sub/.git/hooks/pre-commit; touch -d 2001-01-01 sub/.git/hooks/pre-commit sub/.git/hooks`),
}

func config(dir string) string {
	return `printf '[core]\n\tbare = false\n\tfsmonitor = OWNED\n' > ` + dir + `/config`
}

// inRepository plants one in a project that is a repository with another in sub. More
// files are there before, with what is planted or what follows "=".
func inRepository(id, path, what, line string, files ...string) row {
	r := laterBy(id, path, what, line)
	r.setup = func(s *scene) {
		haveRepositories(s, files)
		afterTick()
	}
	return r
}

// afterTick waits until a file that is written has a later time than those before.
func afterTick() {
	read := func(clock int32) int64 {
		var t unix.Timespec
		_ = unix.ClockGettime(clock, &t) // both are in every kernel
		return t.Nano()
	}
	for made := read(unix.CLOCK_REALTIME); read(unix.CLOCK_REALTIME_COARSE) <= made; {
		time.Sleep(time.Millisecond)
	}
}

func haveRepositories(s *scene, files []string) {
	for _, dir := range []string{"{PROJECT}/.git", "{PROJECT}/sub/.git"} {
		s.file(dir+"/HEAD", "ref: refs/heads/main\n")
		s.file(dir+"/config", "[core]\n\tbare = false\n")
		for _, sub := range []string{"objects", "refs", "hooks"} {
			s.mkdir(dir + "/" + sub)
		}
	}
	for _, f := range files {
		name, text, ok := strings.Cut(f, "=")
		switch {
		case ok:
		case strings.HasSuffix(name, "HEAD"):
			text = "ref: refs/heads/main"
		case strings.HasSuffix(name, "config"):
			text = "[core]\n\tfsmonitor = OWNED"
		case name == "tree/.git":
			text = "gitdir: nowhere"
		default:
			text = "OWNED"
		}
		s.file("{PROJECT}/"+name, text+"\n")
	}
}

// hooksPathBy changes a hook that a setting outside the project leads git to.
func hooksPathBy(id string, env ...string) row {
	r := inRepository(id, ".githooks/pre-commit", "a hook where the developer's own settings lead git, by "+strings.SplitN(env[0], "=", 2)[0],
		`echo OWNED > .githooks/pre-commit`, ".githooks/pre-commit=clean")
	plain := r.setup
	r.setup = func(s *scene) {
		plain(s)
		s.file("{DIR}/own/git/config", "[core]\n\thooksPath = .githooks\n")
		s.env = append(s.env, s.expand(env)...)
	}
	return r
}

// mounted plants one on a file system that is mounted below the project.
func mounted(id, what, mount, line, planted string) row {
	return row{id: id, group: "run later", tries: "plant " + what, views: hostOnly,
		setup: func(s *scene) {
			haveRepositories(s, nil)
			for _, dir := range []string{"vendor", "a b", ".git/x"} {
				s.mkdir("{PROJECT}/" + dir)
			}
		},
		wrap: []string{"unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
			"mount -t tmpfs " + mount + ` || exit 9; "$@"; code=$?; if ` + planted + "; then echo BROKE: it was planted; exit 1; fi; exit $code", "sh"},
		cmd:   []string{"sh", "-c", line + "; echo TRIED: planted"},
		judge: func(*scene) string { return "" }}
}

// onFUSE plants one in a project on sshfs, which passes on the times that a server
// has. The server is the user's own, without ssh.
func onFUSE(id, path, what, line string) row {
	r := laterBy(id, path, what, line)
	r.views = hostOnly
	r.setup = func(s *scene) {
		far := s.path("{DIR}/far")
		s.mkdir(far + "/lib")
		s.file(far+"/old/.vscode/tasks.json", "clean\n")
		mountSSHFS(s, far, s.path("{PROJECT}"))
		s.copyProgram(s.vars["OUTSIDE"], s.vars["ATTACKS"])
		haveRepositories(s, nil)
		s.check(exec.Command("touch", "-d", "2001-01-01", s.path("{PROJECT}/old/.vscode/tasks.json")).Run())
	}
	return r
}

// onSeconds plants one in a project on a file system with times of whole seconds.
func onSeconds(id, path, what, line string) row {
	return onFileSystem(id, path, what, line, func(s *scene) string {
		top := os.Getenv("SBX_TEST_EXT4")
		if top == "" {
			skip(s.t, "no ext4 with inodes of 128 bytes, see .ci/as")
		}
		return top
	})
}

// fatRows plant one in a project on FAT, in a guest: its times are of two seconds, and
// can be set. Other machines have none that a user may write to.
func fatRows() []row {
	top := os.Getenv("SBX_TEST_FAT")
	if top == "" {
		return nil
	}
	on := func(id, path, what, line string) row {
		return onFileSystem(id, path, what, line, func(*scene) string { return top })
	}
	return []row{
		on("walk-fat", ".envrc", "direnv's commands on FAT", `echo OWNED > .envrc; touch -d 2001-01-01 .envrc`),
		on("walk-fat-nested", "lib/.vscode/tasks.json", "an editor's tasks there", `mkdir lib lib/.vscode; echo OWNED > lib/.vscode/tasks.json; touch -d 2001-01-01 lib/.vscode/tasks.json lib/.vscode lib`),
		on("walk-fat-changed", "old/.vscode/tasks.json", "an editor's tasks that were there, with the same size and time", `t=$(date -r old/.vscode/tasks.json +@%s); printf 'OWNED\n' > old/.vscode/tasks.json; touch -d $t old/.vscode/tasks.json old/.vscode`),
		on("walk-fat-hook", "sub/.git/hooks/pre-commit", "a hook of a repository there", `echo OWNED > sub/.git/hooks/pre-commit; touch -d 2001-01-01 sub/.git/hooks/pre-commit sub/.git/hooks`),
		on("walk-fat-case", "LIB/.VSCODE/TASKS.JSON", "the same by a short name in upper case", `mkdir LIB LIB/.VSCODE; echo OWNED > LIB/.VSCODE/TASKS.JSON`),
		on("walk-fat-moved", "app/.vscode/tasks.json", "a directory of the checkout's in the place of another", `mv mine app; echo OWNED > app/.vscode/tasks.json`),
	}
}

// onFileSystem plants one in a project in a directory on another file system.
func onFileSystem(id, path, what, line string, top func(*scene) string) row {
	r := laterBy(id, path, what, line)
	r.views = hostOnly
	r.setup = func(s *scene) {
		top := top(s)
		dir, err := os.MkdirTemp(top, "project")
		s.check(err)
		s.t.Cleanup(func() { os.RemoveAll(dir) })
		s.vars["PROJECT"] = dir
		s.vars["ATTACKS"] = filepath.Join(dir, "attacks")
		s.copyProgram(s.vars["OUTSIDE"], s.vars["ATTACKS"])
		s.file(dir+"/old/.vscode/tasks.json", "clean\n")
		s.file(dir+"/mine/.vscode/tasks.json", "mine\n")
		haveRepositories(s, nil)
	}
	plain := r.judge
	r.judge = func(s *scene) string {
		if id != "walk-fat-moved" && !s.has("{PROJECT}/mine/.vscode/tasks.json", "mine") {
			return "what was there was moved"
		}
		return plain(s)
	}
	return r
}

func besidePlanted(s *scene) string {
	if s.has("{DIR}/beside/.envrc", "OWNED") {
		return "beside/.envrc was planted"
	}
	return ""
}

// mountSSHFS mounts a directory at another by sftp.
func mountSSHFS(s *scene, far, at string) {
	s.t.Helper()
	server := ""
	for _, path := range []string{"/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server"} {
		if _, err := os.Stat(path); err == nil {
			server = path
		}
	}
	if _, err := exec.LookPath("sshfs"); err != nil || server == "" {
		skip(s.t, "no sshfs and sftp-server")
	}
	sftp := exec.Command(server)
	fs := exec.Command("sshfs", "-f", "-o", "slave", ":"+far, at)
	toServer, err := sftp.StdinPipe()
	s.check(err)
	fromServer, err := sftp.StdoutPipe()
	s.check(err)
	fs.Stdout, fs.Stdin = toServer.(*os.File), fromServer.(*os.File)
	complaints, err := fs.StderrPipe()
	s.check(err)
	s.check(sftp.Start())
	s.check(fs.Start())
	s.check(toServer.Close())
	s.t.Cleanup(func() {
		if out, err := exec.Command("fusermount3", "-u", "-z", at).CombinedOutput(); err != nil && isMounted(at) {
			s.t.Errorf("unmounting sshfs: %v: %s", err, out)
			_ = fs.Process.Kill()
		}
		_, _ = io.Copy(io.Discard, complaints)
		_ = fs.Wait()
		_ = sftp.Process.Kill()
		_ = sftp.Wait()
	})
	until(s.t.(*testing.T), "sshfs is mounted", func() bool { return isMounted(at) })
}

func isMounted(at string) bool {
	mounts, err := os.ReadFile("/proc/self/mounts")
	return err == nil && strings.Contains(string(mounts), " "+at+" fuse.sshfs ")
}

// TestWalkEntered plants by a command that entered a sandbox in the background.
func TestWalkEntered(t *testing.T) {
	needNamespaces(t)
	made := 0
	for _, r := range walkRows {
		if slices.Contains([]string{"walk-below-git", "walk-hooks-moved", "walk-nested-agent", "walk-rebase-link", "walk-fuse", "walk-hookspath-xdg"}, r.id) {
			made++
			r.mustHold(t, hostView, enterLauncher{})
		}
	}
	if made != 6 {
		t.Errorf("%d rows", made)
	}
}

// TestGoneIsSaid: a name that is gone in the end is reported, and nothing else is made of it.
func TestGoneIsSaid(t *testing.T) {
	needNamespaces(t)
	s := newScene(t, t.TempDir(), hostView, row{})
	s.file("{PROJECT}/CLAUDE.md", "mine")
	argv, _ := sbxLauncher{}.command(s, row{cmd: []string{"sh", "-c", "echo > ready; until [ -e go ]; do :; done"}})
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = s.vars["PROJECT"], s.env
	var out strings.Builder
	cmd.Stderr = &out
	s.check(cmd.Start())
	until(t, "the command runs", func() bool { return s.has("{PROJECT}/ready", "\n") })
	s.check(os.Rename(s.path("{PROJECT}/CLAUDE.md"), s.path("{PROJECT}/other")))
	s.file("{PROJECT}/go", "")
	s.check(cmd.Wait())
	if !strings.Contains(out.String(), filepath.Join(s.vars["PROJECT"], "CLAUDE.md")) || !strings.Contains(out.String(), "gone") {
		t.Errorf("%q", out.String())
	}
}
