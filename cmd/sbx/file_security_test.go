package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// keys are files in a home that nobody but their owner may see.
var keys = []string{
	".ssh/id_ed25519", ".ssh/config", ".aws/credentials", ".netrc", ".config/gh/hosts.yml", ".docker/config.json", ".kube/config",
	".gnupg/secring.gpg", ".npmrc", ".bash_history", ".mozilla/firefox/x.default/logins.json", ".config/gcloud/credentials.db",
	".local/share/keyrings/login.keyring", ".password-store/x.gpg", ".git-credentials", ".pypirc", ".cargo/credentials.toml",
}

func haveKeys(s *scene) {
	for _, key := range keys {
		s.file("{HOME}/"+key, marker)
	}
}

// haveDotenv makes a project with secrets of its own.
func haveDotenv(s *scene) {
	s.file("{PROJECT}/.env", "TOKEN="+marker)
	s.file("{PROJECT}/.env.local", "TOKEN="+marker)
}

// secretRows are the caller's keys, by every path.
var secretRows = []row{
	{id: "secret-home", group: "secrets", tries: "find a key anywhere in the home", views: both, setup: haveKeys, cmd: []string{"{ATTACKS}", "find", "{MARKER}", "{HOME}"}},
	{id: "secret-by-name", group: "secrets", tries: "read keys by their names", views: both, setup: haveKeys,
		cmd: []string{"{ATTACKS}", "contents", "{MARKER}", "{HOME}/.ssh/*", "{HOME}/.*/credentials*", "{HOME}/.netrc", "{HOME}/.config/*/*", "{HOME}/.gnupg/*"}},
	{id: "secret-dotdot", group: "secrets", tries: "read a key above the project", views: both, setup: haveKeys,
		cmd: []string{"{ATTACKS}", "contents", "{MARKER}", "../.ssh/id_ed25519", "{PROJECT}/../.netrc", "/proc/self/cwd/../.netrc", "/proc/thread-self/root{HOME}/.netrc"}},
	{id: "secret-symlink", group: "secrets", tries: "read a key by a symbolic link that the project already has", views: both, judge: unchanged,
		setup: func(s *scene) {
			haveKeys(s)
			s.check(os.Symlink("../.ssh/id_ed25519", s.path("{PROJECT}/relative")))
			s.check(os.Symlink(s.path("{HOME}/.ssh"), s.path("{PROJECT}/absolute")))
		},
		cmd: []string{"{ATTACKS}", "contents", "{MARKER}", "relative", "absolute/id_ed25519"}},
	{id: "secret-hardlink", group: "secrets", tries: "make a hard link to a key in the project", views: both, setup: haveKeys,
		cmd: []string{"{ATTACKS}", "link-out", "{PROJECT}/linked", "{HOME}/.ssh/id_ed25519", "../.netrc"}},
	{id: "secret-tmp", group: "secrets", tries: "read the caller's files in /tmp and /var/tmp", views: both, setup: func(s *scene) {
		for i, top := range []string{"/tmp", "/var/tmp"} {
			dir, err := os.MkdirTemp(top, "sbx-bait")
			s.check(err)
			s.t.Cleanup(func() { os.RemoveAll(dir) })
			s.vars[fmt.Sprint("T", i)] = dir
			s.file(dir+"/key", marker)
		}
	}, cmd: []string{"{ATTACKS}", "contents", "{MARKER}", "{T0}/key", "{T1}/key"}},
	{id: "secret-other-home", group: "secrets", tries: "list the homes of others", views: both, setup: func(s *scene) { s.mkdir("{HOME}/../other/.ssh") },
		cmd: []string{"sh", "-c", `ls -d "{HOME}/../other" /home/*/.ssh /root/.ssh 2>/dev/null | grep . && { echo BROKE: seen; exit 1; }; echo HELD: none`}},
	{id: "secret-ro-home", group: "secrets", tries: "read a key where the whole home is shown", views: hostOnly, setup: haveKeys, flags: []string{"--ro", "{HOME}"},
		cmd: []string{"{ATTACKS}", "contents", "{MARKER}", "{HOME}/.ssh/id_ed25519", "{HOME}/.aws/credentials", "{HOME}/.netrc"}},
	{id: "secret-volume-elsewhere", group: "secrets", tries: "read a key where the home is shown at another place", views: both, setup: haveKeys, flags: []string{"-v", "{HOME}:/tmp/other:ro"},
		cmd: []string{"{ATTACKS}", "contents", "{MARKER}", "/tmp/other/.ssh/id_ed25519", "/tmp/other/.aws/credentials", "/tmp/other/.netrc", "{HOME}/.netrc"}},
	{id: "secret-volume-parent", group: "secrets", tries: "read a key where a directory above the home is shown", views: both, setup: haveKeys, flags: []string{"-v", "{DIR}:/tmp/above:ro"},
		cmd: []string{"{ATTACKS}", "contents", "{MARKER}", "/tmp/above/home/.ssh/id_ed25519", "/tmp/above/home/.netrc", "{HOME}/.netrc"}},
	{id: "secret-rw-home-link", group: "secrets", tries: "rename or link a key where the home is writable", views: hostOnly, setup: haveKeys, flags: []string{"--rw", "{HOME}"},
		cmd: []string{"{ATTACKS}", "link-out", "{HOME}/copy", "{HOME}/.ssh/id_ed25519", "{HOME}/.netrc"}},
	{id: "secret-rw-home-rename", group: "secrets", tries: "rename the directory around a key where the home is writable", views: hostOnly, setup: haveKeys, flags: []string{"--rw", "{HOME}"},
		cmd: []string{"{ATTACKS}", "rename-read", "{HOME}/.ssh", "id_ed25519", "{MARKER}"}},
	{id: "secret-dotenv", group: "secrets", tries: "read the project's .env", views: both, setup: haveDotenv, cmd: []string{"{ATTACKS}", "find", "{MARKER}", "{PROJECT}"}},
	{id: "secret-dotenv-hardlink", group: "secrets", tries: "make a hard link to the project's .env", views: both, setup: haveDotenv,
		cmd: []string{"{ATTACKS}", "link-out", "{PROJECT}/linked", "{PROJECT}/.env"}},
	{id: "secret-dotenv-second-name", group: "secrets", tries: "read the project's .env by a hard link that was there", views: both,
		setup: func(s *scene) {
			haveDotenv(s)
			s.check(os.Link(s.path("{PROJECT}/.env"), s.path("{PROJECT}/notes.txt")))
		},
		cmd: []string{"{ATTACKS}", "contents", "{MARKER}", "{PROJECT}/notes.txt"}},
	{id: "secret-dotenv-closed", group: "secrets", tries: "read a .env of the project's that has no permissions, after a chmod", views: both,
		setup: func(s *scene) {
			haveDotenv(s)
			s.check(os.Chmod(s.path("{PROJECT}/.env"), 0))
		},
		cmd: []string{"sh", "-c", `chmod 600 .env; exec "{ATTACKS}" contents {MARKER} .env`}},
	{id: "secret-dotenv-in-userns", group: "secrets", tries: "uncover the .env in a user namespace", views: both, setup: haveDotenv, cmd: []string{"{ATTACKS}", "peel", "{PROJECT}/.env"}},
	{id: "secret-dotenv-replace", group: "secrets", tries: "remove or replace the project's .env", views: both, setup: haveDotenv, cmd: []string{"{ATTACKS}", "replace", "{PROJECT}/.env"},
		judge: func(s *scene) string {
			if !s.has("{PROJECT}/.env", marker) {
				return "it was replaced"
			}
			return ""
		}},
}

