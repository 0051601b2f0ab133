package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// maskRows replace hidden and read-only files outside while the command runs: the kernel
// takes a mount off a name that another mount namespace removes or replaces.
var maskRows = slicesOf(hiddenMaskRows, readOnlyMaskRows, closedMaskRows)

// replacing is a row in which the host changes files of the project once the command runs.
// The command sees that by the file "changed".
func replacing(r row, change func(s *scene)) row {
	r.group = "masks"
	r.while = func(s *scene) func() {
		done := make(chan struct{})
		go func() {
			defer close(done)
			if !appeared(s.path("{PROJECT}/started")) {
				return
			}
			change(s)
			_ = os.WriteFile(s.path("{PROJECT}/changed"), nil, 0o644) // the command tells if it is not there
		}()
		return func() { <-done }
	}
	return r
}

// appeared waits for a file that the command makes.
func appeared(path string) bool {
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if _, err := os.Lstat(path); err == nil {
			return true
		}
	}
	return false
}

// untilChanged is what the command does first.
const untilChanged = `touch started; until [ -e changed ]; do sleep 0.02; done; `

// hidden is a row in which a file is to stay hidden. A mask may be off for a moment, so it
// is read until it is not there, or for five seconds.
func hidden(id, tries, file string, change func(s *scene)) row {
	return replacing(row{
		id: "mask-" + id, tries: tries, views: both, setup: haveDotenv,
		cmd: []string{"sh", "-c", untilChanged + `for i in $(seq 50); do grep -qs {MARKER} ` + file + ` || { echo HELD: it is hidden; exit 0; }; sleep 0.1; done; echo BROKE: it is read; exit 1`},
	}, change)
}

// put writes a file in the project, in the way that is named.
func put(s *scene, name, text string) {
	s.check(os.WriteFile(s.path("{PROJECT}/"+name), []byte(text), 0o644))
}

func rename(s *scene, from, to string) {
	s.check(os.Rename(s.path("{PROJECT}/"+from), s.path("{PROJECT}/"+to)))
}

// outside runs a command of the developer's in the project.
func outside(s *scene, name string, args ...string) {
	cmd := exec.Command(name, s.expand(args)...)
	cmd.Dir, cmd.Env = s.vars["PROJECT"], s.env
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Errorf("%s: %v: %s", name, err, out)
	}
}

