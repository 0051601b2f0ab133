package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// writersRows get hold of a read-only file in the moment in which the host replaces it, or of
// the draft that becomes it, and write to it when the mask is back. Each wins that race: the
// host replaces the file until it is won.
var writersRows = []row{
	written("config-descriptor", "descriptor", gitConfig, gitConfig),
	written("config-mapping", "mapping", gitConfig, gitConfig),
	written("config-protected", "protected", gitConfig, gitConfig),
	written("config-socket", "socket", gitConfig, gitConfig),
	written("config-child", "child", gitConfig, gitConfig),
	written("config-path", "path", gitConfig, gitConfig),
	written("config-reading", "reading", gitConfig, gitConfig),
	written("lock-mapping", "mapping", gitLock, gitConfig),
	written("lock-path", "path", gitLock, gitConfig),
	written("lock-reading", "reading", gitLock, gitConfig),
	written("lock-name", "name", gitLock, gitConfig),
	written("lock-append", "append", gitLock, gitConfig),
	written("lock-append-beside", "append-beside", gitLock, gitConfig),
	written("lock-swap", "swap", gitLock, gitConfig),
	written("lock-swap-moved", "swap-moved", gitLock, gitConfig),
	written("module-mapping", "mapping", gitModule, gitModule),
	written("module-lock-path", "path", gitModule+".lock", gitModule),
	written("worktree-mapping", "mapping", gitWorktree, gitWorktree),
	written("agent-mapping", "mapping", "CLAUDE.md", "CLAUDE.md"),
	written("agent-path", "path", "CLAUDE.md", "CLAUDE.md"),
	keptOpen("config-open", gitConfig, "keeps"),
	keptOpen("agent-open", "CLAUDE.md", "look at "),
	{id: "writer-lease", group: "masks", tries: "have the host's git wait for a lease", views: both, cmd: []string{"{ATTACKS}", "lease", gitConfig},
		setup: func(s *scene) { s.git("init", "-q") }},
	written("rules-protected", "protected", ".cursorrules", ".cursorrules"),
}

const (
	gitConfig   = ".git/config"
	gitLock     = gitConfig + ".lock"
	gitModule   = ".git/modules/m/config"
	gitWorktree = ".git/config.worktree"
)

// written is a row with a grip of the attacks' on a file, which is or becomes another that
// the host replaces.
func written(id, grip, on, file string) row {
	isConfig := strings.HasPrefix(file, ".git/")
	return row{
		id: "writer-" + id, group: "masks", tries: "write later to " + file + ", by a " + grip + " from the moment in which it was replaced", views: hostOnly,
		flags: []string{"--no-profile"}, refusal: 125,
		setup: func(s *scene) {
			s.git("init", "-q")
			s.mkdir("{PROJECT}/.git/zz")
			s.mkdir("{PROJECT}/.git/modules/m/objects")
			s.mkdir("{PROJECT}/.git/modules/m/refs")
			s.file("{PROJECT}/.git/modules/m/HEAD", "ref: refs/heads/main\n")
			for _, name := range []string{gitConfig, gitModule, gitWorktree} {
				s.git("config", "-f", s.path("{PROJECT}/"+name), "user.email", "ada@example.com")
				s.git("config", "-f", s.path("{PROJECT}/"+name), "user.name", "dev000")
			}
			s.git("config", "extensions.worktreeConfig", "true")
			for _, name := range []string{"CLAUDE.md", ".cursorrules"} {
				s.file("{PROJECT}/"+name, "# clean 000, and as long as what may be written in its place later\n")
			}
			s.tick()
		},
		while: func(s *scene) func() { return replacingUntilWon(s, file, isConfig) },
		cmd:   []string{"{ATTACKS}", "writer", grip, on, file},
		judge: func(s *scene) string {
			switch {
			case !strings.Contains(s.output, "TRIED") && s.has("{PROJECT}/wrote", ""):
				return "" // the sandbox was ended
			case isConfig && s.has("{DIR}/obeyed", ""):
				return "git obeys what the command wrote while it runs"
			case !s.has("{PROJECT}/"+file, "OWNED"):
				return ""
			case isConfig || !strings.Contains(s.output, "look at ") || !strings.Contains(s.output, file):
				return file + " says what the command wrote: " + s.output
			}
			return ""
		},
	}
}

// keptOpen is a row that keeps a file open for writing, about which sbx has something to say.
func keptOpen(id, file, said string) row {
	r := written(id, "open", file, file)
	r.judge = func(s *scene) string {
		if !strings.Contains(s.output, said) || !strings.Contains(s.output, file) {
			return "it is open for writing, unsaid: " + s.output
		}
		return ""
	}
	return r
}

// replacingUntilWon replaces a file as git or sed do. When the command has written, a
// configuration is looked at again: by then sbx has judged it.
func replacingUntilWon(s *scene, file string, isConfig bool) func() {
	there := func(name string) bool {
		_, err := os.Lstat(s.path("{PROJECT}/" + name))
		return err == nil
	}
	edit := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(name, args...)
		cmd.Dir, cmd.Env = s.vars["PROJECT"], s.env
		return cmd
	}
	done, stop := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
			}
			switch {
			case there("wrote"):
				time.Sleep(time.Second)
				if isConfig && s.has("{PROJECT}/"+file, "OWNED") {
					s.check(os.WriteFile(s.path("{DIR}/obeyed"), nil, 0o644))
				}
				put(s, "seen", "")
				return
			case !there("started") || there("won"):
			case isConfig:
				_ = edit("git", "config", "-f", file, "user.name", fmt.Sprintf("dev%03d", n%1000)).Run() // it fails if its lock is taken away
			default:
				_ = edit("sed", "-i", fmt.Sprintf("s/clean .../clean %03d/", n%1000), file).Run()
			}
		}
	}()
	return func() {
		close(stop)
		<-done
	}
}
