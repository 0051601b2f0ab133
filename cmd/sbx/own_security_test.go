package main

import (
	"os"
	"path/filepath"
)

// ownRows write what decides what the next sandbox is allowed: sbx's own profiles,
// records of trust, images and caches of other projects.
var ownRows = []row{
	ownBy("own-profile-dotfiles", "add a profile where ~/.config/sbx is a link into the project", `echo OWNED > dot/sbx/profiles/x.toml`,
		linking("{HOME}/.config/sbx", "{PROJECT}/dot/sbx"), in("dot/sbx/profiles/old.toml", "")),
	ownBy("own-profile-changed", "change a profile where ~/.config/sbx is a link into the project", `echo OWNED > dot/sbx/profiles/x.toml`,
		linking("{HOME}/.config/sbx", "{PROJECT}/dot/sbx"), in("dot/sbx/profiles/x.toml", "")),
	ownBy("own-profile-dotfiles-new", "make the directory that the link ~/.config/sbx leads to", `mkdir -p dot/sbx/profiles; echo OWNED > dot/sbx/profiles/x.toml`,
		linking("{HOME}/.config/sbx", "{PROJECT}/dot/sbx")),
	ownBy("own-profile-dotfiles-renamed", "rename the directory above linked profiles", `mv dot d2; mkdir -p dot/sbx/profiles; echo OWNED > dot/sbx/profiles/x.toml`,
		linking("{HOME}/.config/sbx", "{PROJECT}/dot/sbx"), in("dot/sbx/profiles/old.toml", "")),
	ownBy("own-profile-file-linked", "change a profile that is a link into the project", `echo OWNED > dot/x.toml; mv dot d2; mkdir dot; echo OWNED > dot/x.toml`,
		linking("{HOME}/.config/sbx/profiles/x.toml", "{PROJECT}/dot/x.toml"), in("dot/x.toml", "")),
	ownBy("own-profile-file-missing", "make the file that a profile is a link to", `mkdir -p dot; echo OWNED > dot/x.toml`,
		linking("{HOME}/.config/sbx/profiles/x.toml", "{PROJECT}/dot/x.toml")).refused(),
	ownBy("own-profile-rw", "add a profile in a writable ~/.config", `mkdir -p {HOME}/.config/sbx/profiles; echo OWNED > {HOME}/.config/sbx/profiles/x.toml`,
		dir("{HOME}/.config/sbx/profiles")).with("--rw", "{HOME}/.config"),
	ownBy("own-profile-rw-new", "make the directory of profiles in a writable ~/.config", `mkdir -p {HOME}/.config/sbx/profiles; echo OWNED > {HOME}/.config/sbx/profiles/x.toml`,
		dir("{HOME}/.config")).with("--rw", "{HOME}/.config"),
	ownBy("own-profile-rw-renamed", "put another directory in the place of the profiles", `cd {HOME}/.config; mv sbx s2; mkdir -p sbx/profiles; echo OWNED > sbx/profiles/x.toml`,
		dir("{HOME}/.config/sbx/profiles")).with("--rw", "{HOME}/.config"),
	ownBy("own-profile-rw-home", "rename ~/.config in a writable home", `cd {HOME}; mv .config c2; mkdir -p .config/sbx/profiles; echo OWNED > .config/sbx/profiles/x.toml`,
		dir("{HOME}/.config/sbx/profiles")).with("--rw", "{HOME}", "--no-project", "--workdir", "{HOME}"),
	ownBy("own-profile-volume", "add a profile by a volume of ~/.config at another path", `d=/tmp/c; [ -e $d ] || d={HOME}/.config; mkdir -p $d/sbx/profiles; echo OWNED > $d/sbx/profiles/x.toml`,
		dir("{HOME}/.config")).with("-v", "{HOME}/.config:/tmp/c"),
	ownBy("own-profile-volume-within", "add a profile by a volume of the directory of profiles", `d=/tmp/c; [ -e $d ] || d={HOME}/.config/sbx/profiles; echo OWNED > $d/x.toml`,
		dir("{HOME}/.config/sbx/profiles")).with("-v", "{HOME}/.config/sbx/profiles:/tmp/c").refused(),
	ownBy("own-profile-alias", "add a profile by another mount of ~/.config", `echo OWNED > {HOME}/alias/sbx/profiles/x.toml`,
		dir("{HOME}/.config/sbx/profiles"), dir("{HOME}/alias")).with("--rw", "{HOME}/alias", "--allow-run-later"). // the mount alone holds it
		wrapped("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", `mount --bind "$1/.config" "$1/alias" && shift && exec "$@"`, "sh", "{HOME}"),
	ownBy("own-profile-link-replaced", "put a directory in the place of the link ~/.config/sbx", `cd {HOME}/.config; rm sbx; mkdir -p sbx/profiles; echo OWNED > sbx/profiles/x.toml`,
		linking("{HOME}/.config/sbx", "{HOME}/dot/sbx"), dir("{HOME}/dot/sbx/profiles")).with("--rw", "{HOME}/.config").refused(),
	ownBy("own-profile-no-profile", "add a profile from a run with --no-profile", `mkdir -p {HOME}/.config/sbx/profiles; echo OWNED > {HOME}/.config/sbx/profiles/x.toml`,
		dir("{HOME}/.config/sbx/profiles")).with("--no-profile", "--rw", "{HOME}/.config"),
	ownBy("own-trust", "record that a project is trusted", `mkdir -p {HOME}/.local/state/sbx/trust; echo OWNED > {HOME}/.local/state/sbx/trust/x`,
		dir("{HOME}/.local/state")).with("--rw", "{HOME}/.local").judging("{HOME}/.local/state/sbx/trust/x"),
	ownBy("own-hosts", "write what a tool is remembered to have answered, by which the next sandbox is allowed hosts", `mkdir -p {HOME}/.local/state/sbx/hosts; echo OWNED > {HOME}/.local/state/sbx/hosts/npm.json`,
		dir("{HOME}/.local/state/sbx/hosts")).with("--rw", "{HOME}/.local").judging("{HOME}/.local/state/sbx/hosts/npm.json"),
	ownBy("own-image", "write in the layers of images", `mkdir -p {HOME}/.local/share/sbx; echo OWNED > {HOME}/.local/share/sbx/x`,
		dir("{HOME}/.local/share/sbx")).with("--rw", "{HOME}/.local").judging("{HOME}/.local/share/sbx/x"),
	ownBy("own-cache", "write in the cache that is kept for another project", `echo OWNED > {HOME}/.cache/sbx/other/x`,
		dir("{HOME}/.cache/sbx/other")).with("--rw", "{HOME}/.cache").judging("{HOME}/.cache/sbx/other/x"),
	ownBy("own-profile-of-project", "change a profile that the project keeps for its owner's home", `echo OWNED > .config/sbx/profiles/x.toml`,
		in(".config/sbx/profiles/x.toml", "")).judging("{PROJECT}/.config/sbx/profiles/x.toml"),
	ownBy("own-profile-of-project-new", "add a profile where the project keeps those for its owner's home", `mkdir -p stow/.config/sbx/profiles; echo OWNED > stow/.config/sbx/profiles/x.toml`).judging("{PROJECT}/stow/.config/sbx/profiles/x.toml"),
	ownBy("own-profile-userns", "add a profile from a namespace in which no mount holds the directory", `mkdir -p {HOME}/.config/sbx/profiles; echo OWNED > {HOME}/.config/sbx/profiles/x.toml`,
		dir("{HOME}/.config/sbx/profiles")).with("--allow-userns", "--rw", "{HOME}/.config").refused(),
	ownBy("own-default-read", "write in a project that the user's default profile has read-only", `echo OWNED > written`,
		defaulting("[files]\nproject = \"read\"\n")).judging("{PROJECT}/written"),
	ownBy("own-default-read-extended", "write in it by a command that a built-in profile is for", `echo OWNED > written`,
		defaulting("[files]\nproject = \"read\"\n")).judging("{PROJECT}/written").with("--profile", "build"),
	{id: "own-default-hide", group: "sbx's own", tries: "read what the user's default profile hides", views: both,
		setup: func(s *scene) {
			defaulting("[files]\nhide = [\"./notes\"]\n")(s)
			s.file("{PROJECT}/notes", marker)
		},
		cmd: []string{"sh", "-c", "if grep -q {MARKER} notes; then echo BROKE: read; exit 1; fi; echo HELD: hidden"}},
	ownBy("own-xdg", "add a profile where XDG_CONFIG_HOME is in the project", `mkdir -p conf/sbx/profiles; echo OWNED > conf/sbx/profiles/x.toml`,
		func(s *scene) { s.env = append(s.env, s.path("XDG_CONFIG_HOME={PROJECT}/conf")) }, in("conf/x", "")).judging("{PROJECT}/conf/sbx/profiles/x.toml"),
}