var hiddenMaskRows = []row{
	hidden("env-replaced", "read the .env after an editor has replaced it", ".env", func(s *scene) {
		put(s, "new", "TOKEN="+marker)
		rename(s, "new", ".env")
	}),
	hidden("env-sed", "read the .env after sed -i", ".env", func(s *scene) { outside(s, "sed", "-i", "s/TOKEN/KEY/", ".env") }),
	hidden("env-backup", "read the .env after an editor has moved the old one to a backup", ".env", func(s *scene) {
		rename(s, ".env", ".env~")
		put(s, ".env", "TOKEN="+marker)
	}),
	hidden("env-backup-name", "read the backup that an editor has made of the .env", ".env.bak", func(s *scene) {
		rename(s, ".env", ".env.bak")
	}),
	hidden("env-made-again", "read the .env after it was removed and made again", ".env", func(s *scene) {
		s.check(os.Remove(s.path("{PROJECT}/.env")))
		put(s, ".env", "TOKEN="+marker)
	}),
	hidden("env-linked", "read the .env after another file was linked in its place", ".env", func(s *scene) {
		put(s, "new", "TOKEN="+marker)
		outside(s, "ln", "-f", "new", ".env")
		s.check(os.Remove(s.path("{PROJECT}/new")))
	}),
	hidden("env-exchanged", "read the .env after it was exchanged with another file", ".env", func(s *scene) {
		put(s, "other", "TOKEN="+marker)
		s.check(unix.Renameat2(unix.AT_FDCWD, s.path("{PROJECT}/other"), unix.AT_FDCWD, s.path("{PROJECT}/.env"), unix.RENAME_EXCHANGE))
		put(s, "other", "")
	}),
	hidden("env-appears", "read an .env that was not there", ".env.production", func(s *scene) { put(s, ".env.production", "TOKEN="+marker) }),
	hidden("env-appears-renamed", "read an .env that came by a rename", ".env.staging", func(s *scene) {
		put(s, "new", "TOKEN="+marker)
		rename(s, "new", ".env.staging")
	}),
	hidden("env-directory", "read an .env that became a directory", ".env/token", func(s *scene) {
		s.check(os.Remove(s.path("{PROJECT}/.env")))
		s.file("{PROJECT}/.env/token", marker)
	}),
	hidden("env-often", "read the .env after it was replaced a hundred times", ".env", func(s *scene) {
		for range 100 {
			put(s, "new", "TOKEN="+marker)
			rename(s, "new", ".env")
		}
	}),
	hidden("env-project-moved", "read the .env after the project was moved away and the .env replaced", ".env", func(s *scene) {
		moved := s.path("{HOME}/moved")
		s.check(os.Rename(s.path("{PROJECT}"), moved))
		s.check(os.WriteFile(filepath.Join(moved, "new"), []byte("TOKEN="+marker), 0o644))
		s.check(os.Rename(filepath.Join(moved, "new"), filepath.Join(moved, ".env")))
		s.check(os.Rename(moved, s.path("{PROJECT}")))
	}),
	hidden("env-lost-reports", "read the .env after more changes than the kernel reports", ".env", func(s *scene) {
		for range 20000 {
			put(s, "x", "")
			s.check(os.Remove(s.path("{PROJECT}/x")))
		}
		put(s, "new", "TOKEN="+marker)
		rename(s, "new", ".env")
	}),
	hiddenByFlag(),
	hiddenBelow("directory-moved", "read a nested .env after its directory was moved to the top", "services/api/.env", "api/.env", func(s *scene) {
		rename(s, "services/api", "api")
	}),
	hiddenBelow("directory-renamed", "read a nested .env that was replaced after a directory above was renamed", "a/b/c/.env", "z/b/c/.env", func(s *scene) {
		rename(s, "a", "z")
		put(s, "new", "TOKEN="+marker)
		rename(s, "new", "z/b/c/.env")
	}),
	hiddenBelow("link-target", "read what a link called .env leads to after that was replaced", "config/dev.txt", "config/dev.txt", func(s *scene) {
		put(s, "new", "TOKEN="+marker)
		rename(s, "new", "config/dev.txt")
	}),
	hidden("link-new", "read what a new link called .env leads to", "other.txt", func(s *scene) {
		put(s, "other.txt", "TOKEN="+marker)
		s.check(os.Remove(s.path("{PROJECT}/.env")))
		s.check(os.Symlink("other.txt", s.path("{PROJECT}/.env")))
	}),
	hidden("env-many", "read one of many .env files that appear", ".env.599", func(s *scene) {
		for n := range 600 {
			put(s, fmt.Sprintf(".env.%d", n), "TOKEN="+marker)
		}
	}),
	func() row {
		r := hiddenBelow("flag-moved", "read what --hide covers after it was moved elsewhere", "private/keys", "keys", func(s *scene) { rename(s, "private/keys", "keys") })
		r.flags = []string{"--hide", "{PROJECT}/private/keys"}
		return r
	}(),
}

// hiddenBelow is for a secret that is at another path than the top.
func hiddenBelow(id, tries, file, then string, change func(*scene)) row {
	r := hidden(id, tries, then, change)
	r.setup = func(s *scene) {
		s.file("{PROJECT}/"+file, "TOKEN="+marker)
		if id == "link-target" {
			s.check(os.Symlink(file, s.path("{PROJECT}/.env")))
		}
	}
	return r
}

// hiddenByFlag is for what the caller hides.
func hiddenByFlag() row {
	r := hidden("flag-replaced", "read what --hide covers after it was replaced", "private", func(s *scene) {
		put(s, "new", marker)
		rename(s, "new", "private")
	})
	r.setup = func(s *scene) { s.file("{PROJECT}/private", marker) }
	r.flags = []string{"--hide", "{PROJECT}/private"}
	return r
}

