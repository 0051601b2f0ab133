package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// reachRows plant what reaches the developer from beside the files that names tell of: by
// git's own store, by the repository that the project is a part of, by the project's own
// place, by other names of a file, and by git's index.
var reachRows = []row{
	restored("reach-replace", "git checkout bring another file by a replacement of its object", `git replace $(git rev-parse HEAD:lefthook.yml) $(echo OWNED | git hash-object -w --stdin)`),
	restored("reach-replace-name", "the same by a longer name", `mkdir -p .git/refs/replace/a; echo OWNED | git hash-object -w --stdin > .git/refs/replace/a/$(git rev-parse HEAD:lefthook.yml)`),
	restored("reach-replace-link", "the same where refs/replace is a link", `mkdir x; ln -s ../../x .git/refs/replace; echo OWNED | git hash-object -w --stdin > x/$(git rev-parse HEAD:lefthook.yml)`),
	restored("reach-replace-packed", "the same by a packed ref", `git replace $(git rev-parse HEAD:lefthook.yml) $(echo OWNED | git hash-object -w --stdin); git pack-refs --all`),

	part("reach-enclosing-hooks", "app/scripts/hooks/pre-commit", "a hook where core.hooksPath of the repository above the project leads", "config", "core.hooksPath", "app/scripts/hooks"),
	part("reach-enclosing-include", "app/inc", "a configuration that the one of the repository above includes", "config", "include.path", "../app/inc"),
	part("reach-enclosing-filter", "app/fm", "the program of a setting of the repository above", "config", "core.fsmonitor", "sh app/fm"),

	placed("reach-place-hooks", ".git/hooks/post-commit"),
	placed("reach-place-husky", ".husky/pre-commit"),
	placed("reach-place-vscode", ".vscode/tasks.json"),
	placed("reach-place-agent", ".claude/skills/x/run"),
	placed("reach-place-copilot", ".github/hooks/x.json"),
	placed("reach-place-mise", ".config/mise/conf.d/a.toml"),
	placed("reach-place-profiles", "sbx/profiles/x.toml"),
	given("reach-given-husky", ".husky/pre-commit"),
	given("reach-given-vscode", ".vscode/tasks.json"),
	given("reach-given-hooks", ".git/hooks/post-commit"),

	linkedTo("reach-link-cache", ".venv/lib/x.py", "a package that is a hard link into a cache", "echo OWNED >> .venv/lib/x.py"),
	linkedTo("reach-link-copy", "sub/.git/config", "a repository's configuration that a copy has by a hard link", `printf '[core]\n\tfsmonitor = OWNED\n' > sub/.git/config`),

	staged("reach-index-restore", "have git restore bring another file", `git update-index --cacheinfo 100644,$(echo OWNED | git hash-object -w --stdin),lefthook.yml`),
	staged("reach-index-swapped", "the same by an index that is written over first", `cp .git/index i; git update-index --cacheinfo 100644,$(echo OWNED | git hash-object -w --stdin),lefthook.yml
		cp .git/index j; cat j > .git/index; touch -r lefthook.yml .git/index; cp j k; mv k .git/index`),
}

// staged puts another file in git's index, unsaid.
func staged(id, what, line string) row {
	r := restored(id, what, line)
	r.judge = func(s *scene) string {
		s.git("restore", ".")
		if s.has("{PROJECT}/lefthook.yml", "OWNED") && !strings.Contains(s.output, "git restore: lefthook.yml") && !strings.Contains(s.output, "lefthook.yml (git restore") {
			return "git restore brought the command's lefthook.yml: " + s.output
		}
		return ""
	}
	return r
}

// linkedTo writes to a file that has another name outside, unsaid.
func linkedTo(id, path, what, line string) row {
	return row{id: id, group: "run later", tries: "write into " + what, views: hostOnly, flags: []string{"--no-profile"},
		setup: func(s *scene) {
			haveRepositories(s, nil)
			s.file("{PROJECT}/"+path, "")
			s.check(os.Link(s.path("{PROJECT}/"+path), s.path("{DIR}/outside")))
			s.tick()
		},
		cmd: []string{"sh", "-c", line + "\necho TRIED: written"},
		judge: func(s *scene) string {
			if s.has("{DIR}/outside", "OWNED") && !strings.Contains(s.output, "other names") {
				return "a file outside was written, and nothing was said: " + s.output
			}
			return ""
		}}
}

