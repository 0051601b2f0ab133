package main

import "os"

// pinRows rename what is above a hidden name, so that the next run looks for it in vain. A
// row runs twice, and reads in the second run.
var pinRows = []row{
	{id: "pin-hide", group: "secrets", tries: "rename the directory above what --hide covers, for the next run", views: both, repeat: 2, flags: []string{"--hide", "{PROJECT}/conf/sub/key?"},
		setup: func(s *scene) { s.file("{PROJECT}/conf/sub/key", marker) },
		cmd:   []string{"sh", "-c", `mv conf conf2; mv conf/sub conf/sub2; exec {ATTACKS} find {MARKER} .`}},
	{id: "pin-hide-gone", group: "secrets", tries: "read what --hide names wrongly", views: both, refusal: 125, flags: []string{"--hide", "{PROJECT}/conf/key"},
		setup: func(s *scene) { s.file("{PROJECT}/conf2/key", marker) }, cmd: []string{"{ATTACKS}", "find", "{MARKER}", "."}},
	{id: "pin-hide-root-gone", group: "secrets", tries: "read what --hide names wrongly in a root file system", views: rootfsOnly, refusal: 125, flags: []string{"--hide", "/etc/passwd-of-nobody"},
		cmd: []string{"{ATTACKS}", "read", "/etc/passwd"}},
	{id: "pin-hide-link", group: "secrets", tries: "read what --hide covers by the place that a link leads to", views: hostOnly, flags: []string{"--hide", "{HOME}/link/key", "--rw", "{HOME}/data"},
		setup: func(s *scene) {
			s.file("{HOME}/data/conf/key", marker)
			s.check(os.Symlink("data/conf", s.path("{HOME}/link")))
		}, cmd: []string{"{ATTACKS}", "contents", "{MARKER}", "{HOME}/data/conf/key", "{HOME}/link/key"}},
	{id: "pin-nested-dotenv", group: "secrets", tries: "move a package with a .env to where the next run does not look", views: both, repeat: 2,
		setup: func(s *scene) { s.file("{PROJECT}/packages/api/.env", marker); s.mkdir("{PROJECT}/node_modules") },
		cmd:   []string{"sh", "-c", `mv packages/api node_modules/api; mv packages node_modules/packages; exec {ATTACKS} find {MARKER} .`}},
	{id: "pin-home", group: "secrets", tries: "rename the directory above a key where the home is writable, for the next run", views: hostOnly, repeat: 2, setup: haveKeys, flags: []string{"--rw", "{HOME}"},
		cmd: []string{"sh", "-c", `mv ~/.config ~/c2; mv ~/.config/gh ~/gh2; mv ~/.local/share ~/share2; mv ~/.cargo ~/cargo2; chmod -R u+w ~ 2>/dev/null; exec {ATTACKS} find {MARKER} ~/c2 ~/gh2 ~/share2 ~/cargo2 ~/.config ~/.local/share`}},
	{id: "pin-home-elsewhere", group: "secrets", tries: "the same where the home is shown writable at another place", views: both, repeat: 2, setup: haveKeys, flags: []string{"-v", "{HOME}:/tmp/other"},
		cmd: []string{"sh", "-c", `cd /tmp/other 2>/dev/null || cd "{HOME}"; mv .config c2; mv .config/gh gh2; mv .local/share share2; chmod -R u+w . 2>/dev/null; exec {ATTACKS} find {MARKER} c2 gh2 share2 .config .local/share`}},
}