// frozen is a row in which a file is to stay read-only: a moment after it was replaced, the
// command writes to it until that fails, or comes to a copy.
func frozen(id, tries, file string, change func(s *scene)) row {
	return replacing(row{
		id: "mask-" + id, tries: tries, views: both,
		setup: func(s *scene) {
			s.file("{PROJECT}/.git/HEAD", "ref: refs/heads/main\n")
			s.file("{PROJECT}/.git/config", "[user]\n\tname = ada\n")
			s.file("{PROJECT}/.git/hooks/pre-commit", "clean\n")
			s.mkdir("{PROJECT}/.git/objects")
			s.mkdir("{PROJECT}/.git/refs")
			s.file("{PROJECT}/CLAUDE.md", "clean\n")
			s.file("{PROJECT}/.envrc", "clean\n")
			s.file("{PROJECT}/.vscode/tasks.json", "{}\n")
			s.file("{PROJECT}/vendor", "clean\n")
		},
		cmd: []string{"sh", "-c", untilChanged + `sleep 0.3; for i in $(seq 50); do [ -h ` + file + ` ] && held="a copy"
			printf '[core]\n\tfsmonitor = OWNED\n' >> ` + file + ` || held=read-only; [ "$held" ] && { echo HELD: $held; exit 0; }; sleep 0.1; done; echo BROKE: wrote; exit 1`},
		judge: func(s *scene) string {
			if s.has("{PROJECT}/"+file, "OWNED") {
				return file + " was written to"
			}
			return ""
		},
		refusal: 125,
	}, change)
}

// again writes what a file says to a new file in its place.
func again(file string) func(*scene) {
	return func(s *scene) {
		text, err := os.ReadFile(s.path("{PROJECT}/" + file))
		s.check(err)
		put(s, "new", string(text))
		rename(s, "new", file)
	}
}

var readOnlyMaskRows = []row{
	frozen("git-config", "write git's settings after git has replaced them", ".git/config", func(s *scene) { outside(s, "git", "config", "user.email", "a@b") }),
	frozen("git-config-often", "write git's settings after git has replaced them again and again", ".git/config", func(s *scene) {
		for range 20 {
			outside(s, "git", "config", "user.email", "a@b")
		}
	}),
	frozen("git-moved", "write git's settings after the whole .git was moved and copied back", ".git/config", func(s *scene) {
		rename(s, ".git", "old")
		outside(s, "cp", "-r", "old", ".git")
	}),
	frozen("git-hooks", "write a hook after the directory of hooks was replaced", ".git/hooks/pre-commit", func(s *scene) {
		rename(s, ".git/hooks", ".git/old")
		outside(s, "cp", "-r", ".git/old", ".git/hooks")
	}),
	frozen("agent", "write an agent's instructions after an editor has replaced them", "CLAUDE.md", again("CLAUDE.md")),
	frozen("agent-sed", "write an agent's instructions after sed -i", "CLAUDE.md", func(s *scene) { outside(s, "sed", "-i", "s/clean/tidy/", "CLAUDE.md") }),
	frozen("envrc", "write direnv's commands after an editor has replaced them", ".envrc", again(".envrc")),
	frozen("vscode", "write an editor's tasks after their directory was replaced", ".vscode/tasks.json", func(s *scene) {
		rename(s, ".vscode", "old")
		outside(s, "cp", "-r", "old", ".vscode")
	}),
	func() row {
		r := frozen("flag-read-only", "write what --ro shows after it was replaced", "vendor", again("vendor"))
		r.flags = []string{"--ro", "{PROJECT}/vendor"}
		return r
	}(),
}