// placed plants one where the project itself is a directory of what runs later.
func placed(id, path string) row {
	r := laterBy(id, path, "what runs later in "+filepath.Dir(path)+", which is the project", "echo OWNED > "+filepath.Base(path))
	r.wrap, r.flags, r.refusal = from("{PROJECT}/"+filepath.Dir(path)), []string{"--no-profile"}, exitFailed
	r.setup = func(s *scene) {
		s.mkdir("{PROJECT}/.git")
		s.mkdir("{PROJECT}/" + filepath.Dir(path))
	}
	return r
}

// given plants one in a directory of what runs later that is writable by a flag.
func given(id, path string) row {
	r := laterBy(id, path, "what runs later in "+filepath.Dir(path)+" beside the project, which is writable", "")
	r.views, r.flags = hostOnly, []string{"--no-profile", "--rw", "{DIR}/beside/" + filepath.Dir(path)}
	r.setup = func(s *scene) { s.mkdir("{DIR}/beside/" + filepath.Dir(path)) }
	r.cmd = []string{"sh", "-c", `echo OWNED > "$1"` + "\necho TRIED: planted", "sh", "{DIR}/beside/" + path}
	r.judge = func(s *scene) string {
		if s.has("{DIR}/beside/"+path, "OWNED") {
			return path + " was planted"
		}
		return ""
	}
	return r
}

// part plants one in a project that is a directory of a repository.
func part(id, path, what string, git ...string) row {
	r := laterBy(id, path, what, "")
	r.views, r.wrap, r.flags = hostOnly, from("{PROJECT}/app"), []string{"--no-profile", "--project", "."}
	r.setup = func(s *scene) {
		s.git("init", "-q")
		s.file("{PROJECT}/"+path, "clean\n")
		s.git(git...)
		s.tick()
	}
	_, name, _ := strings.Cut(path, "/")
	r.cmd = []string{"sh", "-c", `printf '[core]\n\tfsmonitor = OWNED\n' > "$1"` + "\necho TRIED: planted", "sh", name}
	return r
}

// restored has git bring a file of the developer's that says something else.
func restored(id, what, line string) row {
	return row{id: id, group: "run later", tries: "make " + what, views: hostOnly, flags: []string{"--no-profile"},
		setup: func(s *scene) {
			s.git("init", "-q")
			s.git("commit", "-q", "--allow-empty", "-m", "0")
			s.git("branch", "old")
			s.file("{PROJECT}/lefthook.yml", "clean\n")
			s.git("add", "lefthook.yml")
			s.git("commit", "-q", "-m", "1")
			s.tick()
		},
		cmd: []string{"sh", "-c", line + "\necho TRIED: planted"},
		judge: func(s *scene) string {
			if strings.Contains(s.output, "packed-refs") { // it has all branches, and stays
				return ""
			}
			s.git("checkout", "-q", "old")
			s.git("checkout", "-q", "-")
			if s.has("{PROJECT}/lefthook.yml", "OWNED") {
				return "git checkout brought the command's lefthook.yml"
			}
			return ""
		}}
}

// TestOwnPlace: a flag allows such a project, and so is a worktree that an agent keeps.
func TestOwnPlace(t *testing.T) {
	needNamespaces(t)
	for dir, c := range map[string]struct {
		flags []string
		want  int
	}{
		".husky":                {nil, exitFailed},
		".husky/x":              {[]string{"--allow-run-later"}, 0},
		".vscode":               {[]string{"--read-only-project"}, 0},
		".git/hooks":            {[]string{"--rw", "."}, exitFailed},
		".claude/worktrees/x":   {nil, 0},
		".claude/worktrees/x/y": {nil, 0},
	} {
		s := newScene(t, t.TempDir(), hostView, row{})
		s.mkdir("{PROJECT}/.git")
		s.vars["PROJECT"] += "/" + dir
		s.mkdir("{PROJECT}")
		argv := append([]string{s.vars["SBX"], "run", "--no-profile"}, append(c.flags, "--", "true")...)
		if code := s.run(row{}, argv); code != c.want || code != 0 && !strings.Contains(s.output, "--allow-run-later") {
			t.Errorf("%s: exit code %d: %s", dir, code, s.output)
		}
	}
}