// fileRows are writes to what is not the sandbox's.
var fileRows = []row{
	{id: "file-bait", group: "files", tries: "write to a file of the home in every way", views: both, judge: unchanged, cmd: []string{"{ATTACKS}", "write", "OWNED", "{BAIT}", "../bait"}},
	{id: "file-symlink-out", group: "files", tries: "write through a symbolic link out of the project", views: both, judge: unchanged,
		cmd: []string{"sh", "-c", `ln -s ../bait out; ln -s "{BAIT}" out2; {ATTACKS} write OWNED out out2`}},
	{id: "file-project-parent", group: "files", tries: "make a file beside the project", views: both, cmd: []string{"{ATTACKS}", "write", "OWNED", "{HOME}/new", "../new"},
		judge: func(s *scene) string {
			if _, err := os.Lstat(s.path("{HOME}/new")); err == nil {
				return "it is there"
			}
			return ""
		}},
	{id: "file-project-rename", group: "files", tries: "rename the project away", views: both, cmd: []string{"sh", "-c", `mv "{PROJECT}" "{HOME}/gone" 2>&1; echo TRIED: moved`},
		judge: func(s *scene) string {
			if _, err := os.Lstat(s.path("{PROJECT}")); err != nil {
				return err.Error()
			}
			return ""
		}},
	{id: "file-read-only", group: "files", tries: "write to what is shown read-only, in every way", views: hostOnly, judge: unchanged, flags: []string{"--ro", "{BAIT}"},
		cmd: []string{"{ATTACKS}", "write", "OWNED", "{BAIT}"}},
	{id: "file-read-only-volume", group: "files", tries: "the same at another place", views: both, judge: unchanged, flags: []string{"-v", "{HOME}:/tmp/there:ro"},
		cmd: []string{"{ATTACKS}", "write", "OWNED", "/tmp/there/bait", "{BAIT}"}},
	{id: "file-read-only-link", group: "files", tries: "make a hard link to a read-only file where one may write", views: both, flags: []string{"-v", "{HOME}:/tmp/there:ro"}, judge: unchanged,
		cmd: []string{"sh", "-c", `ln /tmp/there/bait "{PROJECT}/linked" || ln "{BAIT}" "{PROJECT}/linked"; {ATTACKS} write OWNED "{PROJECT}/linked"`}},
	{id: "file-read-only-remount", group: "files", tries: "remount it writable in a user namespace", views: both, flags: []string{"-v", "{HOME}:/tmp/there:ro"},
		cmd: []string{"{ATTACKS}", "in-userns", "setattr", "/tmp/there", "/"}},
	{id: "file-read-only-nested", group: "files", tries: "write to a read-only directory inside the writable project", views: hostOnly, flags: []string{"--ro", "{PROJECT}/vendor"},
		setup: func(s *scene) { s.file("{PROJECT}/vendor/lib", "clean") }, cmd: []string{"sh", "-c", `mv vendor old; mkdir vendor; {ATTACKS} write OWNED vendor/lib`},
		judge: func(s *scene) string {
			if !s.has("{PROJECT}/vendor/lib", "clean") {
				return "it was written"
			}
			return ""
		}},
	{id: "file-hidden", group: "files", tries: "read what --hide covers, by another name", views: both, flags: []string{"--hide", "{PROJECT}/private"},
		setup: func(s *scene) { s.file("{PROJECT}/private/key", marker) },
		cmd:   []string{"sh", "-c", `mv private public; ln private/key linked; {ATTACKS} find {MARKER} .`}},
}

