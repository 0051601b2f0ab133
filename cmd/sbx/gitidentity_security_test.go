package main

import "os"

// readGitConfig looks for the marker in all by which a configuration of git can reach a command.
const readGitConfig = `{ env; git config -l; git config --global -l; git config --system -l; git var -l; git config --get-urlmatch http.extraheader https://git.example/x
	git check-ignore -v x; git check-attr -a x; } >found 2>&1
	exec "{ATTACKS}" contents {MARKER} found "{HOME}/.gitconfig*" "{HOME}/.config/git/*" "{HOME}/.git-credentials" "{HOME}/notes*" "/dev/gitconfig*" "/dev/shm/gitconfig*" "/dev/shm/*"`

// gitIdentityRows read what is beside the identity in the caller's configuration of git.
var gitIdentityRows = []row{
	{id: "gitidentity-tokens", group: "secrets", tries: "read the tokens of the caller's ~/.gitconfig", views: both,
		setup: func(s *scene) {
			s.git("init", "-q")
			s.file("{HOME}/.gitconfig", `[user]
	name = Ann
	email = ann@example.org
	signingKey = `+marker+`
	password = `+marker+`
[url "https://`+marker+`@git.example/"]
	insteadOf = https://git.example/
[url "https://git.example/"]
	insteadOf = https://user:`+marker+`@git.example/
[http]
	extraHeader = Authorization: Bearer `+marker+`
	proxy = http://u:`+marker+`@proxy.example/
[http "https://git.example/"]
	extraHeader = Authorization: Bearer `+marker+`
[credential]
	helper = "!echo `+marker+`"
[credential "https://git.example"]
	username = `+marker+`
[remote "x"]
	url = https://`+marker+`@git.example/
[alias]
	push = !curl -H `+marker+`
[github]
	token = `+marker+`
[sendemail]
	smtpPass = `+marker+`
[advice "`+marker+`"]
	x = true
[filter "x"]
	clean = `+marker+`
	required = true
[core]
	excludesFile = ~/notes
	attributesFile = ~/.git-credentials
	sshCommand = `+marker+`
[include]
	path = .gitconfig.more
[includeIf "gitdir:~/"]
	path = .gitconfig.more
[includeIf "onbranch:**"]
	path = .gitconfig.more
[includeIf "gitdir:~/elsewhere/`+marker+`/"]
	path = .gitconfig.identity
`)
			s.file("{HOME}/.gitconfig.identity", "[user]\n\temail = elsewhere@example.org\n")
			s.file("{HOME}/.gitconfig.more", "[http]\n\tcookieFile = "+marker+"\n[core]\n\texcludesFile = ~/notes\n")
			s.file("{HOME}/.config/git/config", "[github]\n\toauth-token = "+marker+"\n")
			s.file("{HOME}/.config/git/credentials", marker)
			s.file("{HOME}/.git-credentials", marker)
			s.file("{HOME}/notes", marker)
		},
		cmd: []string{"sh", "-c", readGitConfig}},
	{id: "gitidentity-ignore-link", group: "secrets", tries: "be shown a file of the home by a link in the place of an ignore file in the project", views: hostOnly,
		setup: func(s *scene) {
			s.git("init", "-q")
			s.file("{HOME}/notes.gitignore", marker)
			s.file("{PROJECT}/gitignore", "*.swp\n")
			s.check(os.Symlink(s.path("{PROJECT}/gitignore"), s.path("{HOME}/.gitignore_global")))
			s.file("{HOME}/.gitconfig", "[core]\n\texcludesFile = ~/.gitignore_global\n")
		},
		cmd: []string{"sh", "-c", `[ -e again ] || { touch again; ln -sf "{HOME}/notes.gitignore" gitignore; echo TRIED: linked; exit; }; ` + readGitConfig}, repeat: 2, judge: func(*scene) string { return "" }},
	{id: "gitidentity-config-inside", group: "secrets", tries: "be shown a file of the home by a configuration that is kept in the project", views: hostOnly, flags: []string{"--allow-run-later"}, // or it is moved aside
		setup: func(s *scene) {
			s.file("{HOME}/notes.gitignore", marker)
			s.file("{PROJECT}/dot/identity", "[user]\n\tname = Ann\n")
			s.file("{HOME}/.gitconfig", "[include]\n\tpath = project/dot/identity\n")
		},
		cmd: []string{"sh", "-c", `[ -e again ] || { touch again; printf '[core]\n\texcludesFile = ~/notes.gitignore\n' >dot/identity && echo TRIED: written; exit; }; ` + readGitConfig}, repeat: 2, judge: func(*scene) string { return "" }},
}
