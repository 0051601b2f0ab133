package main

import "os"

// arrivedBy runs the launcher in a directory by a path that goes through a link, which is
// $PWD then.
func arrivedBy(dir string) []string {
	return []string{"sh", "-c", `cd "` + dir + `" && export PWD && exec "$0" "$@"`}
}

// withHome runs the launcher with another $HOME.
func withHome(dir string) []string { return []string{"env", "HOME=" + dir} }

// writes tries to make a file.
func writes(file string) []string {
	return []string{"sh", "-c", `echo x >"` + file + `" && { echo BROKE: written; exit 1; }; echo HELD: not there`}
}

// plants writes files, of which the host should see none.
func plants(files ...string) []string {
	return append([]string{"sh", "-c", `for f; do echo OWNED >"$f"; done; echo TRIED: written`, "sh"}, files...)
}

func planted(files ...string) func(*scene) string {
	return func(s *scene) string {
		for _, f := range files {
			if s.has(f, "OWNED") {
				return f + " was written"
			}
		}
		return ""
	}
}

// edgeRows are the edges of the project: links that lead there and away.
var edgeRows = []row{
	{id: "edge-link-rw", group: "files", tries: "have a link that an earlier run left in the project taken for what --rw names", views: hostOnly, refusal: exitFailed,
		setup: func(s *scene) { s.mkdir("{HOME}/other/in"); linkTo(s, "../other", "{PROJECT}/out") },
		flags: []string{"--rw", "./out"}, cmd: writes("{HOME}/other/in/f")},
	{id: "edge-link-rw-above", group: "files", tries: "have a link in the project followed on the way to what --rw names", views: hostOnly, refusal: exitFailed,
		setup: func(s *scene) { s.mkdir("{HOME}/other/in"); linkTo(s, "../other", "{PROJECT}/out") },
		flags: []string{"--rw", "./out/in"}, cmd: writes("{HOME}/other/in/f")},
	{id: "edge-link-ro", group: "secrets", tries: "have a link in the project followed on the way to what --ro names", views: hostOnly, refusal: exitFailed,
		setup: func(s *scene) { s.file("{HOME}/other/in/f", marker); linkTo(s, "../other", "{PROJECT}/out") },
		flags: []string{"--ro", "out/in"}, cmd: readHere(`"{HOME}/other/in/f"`)},
	{id: "edge-link-expose", group: "secrets", tries: "have a link in the project followed on the way to what --unsafe-expose names", views: hostOnly, refusal: exitFailed,
		setup: func(s *scene) { haveKeys(s); linkTo(s, "..", "{PROJECT}/out") },
		flags: []string{"--unsafe-expose", "out/.ssh"}, cmd: readHere(`"{HOME}/.ssh/id_ed25519"`)},
	{id: "edge-link-volume", group: "files", tries: "have a link in the project followed to what -v names, from a directory that is reached by a link", views: both, refusal: exitFailed,
		setup: func(s *scene) {
			s.file("{HOME}/other/f", marker)
			linkTo(s, "../other", "{PROJECT}/out")
			linkTo(s, "{HOME}", "{DIR}/by")
		},
		wrap: arrivedBy("{DIR}/by/project"), flags: []string{"-v", "./out:/tmp/x"}, cmd: readHere(`/tmp/x/f "{HOME}/other/f"`)},
	{id: "edge-link-in-writable", group: "files", tries: "have a link in another writable directory followed to what --rw names", views: hostOnly, refusal: exitFailed,
		setup: func(s *scene) { s.mkdir("{HOME}/other"); linkTo(s, "../other", "{HOME}/shared/out") },
		flags: []string{"--rw", "{HOME}/shared", "--rw", "{HOME}/shared/out"}, cmd: writes("{HOME}/other/f")},
	{id: "edge-link-secret", group: "secrets", tries: "read a key that a link in a place of secrets leads to, which is named by the link", views: both, refusal: exitFailed,
		setup: func(s *scene) {
			s.file("{HOME}/dots/hosts.yml", marker)
			linkTo(s, "../../dots/hosts.yml", "{HOME}/.config/gh/hosts.yml")
		},
		flags: []string{"-v", "{HOME}/.config/gh/hosts.yml:/tmp/x"}, cmd: readHere(`/tmp/x "{HOME}/dots/hosts.yml"`)},
	{id: "edge-link-race", group: "races", tries: "exchange what -v names for a link to the keys while the sandbox starts", views: hostOnly, refusal: exitFailed, repeat: 40,
		setup: func(s *scene) { haveKeys(s); s.mkdir("{HOME}/third/sub") }, while: flipping("{HOME}/third/sub", "{HOME}/.ssh"),
		flags: []string{"-v", "{HOME}/third/sub:/tmp/x"}, cmd: []string{"{ATTACKS}", "contents", "{MARKER}", "/tmp/x/id_ed25519", "{HOME}/third/sub/id_ed25519"}},
	{id: "edge-home-link", group: "secrets", tries: "read a key where the home is a link and is shown", views: hostOnly,
		setup: func(s *scene) { haveKeys(s); linkTo(s, "home", "{DIR}/ada") },
		wrap:  withHome("{DIR}/ada"), flags: []string{"--ro", "{DIR}/ada"},
		cmd: []string{"{ATTACKS}", "contents", "{MARKER}", "{DIR}/ada/.ssh/*", "{DIR}/ada/.netrc", "{HOME}/.ssh/*", "{HOME}/.netrc", "{HOME}/.config/gh/*"}},
	{id: "edge-home-link-above", group: "secrets", tries: "read a key where the home is below a link and is writable", views: hostOnly,
		setup: func(s *scene) { haveKeys(s); linkTo(s, "{DIR}", "{DIR}/all") },
		wrap:  withHome("{DIR}/all/home"), flags: []string{"--rw", "{DIR}/all/home"},
		cmd: []string{"{ATTACKS}", "contents", "{MARKER}", "{DIR}/all/home/.ssh/*", "{DIR}/all/home/.netrc", "{HOME}/.ssh/*", "{HOME}/.netrc"}},

	{id: "edge-top-git-file", group: "files", tries: "have a .git file in a subdirectory make another repository the project", views: both,
		setup: func(s *scene) {
			s.file("{HOME}/other/.git/HEAD", "ref: refs/heads/main")
			s.file("{PROJECT}/sub/.git", s.path("gitdir: {HOME}/other/.git"))
		},
		wrap: from("{PROJECT}/sub"), cmd: plants("{HOME}/other/f"), judge: planted("{HOME}/other/f")},
	{id: "edge-top-claims", group: "files", tries: "have files of the project make the directory above it the project", views: both,
		setup: func(s *scene) {
			s.file("{PROJECT}/sub/package.json", `{"workspaces": ["..", "../*", "../../**"]}`)
			s.file("{PROJECT}/sub/tsconfig.json", `{"extends": "../../tsconfig.json"}`)
			s.file("{PROJECT}/sub/go.work", "use ..")
			s.file("{PROJECT}/sub/pom.xml", "<parent><relativePath>../../pom.xml</relativePath></parent>")
			s.file("{PROJECT}/package.json", "{}")
		},
		wrap: from("{PROJECT}/sub"), cmd: plants("{PROJECT}/f"), judge: planted("{PROJECT}/f")},
	{id: "edge-top-home", group: "files", tries: "write to a home that is a repository", views: hostOnly, setup: func(s *scene) { s.file("{HOME}/.git/HEAD", "ref: refs/heads/main") },
		cmd: plants("{HOME}/.profile"), judge: planted("{HOME}/.profile")},
	{id: "edge-top-open", group: "files", tries: "have what somebody left in a directory that anybody may write make that the project", views: both,
		setup: func(s *scene) {
			s.file("{HOME}/open/.git/HEAD", "ref: refs/heads/main")
			s.mkdir("{HOME}/open/mine")
			s.check(os.Chmod(s.path("{HOME}/open"), 0o777))
		},
		wrap: from("{HOME}/open/mine"), cmd: plants("{HOME}/open/f"), judge: planted("{HOME}/open/f")},
	{id: "edge-top-secret", group: "secrets", tries: "read the .env at the top of the repository from a directory in it", views: both,
		setup: func(s *scene) {
			haveDotenv(s)
			s.file("{PROJECT}/.git/HEAD", "ref: refs/heads/main")
			s.mkdir("{PROJECT}/sub")
		},
		wrap: from("{PROJECT}/sub"), cmd: readHere("../.env ../.env.local")},
	{id: "edge-top-in-secret", group: "secrets", tries: "read keys in a directory of a repository of dotfiles", views: hostOnly, refusal: exitFailed,
		setup: func(s *scene) {
			dotfiles("{HOME}/dotfiles")(s)
			s.file("{HOME}/dotfiles/.git/HEAD", "ref: refs/heads/main")
		},
		wrap: from("{HOME}/dotfiles/ssh"), cmd: readHere("id_ed25519")},
	{id: "edge-top-hook", group: "run later", tries: "plant a hook at the top of the repository from a directory in it", views: both, flags: []string{"--no-profile"},
		setup: func(s *scene) {
			s.git("init", "-q")
			s.mkdir("{PROJECT}/sub")
		},
		wrap: from("{PROJECT}/sub"), cmd: plants("../.git/hooks/post-commit", "../.envrc"), judge: planted("{PROJECT}/.git/hooks/post-commit", "{PROJECT}/.envrc")},
	{id: "edge-top-file", group: "secrets", tries: "have a profile in a subdirectory show what the project's own does not", views: hostOnly,
		setup: func(s *scene) {
			s.file("{PROJECT}/.git/HEAD", "ref: refs/heads/main")
			s.file("{PROJECT}/sub/.sbx.toml", "[files]\nshow = [\"~/bait\"]\n")
		},
		wrap: from("{PROJECT}/sub"), cmd: readHere(`"{BAIT}"`)},

	toolRow("edge-tool-project", "a link in a directory of PATH that is in the project", "{PROJECT}/bin", "{HOME}/.nvm"),
	toolRow("edge-tool-other", "a link in a directory of PATH that another command could write", "{HOME}/other/bin", "{HOME}/.nvm"),
	toolRow("edge-tool-secret", "a link to a place of secrets in a directory of tools", "{HOME}/.local/bin", "{HOME}/.ssh"),
	toolRow("edge-tool-files", "a link to other files in a directory of tools", "{HOME}/.local/bin", "{HOME}/letters"),
}

// toolRow has a program of PATH lead to a directory, which must not be shown for that.
func toolRow(id, what, bin, to string) row {
	return row{id: id, group: "secrets", tries: "have a directory shown by " + what, views: hostOnly,
		setup: func(s *scene) {
			s.file(to+"/key", marker)
			s.file(to+"/sh", "#!/bin/sh\nexec /bin/sh \"$@\"\n")
			s.check(os.Chmod(s.path(to+"/sh"), 0o755))
			linkTo(s, to+"/sh", bin+"/sh")
		},
		wrap: []string{"/bin/sh", "-c", `PATH="` + bin + `:$PATH" exec "$0" "$@"`}, cmd: readHere(`"` + to + `/key"`)}
}
