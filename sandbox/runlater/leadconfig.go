package runlater

import (
	"errors"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// obey collects where settings lead. What is relative is relative to each worktree, but
// for files that are included, which are relative to dir. Whether the condition of an
// includeIf holds is not asked.
func (w *walker) obey(settings []setting, dir string, by setBy) {
	anywhere := func(string) bool { return true }
	for _, s := range settings {
		switch {
		case s.value == "":
		case s.section == "core" && s.sub == "" && s.key == "hookspath":
			w.leadFrom(home(s.value), hooksKind, hooksWhy, by)
		case s.key == "path" && (s.section == "include" || s.section == "includeif"):
			to := home(s.value)
			if to[0] != '/' {
				to = dir + "/" + to
			}
			w.leadTo(to, configKind, gitWhy, by)
		case s.section == "init" && s.sub == "" && s.key == "templatedir":
			w.template(home(s.value), by)
		case s.command():
			w.leadWords(words(s.value), lead{kind: plain, why: "git runs it: " + s.String(), by: by})
		case !harmless(s, anywhere) && !s.data():
			w.leadWords(s.named(), lead{kind: plain, why: "your git configuration names it: " + s.String(), by: by, tell: true})
		}
	}
}

// template collects what git obeys of all that git init and git clone copy.
func (w *walker) template(dir string, by setBy) {
	w.leadFrom(join(dir, "hooks"), hooksKind, hooksWhy, by)
	for _, name := range [...]string{"config", "config.worktree"} {
		w.leadFrom(join(dir, name), configKind, gitWhy, by)
	}
	w.leadFrom(join(dir, "commondir"), plain, gitWhy, by)
	w.leadFrom(join(dir, "modules"), oldKind, moduleWhy, by)
}

func (w *walker) leadFrom(to string, k kind, why string, by setBy) {
	w.leadBy(to, lead{kind: k, why: why, by: by})
}

// leadWords takes what may be paths. Most are none.
func (w *walker) leadWords(words []string, l lead) {
	for _, word := range words {
		w.leadBy(home(word), l)
	}
}

func (w *walker) leadBy(to string, l lead) {
	switch l.root, l.path = -1, to; {
	case to[0] == '/':
	case l.by.top != "":
		l.path = join(l.by.top, to)
	case len(w.inTops) >= reportLimit:
		w.overflow = true
		return
	default:
		w.inTops = append(w.inTops, l)
		return
	}
	w.followsFile(l)
}

// wordsLimit bounds how many words are looked for: each configuration may have many, for each
// of many worktrees.
const wordsLimit = 20 * reportLimit

// followsFile passes over a plain path that leads nowhere.
func (w *walker) followsFile(l lead) {
	if l.kind == plain {
		if w.words++; w.words > wordsLimit {
			w.overflow = true
			return
		}
		if _, err := os.Lstat(l.path); errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
			return
		}
	}
	w.follows(l)
}

// command tells the settings whose programs git runs without being asked for that program
// (git-config(1)): not an alias.
func (s setting) command() bool {
	switch s.section {
	case "core":
		return s.key == "fsmonitor" && !isBool(s.value) ||
			among(s.key, "sshcommand", "gitproxy", "pager", "editor", "alternaterefscommand", "askpass")
	case "pager":
		return !isBool(s.value)
	case "filter":
		return among(s.key, "clean", "smudge", "process")
	case "diff":
		return among(s.key, "external", "command", "textconv")
	case "interactive":
		return s.key == "difffilter"
	case "merge":
		return s.key == "driver"
	case "mergetool", "difftool", "guitool", "man", "browser":
		return among(s.key, "cmd", "path")
	case "trailer", "hook", "tar":
		return among(s.key, "cmd", "command")
	case "credential":
		return s.key == "helper"
	case "gpg":
		return among(s.key, "program", "defaultkeycommand")
	case "sequence":
		return s.key == "editor"
	case "sendemail":
		return among(s.key, "tocmd", "cccmd", "headercmd", "sendmailcmd", "smtpserver")
	case "remote":
		return among(s.key, "uploadpack", "receivepack", "vcs")
	case "uploadpack":
		return s.key == "packobjectshook"
	case "lfs":
		return s.key == "path" && strings.HasPrefix(s.sub, "customtransfer.") || among(s.key, "clean", "smudge")
	case "imap":
		return s.key == "tunnel"
	}
	return false
}

// data tells settings that name files from which git runs nothing, and that a repository
// often has.
func (s setting) data() bool {
	switch s.section {
	case "blame":
		return s.key == "ignorerevsfile"
	case "commit":
		return s.key == "template"
	case "core":
		return s.key == "excludesfile"
	case "mailmap", "safe":
		return true
	}
	return false
}

// named are the words of a setting that is not known that may be paths, by their looks: a
// word alone is more often a branch or a name. The words of an alias without a mark are
// git's.
func (s setting) named() (found []string) {
	shell := s.section != "alias" || strings.HasPrefix(s.value, "!")
	for _, word := range words(strings.TrimPrefix(s.value, "!")) {
		if strings.Contains(word, "/") || shell && path.Ext(word) != "" {
			found = append(found, word)
		}
	}
	return found
}

// tellNamed names what leads have led to that stays where it is, once.
func (w *walker) tellNamed() {
	known := map[string]bool{}
	for _, f := range w.r.Unknown {
		known[join(f.Root, f.Path)] = true
	}
	for _, f := range w.told {
		at := join(f.Root, f.Path)
		switch {
		case known[at] || w.r.Moves(f.Root, f.Path):
		case len(w.r.Unknown) >= reportLimit:
			w.overflow = true
		default:
			w.r.Unknown = append(w.r.Unknown, f)
		}
		known[at] = true
	}
}