// pathRows are projects with difficult names.
var pathRows = []row{
	odd("path-newline", "a newline", "new\nline"),
	odd("path-newline-mount", "what looks like a line of mountinfo", "p\n36 35 98:0 "+"x x rw - ext4 x rw"),
	odd("path-colon", "colons, as in SRC:DST:rw", "p:{HOME}:rw"),
	odd("path-comma", "commas, as in a mount's options", "p,lowerdir={HOME},x"),
	odd("path-backslash", "backslashes", `p\134\040\\q`),
	odd("path-quotes", "quotes and a shell's commands", "p\"'`touch owned`$(touch owned)"),
	odd("path-not-utf8", "bytes that are no UTF-8", "p\xff\xfe\xc3("),
	odd("path-dash", "a leading dash", "--unsafe-expose=-"),
	odd("path-spaces", "spaces and tabs at both ends", " p\t q "),
	odd("path-percent", "a format's verbs", "%s%n%d"),
	odd("path-escape", "a terminal's escapes", "p\x1b[2J\x1b]2;x\x07"),
	odd("path-long", "250 bytes", strings.Repeat("x", 250)),
	{id: "path-layer-colon", group: "paths", tries: "take part of a layer's name for another layer", views: own, refusal: 125, setup: func(s *scene) {
		s.vars["LAYER"] = s.path("{DIR}/l:{HOME}")
		s.root(s.vars["LAYER"])
	}, flags: []string{"--layer", "{LAYER}", "--userns", "single"}, cmd: []string{"{ATTACKS}", "read", "/bait"}},
	{id: "path-layer-comma", group: "paths", tries: "take part of a layer's name for an option", views: own, refusal: 125, setup: func(s *scene) {
		s.vars["LAYER"] = s.path("{DIR}/l,upperdir={HOME},x")
		s.root(s.vars["LAYER"])
	}, flags: []string{"--layer", "{LAYER}", "--userns", "single"}, judge: unchanged, cmd: []string{"{ATTACKS}", "read", "/bait"}},
}

