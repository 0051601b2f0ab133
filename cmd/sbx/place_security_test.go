package main

import (
	"os"
	"path/filepath"
)

// mounting runs the launcher where an ordinary user may mount: in namespaces of his own,
// in which he is root. What he mounts is the host's for the launcher.
func mounting(script string) []string {
	return []string{"unshare", "-Urm", "sh", "-c", "set -e; " + script + `; exec "$0" "$@"`}
}

// from runs the launcher in another directory.
func from(dir string) []string { return []string{"sh", "-c", `cd "` + dir + `" && exec "$0" "$@"`} }

// linkTo makes a link, and the directory that it is in.
func linkTo(s *scene, to, at string) {
	s.mkdir(filepath.Dir(at))
	s.check(os.Symlink(s.path(to), s.path(at)))
}

// dotfiles makes a directory of dotfiles, as the project or beside it, to which the
// places of the home lead.
func dotfiles(dir string) func(*scene) {
	return func(s *scene) {
		s.file(dir+"/ssh/id_ed25519", marker)
		s.file(dir+"/files/kubeconfig", marker)
		s.file(dir+"/config/gh/hosts.yml", marker)
		s.file(dir+"/npmrc", marker)
		linkTo(s, dir+"/ssh", "{HOME}/.ssh")
		linkTo(s, dir+"/files/kubeconfig", "{HOME}/.kube/config")
		linkTo(s, dir+"/config", "{HOME}/.config")
		linkTo(s, "npmrc.link", "{HOME}/.npmrc")
		linkTo(s, dir+"/npmrc", "{HOME}/npmrc.link")
	}
}

// readIn reads what dotfiles made, below a directory.
func readIn(dir string) []string {
	return []string{"{ATTACKS}", "contents", "{MARKER}", dir + "/ssh/*", dir + "/files/*", dir + "/config/*/*", dir + "/npmrc"}
}

// readHere reads a key by a path from the current directory.
func readHere(name string) []string {
	return []string{"sh", "-c", "grep -q {MARKER} " + name + " && { echo BROKE: read; exit 1; }; echo HELD: not there"}
}