// ownBy is a row by a shell line that writes OWNED.
func ownBy(id, tries, line string, prepare ...func(*scene)) row {
	r := row{id: id, group: "sbx's own", tries: tries, views: both,
		cmd: []string{"sh", "-c", "{ " + line + "; } 2>/dev/null\necho TRIED: wrote"},
		setup: func(s *scene) {
			for _, p := range prepare {
				p(s)
			}
		}}
	return r.judging("{HOME}/.config/sbx/profiles/x.toml")
}

func (r row) judging(path string) row {
	r.judge = func(s *scene) string {
		if s.has(path, "OWNED") {
			return path + " was written"
		}
		return ""
	}
	return r
}

// wrapped runs the launcher by a command outside.
func (r row) wrapped(command ...string) row {
	r.wrap = command
	return r
}

// refused is a row that sbx may refuse to run at all.
func (r row) refused() row {
	r.refusal = exitFailed
	return r
}

func linking(from, to string) func(*scene) {
	return func(s *scene) {
		s.mkdir(filepath.Dir(from))
		s.check(os.Symlink(s.path(to), s.path(from)))
	}
}

func dir(path string) func(*scene) { return func(s *scene) { s.mkdir(path) } }

// defaulting is the user's own default profile.
func defaulting(text string) func(*scene) {
	return func(s *scene) { s.file("{HOME}/.config/sbx/profiles/default.toml", text) }
}

// in makes a file in the project.
func in(path, text string) func(*scene) {
	return func(s *scene) { s.file("{PROJECT}/"+path, text) }
}
