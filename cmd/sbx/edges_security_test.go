package main

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
}
