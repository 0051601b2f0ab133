package runlater

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Names are judged below a root. But the root may be in a place of what runs later itself:
// .git/hooks, .husky, .vscode/x.

// Place finds the directory that an absolute path is or is in and of which all that is in it
// runs later, and why. Both are empty where there is none.
func Place(dir string) (place, why string) {
	for end := 0; end < len(dir); {
		start := end + 1
		if end = strings.IndexByte(dir[start:], '/'); end < 0 {
			end = len(dir)
		} else {
			end += start
		}
		if start == end {
			continue
		}
		if isProfiles([]byte(dir[:end])) {
			return dir[:end], profileWhy
		}
		e := entryOf(dir[:start-1], dir[start:end])
		if e == nil || e.rule != moved {
			continue
		}
		if skip := workplace(dir[start:end], dir[end:]); skip > 0 {
			end += skip
			continue
		}
		return dir[:end], e.why
	}
	return "", ""
}

var repositoryEntry = name{rule: moved, why: "version control obeys what is in it"}

// entryOf finds the entry of a name that counts in a directory, or nil.
func entryOf(above, last string) *name {
	var room, upper [nameMax]byte
	key := fold(room[:0], []byte(last))
	if repositoryName(key) {
		return &repositoryEntry
	}
	if e := guarded[0].find(key); e != nil && e.rule != leads && (e.where == anywhere || isTop(above)) {
		return e
	}
	_, dir := split([]byte(above))
	if len(dir) == 0 || !groupLeading(dir[0]) {
		return nil
	}
	dir = fold(upper[:0], dir)
	for i := 1; i < len(guarded); i++ {
		g := &guarded[i]
		if g.last != string(dir) || !endsWith([]byte(above), g.dir) {
			continue
		}
		e := g.find(key)
		if e == nil || e.rule == leads {
			continue
		}
		top := above
		for range 1 + strings.Count(g.dir, "/") {
			b, _ := split([]byte(top))
			top = string(b)
		}
		if e.where == anywhere || e.where == atTop && isTop(top) || e.where == atHome && isHome(top) {
			return e
		}
	}
	return nil
}

// workplace tells how much of the path in a place leads to projects that a tool keeps there,
// as agents do with worktrees (.claude/worktrees/x), or 0.
func workplace(name, rest string) int {
	parts := strings.SplitN(rest, "/", 4)
	if len(parts) < 3 || repositoryName([]byte(strings.ToLower(name))) || !among(parts[1], "worktrees", "worktree", "workspace", "workspaces") {
		return 0
	}
	return 1 + len(parts[1])
}

// isTop tells the top of a repository, or the home.
func isTop(dir string) bool {
	var st unix.Statx_t
	for _, mark := range [...]string{".git", ".hg", ".jj", ".sl"} {
		if statAt(unix.AT_FDCWD, join(dir, mark), &st) == nil {
			return true
		}
	}
	return isHome(dir)
}

func isHome(dir string) bool {
	var here, home unix.Statx_t
	return unix.Statx(unix.AT_FDCWD, dir, 0, statMask, &here) == nil && unix.Statx(unix.AT_FDCWD, os.Getenv("HOME"), 0, statMask, &home) == nil &&
		identify(&here).object() == identify(&home).object()
}

// rootKind says what names mean at the top of a directory that the command may write. What
// is new in a place of what runs later is a finding, as where a link leads there.
func rootKind(dir string) kind {
	place, _ := Place(dir)
	_, name := parent(place)
	switch {
	case place == "":
		return topKind
	case strings.EqualFold(name, ".git"):
		switch rest := strings.TrimPrefix(dir, place); {
		case rest == "":
			return gitdirKind
		case rest == "/hooks":
			return hooksKind
		}
		return topKind // git's own marks tell
	case strings.EqualFold(name, ".hg") && place == dir:
		return hgKind
	case repositoryName([]byte(strings.ToLower(name))):
		return topKind
	case isProfiles([]byte(dir)):
		return profilesKind
	}
	return oldKind
}
