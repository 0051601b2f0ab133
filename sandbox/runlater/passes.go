package runlater

import (
	"path"
	"slices"
	"strings"
)

// passes tells whether a setting of the developer's is for a command, too: what git itself
// does, and who commits. It is narrower than harmless. What the command cannot do is not
// asked of it (commit.gpgSign: there is no key), and where anything is, is left out: URLs have
// tokens in them.
func (p *passer) passes(s setting) bool {
	return known(s) && plainValue(s) && !p.SecretValue(s.section+"_"+s.key, s.value)
}

func known(s setting) bool {
	if s.sub != "" {
		return s.section == "color"
	}
	switch s.section {
	case "user", "author", "committer":
		return among(s.key, "name", "email", "useconfigonly")
	case "core":
		return among(s.key, "abbrev", "autocrlf", "bigfilethreshold", "checkstat", "commentchar", "compression", "eol", "filemode",
			"longpaths", "precomposeunicode", "preloadindex", "quotepath", "safecrlf", "trustctime", "untrackedcache", "whitespace")
	case "commit", "tag":
		return among(s.key, "verbose", "cleanup", "status", "sort")
	case "branch":
		return among(s.key, "autosetupmerge", "autosetuprebase", "sort")
	case "submodule":
		return among(s.key, "recurse", "fetchjobs", "propagatebranches")
	case "log":
		return among(s.key, "abbrevcommit", "date", "decorate", "follow")
	case "apply", "rerere", "column", "pack":
		return among(s.key, "whitespace", "ignorewhitespace", "enabled", "autoupdate", "ui", "branch", "status", "tag", "threads")
	case "fetch", "transfer", "receive":
		return s.key == "fsckobjects" || harmlessWord(s.section, s.key)
	case "protocol":
		return s.key == "version"
	case "lfs":
		return false
	}
	return harmlessWord(s.section, s.key)
}

// plainValue refuses what is no word or name.
func plainValue(s setting) bool {
	if len(s.value) > 256 {
		return false
	}
	for _, r := range s.value {
		if r < ' ' || r == 0x7f {
			return false
		}
	}
	return s.section == "user" || s.section == "author" || s.section == "committer" || !strings.ContainsAny(s.value, "/!`$\\")
}

// lfsWords are what git lfs install sets.
var lfsWords = map[string][]string{
	"clean":   {"git-lfs clean -- %f"},
	"smudge":  {"git-lfs smudge -- %f", "git-lfs smudge --skip -- %f"},
	"process": {"git-lfs filter-process", "git-lfs filter-process --skip"},
}

// filter adds what of a filter is passed: of Git LFS the well-known program, and of any other
// that git may not do without it. Git then refuses a file, which it would otherwise commit as
// it is: a large one, or one that is to be encrypted.
func filter(to *configText, s setting) {
	words := lfsWords[s.key]
	switch {
	case s.sub == "lfs" && words != nil:
		value := words[0]
		if among(s.value, words...) {
			value = s.value
		}
		to.add("filter", "lfs", s.key, value)
		to.require("lfs")
	case s.key == "required" && isTrue(s.value) && plainName(s.sub):
		to.require(s.sub)
	}
}

func isTrue(v string) bool { return among(strings.ToLower(v), "true", "yes", "on", "1") }

func plainName(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isKey(c) && c != '_' && c != '.' {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

// safe adds a directory that git may work in although it is another's, if it is about the
// project. None puts those before it out of force.
func (p *passer) safe(to *configText, value string) {
	dir := path.Clean(p.home(strings.TrimSuffix(value, "/*")))
	if value == "" || value == "*" || p.Project != "" && path.IsAbs(dir) && (inDir(dir, p.Project) || inDir(p.Project, dir)) {
		to.add("safe", "", "directory", p.home(value))
	}
}

// A configText is a git configuration that is written.
type configText struct {
	b        strings.Builder
	head     string
	required []string // filters
}

// require has git refuse a file that a filter does not take, once.
func (t *configText) require(filter string) {
	if !slices.Contains(t.required, filter) {
		t.required = append(t.required, filter)
		t.add("filter", filter, "required", "true")
	}
}

var (
	quotedSub   = strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	quotedValue = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`, "\b", `\b`)
)

func (t *configText) add(section, sub, key, value string) {
	head := "[" + section + "]\n"
	if sub != "" {
		head = "[" + section + ` "` + quotedSub.Replace(sub) + "\"]\n"
	}
	if head != t.head {
		t.b.WriteString(head)
		t.head = head
	}
	t.b.WriteString("\t" + key + ` = "` + quotedValue.Replace(value) + "\"\n")
}