// odd puts the project into a directory with a difficult name.
func odd(id, what, name string) row {
	return row{id: id, group: "paths", tries: "a project whose name has " + what, views: both, judge: unchanged,
		setup: func(s *scene) {
			s.vars["PROJECT"] = filepath.Join(s.vars["HOME"], s.path(name))
			s.mkdir(s.vars["PROJECT"])
			s.copyProgram(s.vars["OUTSIDE"], filepath.Join(s.vars["PROJECT"], "attacks"))
			s.vars["ATTACKS"] = filepath.Join(s.vars["PROJECT"], "attacks")
		}, cmd: []string{"{ATTACKS}", "bound", "{BAIT}", "{HOME}/bait"}}
}

// root makes a root file system with the attacks alone.
func (s *scene) root(dir string) {
	for _, name := range []string{"proc", "sys", "dev", "tmp", "etc", "mnt"} {
		s.mkdir(filepath.Join(dir, name))
	}
	s.copyProgram(s.vars["OUTSIDE"], filepath.Join(dir, "attacks"))
	s.vars["ROOT"] = dir
}

// runLaterRows are files that the caller's own tools run, outside, afterwards.
var runLaterRows = []row{
	later("later-git-hook", ".git/hooks/pre-commit", "a git hook", true),
	later("later-git-hook-new", ".git/hooks/pre-commit", "a git hook in a new repository", false),
	later("later-git-config", ".git/config", "git's settings, with a program to run", true),
	later("later-git-config-new", ".git/config", "git's settings in a new repository", false),
	later("later-git-worktree", ".git/config.worktree", "git's settings of a worktree", true),
	later("later-git-modules", ".git/modules/sub/config", "git's settings of a submodule", true),
	later("later-envrc", ".envrc", "direnv's commands", false),
	later("later-vscode", ".vscode/tasks.json", "an editor's tasks", false),
	later("later-vscode-settings", ".vscode/settings.json", "an editor's settings", false),
	later("later-idea", ".idea/workspace.xml", "an editor's run configurations", false),
	later("later-claude", ".claude/settings.json", "an agent's hooks", false),
	later("later-mcp", ".mcp.json", "an agent's servers", false),
	later("later-husky", ".husky/pre-commit", "a hook manager's hook", true),
	later("later-devcontainer", ".devcontainer/devcontainer.json", "a container's commands", false),
	later("later-agent", "CLAUDE.md", "an agent's instructions", false),
	later("later-nested-git", "sub/.git/config", "git's settings of a repository below", false),
	laterBy("later-git-file", ".git", "a .git that points to a repository of its own", `rm -rf .git; echo "gitdir: OWNED" > .git`),
	laterBy("later-bare-repository", "config", "a bare repository, which git takes the project for", `mkdir -p objects refs hooks; echo "ref: refs/heads/main" > HEAD; printf "[core]\n\tbare = true\n\tfsmonitor = OWNED\n" > config`),
	laterBy("later-renamed", ".vscode/tasks.json", "a directory that was there by another name", `mv fixtures/editor .vscode`),
	laterBy("later-symlink", ".vscode/tasks.json", "a link to a directory that was there", `ln -s fixtures/editor .vscode`),
	laterBy("later-backdated", ".vscode/tasks.json", "a file with an old date", `mkdir .vscode; echo OWNED > .vscode/tasks.json; touch -d 2001-01-01 .vscode .vscode/tasks.json`),
	laterLinked(),
	having(laterBy("later-git-modules-new", ".git/modules/new/config", "a whole repository where git would clone a submodule", `cp -r .git clone; printf '[remote "origin"]\n\turl = https://OWNED\n' > clone/config; mkdir -p .git/modules; mv clone .git/modules/new`),
		map[string]string{".git/HEAD": "ref: refs/heads/main\n", ".git/objects/x": "", ".git/refs/x": ""}),
	laterPart(),
	laterBy("later-unreadable", "sub/.vscode/tasks.json", "a file in a directory that cannot be read", `mkdir -p sub/.vscode; echo OWNED > sub/.vscode/tasks.json; chmod 0 sub`),
	laterBy("later-newline", "sub\nx/.vscode/tasks.json", "a file below a name with a newline", "d=$(printf 'sub\\nx'); mkdir -p \"$d/.vscode\"; echo OWNED > \"$d/.vscode/tasks.json\""),
	laterBy("later-at-the-end", ".vscode/tasks.json", "a file by a process that the command leaves behind", `(trap "" HUP TERM; for i in 1 2 3 4 5 6 7 8 9; do mkdir -p .vscode; echo OWNED > .vscode/tasks.json; sleep 0.05; done) > /dev/null 2>&1 & sleep 0.1`),
}

