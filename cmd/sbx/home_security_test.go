package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// haveOthers makes what else of a home is nobody's business: other projects, documents, and
// settings that are on no list of secrets.
func haveOthers(s *scene) {
	haveKeys(s)
	for _, name := range []string{"work/other/.env", "Documents/taxes.txt", ".some-tool/token", ".config/some-tool/auth.json", ".local/state/some-tool/log", "notes\nof mine"} {
		s.file("{HOME}/"+name, marker)
	}
	s.file("{HOME}/.cargo/bin/tool", "clean")
}

// renewing has files made anew outside, as editors do it, by a rename over their names:
// after the command made the file ready in the project. Then it makes the file renewed.
func renewing(paths ...string) func(*scene) func() {
	return func(s *scene) func() {
		stop, done := make(chan struct{}), make(chan struct{})
		_ = os.Remove(s.path("{PROJECT}/ready"))
		_ = os.Remove(s.path("{PROJECT}/renewed"))
		go func() {
			defer close(done)
			for !exists(s.path("{PROJECT}/ready")) {
				select {
				case <-stop:
					return
				case <-time.After(time.Millisecond):
				}
			}
			for _, p := range paths {
				renew(s, s.path(p))
			}
			_ = os.WriteFile(s.path("{PROJECT}/renewed"), nil, 0o644)
		}()
		return func() { close(stop); <-done }
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func renew(s *scene, path string) {
	_ = os.MkdirAll(filepath.Dir(path), 0o755)
	for _, err := range []error{os.WriteFile(path+".new", []byte(marker), 0o600), os.Rename(path+".new", path)} {
		if err != nil {
			s.t.Error(err)
		}
	}
}

// afterRenewal is a command that looks when that is done.
func afterRenewal(patterns ...string) []string {
	return append([]string{"sh", "-c", `touch ready; until [ -e renewed ]; do sleep 0.01; done; exec "$@"`, "sh", "{ATTACKS}", "contents", "{MARKER}"}, patterns...)
}

// renewedKeys are places of secrets that are there from the start, and that come later.
var renewedKeys = []string{"{HOME}/.netrc", "{HOME}/.npmrc", "{HOME}/.config/gh/hosts.yml", "{HOME}/.aws/credentials", "{HOME}/.zsh_history", "{HOME}/.config/rclone/rclone.conf", "{HOME}/.vault-token"}

// at gives the same paths below another directory.
func at(dir string, paths []string) (moved []string) {
	for _, p := range paths {
		moved = append(moved, strings.Replace(p, "{HOME}", dir, 1))
	}
	return moved
}

// toolNames are of what is shown of a home, and of what could be made in it.
var toolNames = []string{".cargo/bin/tool", ".vimrc", ".cargo/config.toml", ".profile", ".cargo/bin/new"}

func haveTools(s *scene) { s.file("{HOME}/.cargo/bin/tool", "clean"); s.file("{HOME}/.vimrc", "clean") }

func toolsUnchanged(s *scene) string {
	for _, name := range toolNames {
		if s.has("{HOME}/"+name, "OWNED") {
			return name + " was written"
		}
	}
	return ""
}

// homeRows are homes that are shown, and what the host does in them meanwhile.
var homeRows = []row{
	{id: "home-others", group: "secrets", tries: "read other projects, documents and unlisted settings where the home is shown", views: hostOnly, setup: haveOthers,
		flags: []string{"--ro", "{HOME}"}, cmd: []string{"{ATTACKS}", "find", "{MARKER}", "{HOME}/work", "{HOME}/Documents", "{HOME}/.some-tool", "{HOME}/.config", "{HOME}/.local", "{HOME}/.", "{HOME}"}},
	{id: "home-others-elsewhere", group: "secrets", tries: "the same where the home is shown at another place", views: both, setup: haveOthers,
		flags: []string{"-v", "{HOME}:/tmp/other:ro"}, cmd: []string{"{ATTACKS}", "find", "{MARKER}", "/tmp/other", "{HOME}"}},
	{id: "home-others-above", group: "secrets", tries: "the same where a directory above the home is shown", views: both, setup: haveOthers,
		flags: []string{"-v", "{DIR}:/tmp/above:ro"}, cmd: []string{"{ATTACKS}", "find", "{MARKER}", "/tmp/above", "{HOME}"}},
	{id: "home-key-renewed", group: "secrets", tries: "read keys of a shown home that the host has made anew by a rename, or made since", views: hostOnly, setup: haveKeys,
		flags: []string{"--ro", "{HOME}"}, while: renewing(renewedKeys...), cmd: afterRenewal(renewedKeys...)},
	{id: "home-key-renewed-elsewhere", group: "secrets", tries: "the same where the home is shown at another place", views: both, setup: haveKeys,
		flags: []string{"-v", "{HOME}:/tmp/other:ro"}, while: renewing(renewedKeys...), cmd: afterRenewal(append(at("/tmp/other", renewedKeys), renewedKeys...)...)},
	{id: "home-settings-renewed", group: "secrets", tries: "the same below a shown directory of settings", views: hostOnly,
		setup: func(s *scene) { haveKeys(s); s.mkdir("{HOME}/.config/rclone"); s.mkdir("{HOME}/.config/helm") }, flags: []string{"--ro", "{HOME}/.config"},
		while: renewing("{HOME}/.config/gh/hosts.yml", "{HOME}/.config/rclone/rclone.conf", "{HOME}/.config/op/config", "{HOME}/.config/pulse/cookie"),
		cmd:   afterRenewal("{HOME}/.config/*/*")},
	{id: "home-hidden-renewed", group: "secrets", tries: "read what --hide covers in a shown directory, and the host makes anew", views: hostOnly,
		setup: func(s *scene) { s.file("{HOME}/data/sub/key", marker); s.file("{HOME}/data/key", marker) },
		flags: []string{"--ro", "{HOME}/data", "--hide", "{HOME}/data/sub/key", "--hide", "{HOME}/data/key"},
		while: renewing("{HOME}/data/sub/key", "{HOME}/data/key"), cmd: afterRenewal("{HOME}/data/sub/key", "{HOME}/data/key", "{HOME}/data/*", "{HOME}/data/sub/*")},
	{id: "home-key-linked-directory", group: "secrets", tries: "read keys of a shown directory of settings by where its links lead", views: hostOnly,
		setup: func(s *scene) {
			s.file("{HOME}/.config/mine/gh-real/hosts.yml", marker)
			s.file("{HOME}/.config/mine/chain/cookie", marker)
			s.check(os.Symlink("mine/gh-real", s.path("{HOME}/.config/gh")))
			s.check(os.Symlink("mine/second", s.path("{HOME}/.config/pulse")))
			s.check(os.Symlink("chain", s.path("{HOME}/.config/mine/second")))
		}, flags: []string{"--ro", "{HOME}/.config"}, cmd: []string{"{ATTACKS}", "find", "{MARKER}", "{HOME}/.config"}},
	{id: "home-swapped", group: "races", tries: "have a link to the keys taken for a directory that is shown of a home, while the sandbox starts", views: hostOnly, repeat: 40, refusal: 125,
		setup: func(s *scene) { haveKeys(s); s.mkdir("{HOME}/data/sub"); s.file("{HOME}/data/key", marker) },
		flags: []string{"--ro", "{HOME}/data", "--hide", "{HOME}/data/key"}, while: flipping("{HOME}/data/sub", "{HOME}/.ssh"),
		cmd: []string{"{ATTACKS}", "contents", "{MARKER}", "{HOME}/data/sub/*", "{HOME}/.ssh/*"}},
	{id: "home-write", group: "files", tries: "write to what is shown of a home, or make a name in it", views: hostOnly, flags: []string{"--ro", "{HOME}"}, setup: haveTools, judge: toolsUnchanged,
		cmd: []string{"{ATTACKS}", "write", "OWNED", "{HOME}/.cargo/bin/tool", "{HOME}/.vimrc", "{HOME}/.cargo/config.toml", "{HOME}/.profile", "{HOME}/.cargo/bin/new"}},
	{id: "home-write-elsewhere", group: "files", tries: "the same where the home is shown at another place", views: both, flags: []string{"-v", "{HOME}:/tmp/other:ro"}, setup: haveTools, judge: toolsUnchanged,
		cmd: []string{"{ATTACKS}", "write", "OWNED", "/tmp/other/.cargo/bin/tool", "/tmp/other/.vimrc", "/tmp/other/.cargo/config.toml", "/tmp/other/.cargo/bin/new", "{HOME}/.vimrc"}},
	{id: "home-uncover", group: "secrets", tries: "take the home that is shown off in a user namespace", views: hostOnly, setup: haveKeys, flags: []string{"--ro", "{HOME}"},
		cmd: []string{"{ATTACKS}", "peel", "{HOME}/.netrc"}},
}
