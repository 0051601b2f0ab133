package main

import (
	"os"
	"strings"
)

// gitConfigRows change what settings of the developer's configuration of git, of the
// repository and of the environment lead to: programs of any name, and what git copies into
// new repositories.
var gitConfigRows = []row{
	setTo("gitconfig-pager", "pager.log", "tools/x"),
	setTo("gitconfig-askpass", "core.askPass", "{PROJECT}/tools/x"),
	setTo("gitconfig-diff-filter", "interactive.diffFilter", "tools/x --color"),
	setTo("gitconfig-trailer", "trailer.sign.cmd", "tools/x"),
	setTo("gitconfig-difftool", "difftool.x.cmd", "tools/x $LOCAL $REMOTE"),
	setTo("gitconfig-mergetool-path", "mergetool.vimdiff.path", "{PROJECT}/tools/x"),
	setTo("gitconfig-ssh-key", "gpg.ssh.defaultKeyCommand", "tools/x"),
	setTo("gitconfig-helper", "credential.https://example.org.helper", "!tools/x"),
	setTo("gitconfig-alias", "alias.x", "!sh -c 'tools/x \"$@\"' -"),
	setTo("gitconfig-alias-option", "alias.l", "-c core.pager=tools/x log"),
	setTo("gitconfig-top", "filter.x.smudge", "\"$(git rev-parse --show-toplevel)\"/tools/x"),
	setTo("gitconfig-home", "filter.x.clean", "$HOME/project/tools/x"),
	setTo("gitconfig-cd", "filter.x.process", "cd tools && ./x"),
	setTo("gitconfig-unknown", "some.tool.does", "tools/x"),
	fromTemplate("gitconfig-template", "template", nil),
	fromTemplate("gitconfig-template-tilde", "template", nil),
	fromTemplate("gitconfig-template-none", "template", func(s *scene) { s.check(os.RemoveAll(s.path("{PROJECT}/.git"))) }),
	fromTemplate("gitconfig-template-beside", "../../beside/template", nil, "--rw", "{DIR}/beside"),
}

// setTo changes the program that a setting has, unsaid.
func setTo(id, setting, value string) row {
	return row{id: id, group: "run later", tries: "change the program in " + setting, views: hostOnly, flags: []string{"--no-profile"},
		setup: func(s *scene) {
			s.git("init", "-q")
			s.file("{PROJECT}/tools/x", "clean\n")
			s.git("config", "--global", setting, s.path(value))
			s.tick()
		},
		cmd: []string{"sh", "-c", "echo OWNED > tools/x; echo TRIED: changed"},
		judge: func(s *scene) string {
			if s.has("{PROJECT}/tools/x", "OWNED") && !strings.Contains(s.output, "tools/x") {
				return "the program is the command's, and nothing was said: " + s.output
			}
			return ""
		}}
}

// fromTemplate plants a hook, or a configuration, where git init takes its template from.
func fromTemplate(id, dir string, setup func(*scene), flags ...string) row {
	return row{id: id, group: "run later", tries: "plant a hook where init.templateDir leads", views: hostOnly, flags: append([]string{"--no-profile"}, flags...),
		setup: func(s *scene) {
			s.git("init", "-q")
			s.file("{PROJECT}/"+dir+"/hooks/pre-push", "clean\n")
			to := s.path("{PROJECT}/" + dir)
			if strings.HasSuffix(id, "tilde") {
				to = "~/project/" + dir
			}
			s.git("config", "--global", "init.templateDir", to)
			if setup != nil {
				setup(s)
			}
			s.tick()
		},
		cmd: []string{"sh", "-c", `echo OWNED > "$1/hooks/pre-commit"; printf '[core]\n\tfsmonitor = OWNED\n' > "$1/config"; echo TRIED: planted`, "sh", dir},
		judge: func(s *scene) string {
			s.git("init", "-q", s.path("{DIR}/new"))
			for _, name := range []string{"hooks/pre-commit", "config"} {
				if s.has("{DIR}/new/.git/"+name, "OWNED") {
					return "a new repository has the command's " + name
				}
			}
			return ""
		}}
}