// closedMaskRows are by a command that takes permissions from directories of its own: the
// kernel reports the names in a directory only to a process that may read it
// (inotify_add_watch(2)).
// A sandbox may end at that.
var closedMaskRows = []row{
	closed("unreadable-first", "read the .env after the project could not be read when the watch began", ".env", "chmod 311 .; sleep 0.3; chmod 755 .; "),
	closed("unreadable-later", "read the .env after the project could not be read for a while", ".env", "sleep 0.3; chmod 311 .; sleep 0.1; chmod 755 .; "),
	closed("unreadable-below", "read a nested .env after its directory could not be read when the watch began", "sub/.env", "chmod 311 sub; sleep 0.3; chmod 755 sub; "),
	closed("unsearchable-first", "read a nested .env after its directory could not be entered when the watch began", "sub/.env", "chmod 0 sub; sleep 0.3; chmod 755 sub; "),
	closed("unsearchable-then", "read a nested .env after its directory could not be entered at the moment when it was replaced", "sub/.env", "{ATTACKS} closedir sub .env & "),
	func() row {
		r := closed("unreadable-before", "read a nested .env whose directory could not be read before the run", "sub/.env", "chmod 755 sub; ")
		r.setup = func(s *scene) {
			s.file("{PROJECT}/sub/.env", "TOKEN="+marker)
			s.check(os.Chmod(s.path("{PROJECT}/sub"), 0o311))
		}
		r.while = nil
		r.cmd = []string{"sh", "-c", "chmod 755 sub; grep -s {MARKER} sub/.env && echo BROKE: it is read && exit 1; echo HELD: it is hidden"}
		return r
	}(),
	madeAgain("directory-made-again", "its directory", "a/b"),
	madeAgain("directory-above-made-again", "a directory above", "a"),
	func() row {
		r := frozen("unreadable-git", "write git's settings after .git could not be read when the watch began", ".git/config", func(s *scene) {
			time.Sleep(600 * time.Millisecond)
			outside(s, "git", "config", "user.email", "a@b")
		})
		r.cmd = []string{"sh", "-c", "touch started; chmod 311 .git; sleep 0.3; chmod 755 .git; " + r.cmd[2]}
		return r
	}(),
}

// madeAgain is a row in which the host removes a directory above a secret and makes it again.
func madeAgain(id, what, removed string) row {
	r := hidden(id, "read a nested .env after "+what+" was removed and made again", "a/b/.env", func(s *scene) {
		s.check(os.RemoveAll(s.path("{PROJECT}/" + removed)))
		time.Sleep(300 * time.Millisecond) // the watch has seen it
		s.mkdir("{PROJECT}/a/b")
		time.Sleep(300 * time.Millisecond)
		put(s, "a/b/.env", "TOKEN="+marker)
	})
	r.setup = func(s *scene) { s.file("{PROJECT}/a/b/.env", "TOKEN="+marker) }
	return r
}

// closed is a row in which the command does something to a directory's permissions before
// the host replaces a secret in it.
func closed(id, tries, file, first string) row {
	r := hiddenBelow(id, tries, file, file, func(s *scene) {
		time.Sleep(600 * time.Millisecond) // all that the command did first is over
		put(s, "new", "TOKEN="+marker)
		rename(s, "new", file)
	})
	setup := r.setup
	r.setup = func(s *scene) {
		setup(s)
		s.t.Cleanup(func() { _ = os.Chmod(s.path("{PROJECT}"), 0o755) }) // a sandbox that ended left it closed
	}
	r.cmd, r.refusal = []string{"sh", "-c", "touch started; " + first + strings.Replace(r.cmd[2], untilChanged, untilChanged+"sleep 1; ", 1)}, 125
	return r
}

// TestTrackedStaysShown: what git's index has is shown, at the start and later.
func TestTrackedStaysShown(t *testing.T) {
	needNamespaces(t)
	dir := filepath.Join(t.TempDir(), "project")
	e := editing{t: t, dir: dir, env: append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null")}
	e.check(os.MkdirAll(dir, 0o755))
	e.run("git", "init", "-q", ".")
	e.check(os.WriteFile(filepath.Join(dir, ".env"), []byte("A=default\n"), 0o644))
	e.run("git", "add", ".env")
	cmd := exec.Command(tool(t, "sbx"), "run", "--", "sh", "-c", "cat .env; sleep 0.5; cat .env")
	cmd.Dir, cmd.Env = dir, e.env
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "A=default\nA=default\n" {
		t.Errorf("%v: %q", err, out)
	}
}