// laterBy plants one by a shell line, which may use fixtures/editor/tasks.json.
func laterBy(id, path, what, line string) row {
	return row{id: id, group: "run later", tries: "plant " + what, views: both,
		setup: func(s *scene) { s.file("{PROJECT}/fixtures/editor/tasks.json", "OWNED\n") },
		cmd:   []string{"sh", "-c", line + "\necho TRIED: planted"},
		judge: func(s *scene) string {
			_ = os.Chmod(s.path("{PROJECT}/sub"), 0o755) // it may be gone
			if s.has("{PROJECT}/"+path, "OWNED") {
				return path + " was planted"
			}
			return ""
		}}
}

// later plants one. Where it is there already, it must stay as it is; where it
// is not, it must not be there afterwards.
func later(id, path, what string, exists bool) row {
	return row{id: id, group: "run later", tries: "plant " + what, views: both,
		setup: func(s *scene) {
			if exists {
				s.file("{PROJECT}/"+path, "clean\n")
				s.file("{PROJECT}/.git/HEAD", "ref: refs/heads/main\n")
				s.mkdir("{PROJECT}/.git/objects")
				s.mkdir("{PROJECT}/.git/refs")
			}
		},
		cmd: []string{"{ATTACKS}", "plant", "{PROJECT}/" + path, "OWNED"},
		judge: func(s *scene) string {
			if s.has("{PROJECT}/"+path, "OWNED") {
				return path + " was planted"
			}
			return ""
		}}
}

// having has files in the project before.
func having(r row, files map[string]string) row {
	plain := r.setup
	r.setup = func(s *scene) {
		plain(s)
		for name, text := range files {
			s.file("{PROJECT}/"+name, text)
		}
	}
	return r
}

// laterPart makes what git keeps none of, empty directories, beside files that came
// with the project.
func laterPart() row {
	r := having(laterBy("later-bare-part", "x/config", "the directories that make a repository of files that came with the project", `mkdir x/objects x/refs`),
		map[string]string{"x/HEAD": "ref: refs/heads/main\n", "x/config": "[core]\n\tfsmonitor = OWNED\n"})
	r.judge = func(s *scene) string {
		if _, err := os.Lstat(s.path("{PROJECT}/x/refs")); err == nil && s.has("{PROJECT}/x/config", "OWNED") {
			return "x is a repository"
		}
		return ""
	}
	return r
}

// laterLinked plants git's settings by another name of the same file, which an
// earlier command may have made.
func laterLinked() row {
	r := later("later-git-config-linked", ".git/config", "git's settings, by a hard link that was there", true)
	plain := r.setup
	r.setup = func(s *scene) {
		plain(s)
		s.check(os.Link(s.path("{PROJECT}/.git/config"), s.path("{PROJECT}/notes")))
	}
	r.cmd = []string{"sh", "-c", "echo OWNED > notes; echo TRIED: wrote"}
	return r
}