// gitCopyRows write to the copy of git's settings that the command has, and replace it.
var gitCopyRows = []row{
	toCopy("program", "set a program that git runs", `git config core.fsmonitor OWNED; git config alias.x '!OWNED'`),
	toCopy("worktree", "set a program in the settings of a worktree", `git config --worktree core.fsmonitor OWNED`),
	toCopy("include", "include a file that sets a program", `printf '[core]\n\tfsmonitor = OWNED\n' > other; git config include.path ../other`, "../other"),
	toCopy("include-if", "include a file on a condition", `git config includeIf.gitdir:/.path OWNED`),
	toCopy("url", "send the developer's pushes elsewhere", `git remote set-url origin https://OWNED.example/x`),
	toCopy("url-second", "send them elsewhere by a second address", `git config --add remote.origin.pushurl https://OWNED.example/x`),
	toCopy("url-rewritten", "send them elsewhere by a rewritten address", `git config url.https://OWNED.example/.insteadOf https://`),
	toCopy("url-branch", "send them elsewhere by a branch", `git remote add x https://host.example/OWNED-x; git config branch.main.remote https://OWNED.example/x; git config branch.main.pushRemote x; git config remote.pushDefault x`, "OWNED.example", "pushremote", "pushDefault"),
	toCopy("url-helper", "add a remote that is a program", `git remote add x 'ext::sh -c OWNED'; printf '[remote "y"]\n\turl = --upload-pack=OWNED\n' >> .git/config`),
	toCopy("removed", "take settings away that keep git safe", `git config --unset transfer.fsckObjects; git config --unset core.hooksPath`, "!fsckObjects = true", "!hooksPath = /none"),
	toCopy("escape", "hide a setting in a value", `printf '[user]\n\tname = "a\\nb\\n[core]\\n\\tfsmonitor = OWNED"\n' >> .git/config; printf '[branch "x\\"]\n\tmerge = y\n[core]\n\tfsmonitor = OWNED\n[branch "\\"]\n\tmerge = z\n' >> .git/config`, "\n\tfsmonitor = OWNED"),
	toCopy("continued", "hide a setting in a comment or a value that goes on", `printf '[user]\n\tname = a \\\n[core] \\\n\tfsmonitor = OWNED\n' >> .git/config`, "\n\tfsmonitor = OWNED", "\n[core] \\"),
	toCopy("link", "have the copy be a link to another file", `f=$(readlink .git/config || echo .git/config); printf '[core]\n\tfsmonitor = OWNED\n' > other; rm -f $f; ln -s $PWD/other $f`),
	toCopy("fifo", "have the copy be a FIFO", `f=$(readlink .git/config || echo .git/config); rm -f $f; mkfifo $f`),
	toCopy("large", "have the copy be endless", `f=$(readlink .git/config || echo .git/config); truncate -s 1T $f`),
	toCopy("directory", "have a directory in place of the one with the copies", `f=$(readlink .git/config || echo .git/config); d=${f%/*/*}; mv $d $d.x; ln -s $PWD $d; mkdir 0; printf '[core]\n\tfsmonitor = OWNED\n' > 0/config`),
	toCopy("replaced", "write to the file itself by a name of its own", `mv .git/config x; printf '[core]\n\tfsmonitor = OWNED\n' > y; mv -f y .git/config; ln -f y .git/config; umount .git/config`),
}

// toCopy changes the settings of a repository in some way. Texts that are not to be in the
// file afterwards are OWNED by default; one that begins with ! is to be.
func toCopy(id, tries, line string, bad ...string) row {
	if bad == nil {
		bad = []string{"OWNED"}
	}
	return row{id: "gitcopy-" + id, group: "run later", tries: tries, views: hostOnly, flags: []string{"--no-profile"},
		setup: func(s *scene) {
			s.git("init", "-q")
			s.git("remote", "add", "origin", "https://host.example/x")
			for _, setting := range [][2]string{{"branch.main.remote", "origin"}, {"branch.main.merge", "refs/heads/main"}, {"transfer.fsckObjects", "true"}, {"core.hooksPath", "/none"}, {"extensions.worktreeConfig", "true"}} {
				s.git("config", setting[0], setting[1])
			}
			s.git("config", "--worktree", "user.name", "ada")
			s.tick()
		},
		cmd: []string{"sh", "-c", "{ " + line + "; } < /dev/null; echo TRIED: changed"},
		judge: func(s *scene) string {
			for _, name := range []string{".git/config", ".git/config.worktree"} {
				info, err := os.Lstat(s.path("{PROJECT}/" + name))
				if err != nil || !info.Mode().IsRegular() || info.Size() > 1<<20 {
					return name + " is no file any more"
				}
				text, err := os.ReadFile(s.path("{PROJECT}/" + name))
				s.check(err)
				for _, b := range bad {
					if want, is := strings.CutPrefix(b, "!"); is && name == ".git/config" && !strings.Contains(string(text), want) || !is && strings.Contains(string(text), b) {
						return name + " is now " + string(text)
					}
				}
			}
			return ""
		}}
}