// placeRows are places of secrets by other paths than the one in the table.
var placeRows = []row{
	{id: "place-home-mounted", group: "secrets", tries: "read a key by a second mount of the home", views: hostOnly, setup: haveKeys,
		wrap: mounting(`mount --bind "{HOME}" /srv; mount --bind "{HOME}" /opt`), cmd: []string{"{ATTACKS}", "contents", "{MARKER}", "/srv/.ssh/*", "/srv/.netrc", "/srv/bait", "/opt/bait"}},
	{id: "place-home-mounted-above", group: "secrets", tries: "read a key by a mount of the directory above the home", views: hostOnly, setup: haveKeys,
		wrap: mounting(`mount --bind "{DIR}" /srv`), cmd: []string{"{ATTACKS}", "contents", "{MARKER}", "/srv/home/.ssh/*", "/srv/home/.netrc", "/srv/home/bait"}},
	{id: "place-home-mounted-below", group: "secrets", tries: "read a key by a mount of the directory that it is in", views: hostOnly, setup: haveKeys,
		wrap: mounting(`mount --bind "{HOME}/.ssh" /srv; mount --bind "{HOME}/.aws" /opt`), cmd: []string{"{ATTACKS}", "contents", "{MARKER}", "/srv/id_ed25519", "/opt/credentials"}},
	{id: "place-file-mounted", group: "secrets", tries: "read a key that is mounted as a file of the system", views: hostOnly, setup: haveKeys,
		wrap: mounting(`mount --bind "{HOME}/.netrc" /etc/hostname; mount --bind "{HOME}/.netrc" /etc/issue`), cmd: []string{"{ATTACKS}", "contents", "{MARKER}", "/etc/issue"}},
	{id: "place-persist", group: "secrets", tries: "read a key by the disk of which a directory is mounted in the home", views: hostOnly, setup: func(s *scene) { s.mkdir("{HOME}/.ssh") },
		wrap: mounting(`mount -t tmpfs x /srv; mkdir -p /srv/ada/.ssh; printf %s "{MARKER}" > /srv/ada/.ssh/id; mount --bind /srv/ada/.ssh "{HOME}/.ssh"`),
		cmd:  []string{"{ATTACKS}", "contents", "{MARKER}", "/srv/ada/.ssh/id"}},
	{id: "place-home-of-disk", group: "secrets", tries: "read a key by the disk of which a directory is the home", views: hostOnly,
		wrap: mounting(`mount -t tmpfs x /srv; mkdir -p /srv/h/.ssh /srv/h/project; printf %s "{MARKER}" > /srv/h/.ssh/id; cp -r "{PROJECT}/." /srv/h/project; mount --bind /srv/h "{HOME}"; cd "{PROJECT}"`),
		cmd:  []string{"{ATTACKS}", "contents", "{MARKER}", "/srv/h/.ssh/id"}},
	{id: "place-overlay-of-home", group: "secrets", tries: "read a key by an overlay on the home", views: hostOnly, setup: func(s *scene) { haveKeys(s); s.mkdir("{DIR}/empty") },
		wrap: mounting(`mount -t overlay x -o "lowerdir={DIR}/empty:{HOME}" /srv`), cmd: []string{"{ATTACKS}", "contents", "{MARKER}", "/srv/.ssh/*", "/srv/.netrc"}},
	{id: "place-home-shown-around", group: "secrets", tries: "read a key by a second mount of the home in a directory that is shown", views: hostOnly, setup: haveKeys, flags: []string{"--ro", "/srv"},
		wrap: mounting(`mount -t tmpfs x /srv; mkdir /srv/in; mount --bind "{HOME}" /srv/in`), cmd: []string{"{ATTACKS}", "contents", "{MARKER}", "/srv/in/.ssh/*", "/srv/in/.netrc", "/srv/in/bait"}},
	{id: "place-home-shown-itself", group: "secrets", tries: "read a key where a second mount of the home is shown", views: hostOnly, setup: haveKeys, flags: []string{"--ro", "/srv"},
		wrap: mounting(`mount --bind "{HOME}" /srv`), cmd: []string{"{ATTACKS}", "contents", "{MARKER}", "/srv/.ssh/*", "/srv/.netrc", "/srv/.config/gh/*"}},
	{id: "place-home-project", group: "secrets", tries: "read a key where the project has a second mount of the home in it", views: hostOnly, setup: func(s *scene) { haveKeys(s); s.mkdir("{DIR}/src/h") },
		refusal: exitFailed, wrap: mounting(`mount --bind "{HOME}" "{DIR}/src/h"; cd "{DIR}/src"`), cmd: readHere("h/.ssh/id_ed25519")},
	{id: "place-tmp-mounted", group: "secrets", tries: "read the caller's files in /tmp by a second mount", views: hostOnly, setup: func(s *scene) {
		dir, err := os.MkdirTemp("/tmp", "sbx-bait")
		s.check(err)
		s.t.Cleanup(func() { os.RemoveAll(dir) })
		s.vars["T"] = filepath.Base(dir)
		s.file(dir+"/key", marker)
	}, wrap: mounting(`mount --bind /tmp /srv`), cmd: []string{"{ATTACKS}", "contents", "{MARKER}", "/srv/{T}/key"}},
	{id: "place-proc-mounted", group: "secrets", tries: "find the host's processes in the /proc of a chroot", views: hostOnly,
		wrap: mounting(`mount -t tmpfs x /srv; mkdir /srv/proc; mount --rbind /proc /srv/proc`),
		cmd:  []string{"sh", "-c", `ls -d /srv/proc/[0-9]* 2>/dev/null | head -3 | grep . && { echo BROKE: seen; exit 1; }; echo HELD: none`}},
	{id: "place-proc-shown", group: "secrets", tries: "find the host's processes in the /proc of a chroot that is the project", views: hostOnly, setup: func(s *scene) { s.mkdir("{PROJECT}/proc") },
		wrap: mounting(`mount --rbind /proc "{PROJECT}/proc"`),
		cmd:  []string{"sh", "-c", `ls -d proc/[0-9]* 2>/dev/null | head -3 | grep . && { echo BROKE: seen; exit 1; }; echo HELD: none`}},
	{id: "place-disks", group: "secrets", tries: "read what is on other disks", views: hostOnly,
		wrap: mounting(`mount -t tmpfs x /mnt; mount -t tmpfs x /media; mkdir -p /mnt/c/Users/ada/.ssh /media/ada/disk; for f in /mnt/c/Users/ada/.ssh/id /media/ada/disk/key; do printf %s "{MARKER}" > $f; done`),
		cmd:  []string{"{ATTACKS}", "contents", "{MARKER}", "/mnt/c/Users/ada/.ssh/id", "/media/ada/disk/key"}},
	{id: "place-backup", group: "secrets", tries: "read a key in a copy of the home on another disk, beside one that is shown", views: hostOnly, flags: []string{"--ro", "/mnt/data"},
		wrap: mounting(`mount -t tmpfs x /mnt; mkdir -p /mnt/data /mnt/backup/.ssh; printf %s "{MARKER}" > /mnt/backup/.ssh/id`),
		cmd:  []string{"{ATTACKS}", "contents", "{MARKER}", "/mnt/backup/.ssh/id"}},
	{id: "place-linked", group: "secrets", tries: "read a key where the place in the home is a link", views: hostOnly,
		wrap: mounting(`mount -t tmpfs x /srv; mkdir -p /srv/gpg /srv/cfg/gh; for f in /srv/gpg/key /srv/cfg/gh/hosts.yml; do printf %s "{MARKER}" > $f; done; ln -s /srv/gpg "{HOME}/.gnupg"; ln -s /srv/cfg "{HOME}/.config"`),
		cmd:  []string{"{ATTACKS}", "contents", "{MARKER}", "/srv/gpg/key", "/srv/cfg/gh/hosts.yml"}},
	{id: "place-linked-mounted", group: "secrets", tries: "read a key by a second mount of what the place in the home leads to", views: hostOnly,
		wrap: mounting(`mount -t tmpfs x /srv; mkdir -p /srv/gpg; printf %s "{MARKER}" > /srv/gpg/key; ln -s /srv/gpg "{HOME}/.gnupg"; mount --bind /srv/gpg /opt`),
		cmd:  []string{"{ATTACKS}", "contents", "{MARKER}", "/opt/key", "/srv/gpg/key"}},
	{id: "place-moved", group: "secrets", tries: "read a key where a variable says that it is", views: hostOnly,
		wrap: mounting(`mount -t tmpfs x /srv; mkdir -p /srv/gpg /srv/cfg/gh; for f in /srv/gpg/key /srv/cfg/gh/hosts.yml /srv/kube; do printf %s "{MARKER}" > $f; done; export GNUPGHOME=/srv/gpg XDG_CONFIG_HOME=/srv/cfg KUBECONFIG=/srv/none:/srv/kube`),
		cmd:  []string{"{ATTACKS}", "contents", "{MARKER}", "/srv/gpg/key", "/srv/cfg/gh/hosts.yml", "/srv/kube"}},
	{id: "place-dotfiles-project", group: "secrets", tries: "read keys in dotfiles that are the project", views: both, setup: dotfiles("{PROJECT}"), cmd: readIn("{PROJECT}")},
	{id: "place-dotfiles-shown", group: "secrets", tries: "read keys in dotfiles that are shown", views: both, setup: func(s *scene) {
		dotfiles("{HOME}/dotfiles")(s)
		s.outsideVars["SHOWN"], s.vars["SHOWN"] = s.path("{HOME}/dotfiles"), "/tmp/d"
	}, flags: []string{"-v", "{HOME}/dotfiles:/tmp/d:ro"}, cmd: readIn("{SHOWN}")},
	{id: "place-project", group: "secrets", tries: "read a key where its directory is the project", views: both, setup: haveKeys, refusal: exitFailed,
		wrap: from("{HOME}/.ssh"), cmd: readHere("id_ed25519")},
	{id: "place-project-below", group: "secrets", tries: "read a key where a directory in a place of secrets is the project", views: both, setup: haveKeys, refusal: exitFailed,
		wrap: from("{HOME}/.mozilla/firefox"), cmd: readHere("x.default/logins.json")},
	{id: "place-project-linked", group: "secrets", tries: "read a key where what its directory leads to is the project", views: both, setup: dotfiles("{HOME}/dotfiles"), refusal: exitFailed,
		wrap: from("{HOME}/dotfiles/ssh"), cmd: readHere("id_ed25519")},
	{id: "place-layer", group: "secrets", tries: "read a key where its directory is a layer of the root", views: hostOnly, setup: haveKeys, refusal: exitFailed, flags: []string{"--layer", "{HOME}/.ssh"},
		cmd: []string{"{ATTACKS}", "contents", "{MARKER}", "/id_ed25519", "{HOME}/.ssh/id_ed25519"}},
	{id: "place-new-names", group: "secrets", tries: "read keys of tools that the list had not", views: hostOnly, flags: []string{"-v", "{HOME}:/tmp/h:ro"}, setup: func(s *scene) {
		for _, name := range newNames {
			s.file("{HOME}/"+name, marker)
		}
		s.outsideVars["SHOWN"], s.vars["SHOWN"] = s.path("{HOME}"), "/tmp/h"
	}, cmd: append([]string{"{ATTACKS}", "contents", "{MARKER}"}, below("{SHOWN}", newNames)...)},
}

