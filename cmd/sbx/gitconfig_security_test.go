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