// newNames are of places that were readable with --ro ~.
var newNames = []string{
	".local/state/bash/history", ".local/state/nvim/shada/main.shada", ".config/mozilla/firefox/x/logins.json", ".config/VSCodium/User/globalStorage/state.vscdb", ".vscode-server/data/Machine/x",
	".config/isyncrc", ".gitcookies", ".config/kube/config", ".cache/huggingface/stored_tokens", ".databricks/token-cache.json", ".gitconfig", ".config/git/config", ".local/share/opencode/auth.json",
	".qwen/oauth_creds.json", ".config/amp/settings.json", ".ollama/id_ed25519", ".config/io.datasette.llm/keys.json", ".mcp-auth/x", ".config/railway/config.json", ".supabase/access-token",
	".ovh.conf", ".cf/config.json", ".tsh/keys/x", ".sentryclirc", ".infisical/x", ".sbt/credentials", ".ivy2/.credentials", ".config/dart/pub-tokens.json", ".pub-cache/credentials.json", ".subversion/auth/svn.simple/x",
	".dbt/profiles.yml", ".kaggle/kaggle.json", ".modal.toml", ".mc/config.json", ".jupyter/jupyter_server_config.json", ".foundry/keystores/x", ".near-credentials/x", ".config/filezilla/sitemanager.xml",
	".davfs2/secrets", ".config/goa-1.0/accounts.conf", ".android/adbkey", ".config/weechat/sec.conf", ".purple/accounts.xml",
}

// below are paths in a directory.
func below(dir string, names []string) (paths []string) {
	for _, name := range names {
		paths = append(paths, dir+"/"+name)
	}
	return paths
}
