package runlater

import (
	"path/filepath"
	"strconv"
	"strings"
)

// A GitConfig is the developer's own configuration of git, which may say where
// hooks are: files, and settings from the environment.
type GitConfig struct {
	Files    []string
	settings []setting
}

// OwnConfig is all that git may read outside of a repository (git-config(1),
// "FILES" and "ENVIRONMENT"). Files that a variable puts out of use are in it too:
// another terminal may be without the variable.
func OwnConfig(homes []string, getenv func(string) string) GitConfig {
	c := GitConfig{Files: []string{"/etc/gitconfig", "/usr/local/etc/gitconfig"}}
	for _, home := range homes {
		c.Files = append(c.Files, filepath.Join(home, ".gitconfig"), filepath.Join(home, ".config/git/config"))
	}
	for _, file := range []string{getenv("GIT_CONFIG_SYSTEM"), getenv("GIT_CONFIG_GLOBAL")} {
		if file != "" {
			c.Files = append(c.Files, file)
		}
	}
	if dir := getenv("XDG_CONFIG_HOME"); dir != "" {
		c.Files = append(c.Files, filepath.Join(dir, "git/config"))
	}
	n, _ := strconv.Atoi(getenv("GIT_CONFIG_COUNT")) // what git refuses counts for nothing
	for i := range min(n, includeLimit) {
		key := "GIT_CONFIG_KEY_" + strconv.Itoa(i)
		c.add(getenv(key), getenv("GIT_CONFIG_VALUE_"+strconv.Itoa(i)))
	}
	for _, p := range parseParameters(getenv("GIT_CONFIG_PARAMETERS")) {
		c.add(p[0], p[1])
	}
	return c
}

// add takes section.sub.key, of which section and key are without case.
func (c *GitConfig) add(name, value string) {
	first, last := strings.IndexByte(name, '.'), strings.LastIndexByte(name, '.')
	if first < 0 {
		return
	}
	s := setting{section: strings.ToLower(name[:first]), key: strings.ToLower(name[last+1:]), value: value}
	if first != last {
		s.sub = name[first+1 : last]
	}
	c.settings = append(c.settings, s)
}

// parseParameters reads what git -c passes on: 'key=value' or, since Git 2.31,
// 'key'='value', each in single quotes as a shell has them.
func parseParameters(text string) (found [][2]string) {
	for text = strings.TrimLeft(text, " \n"); text != ""; text = strings.TrimLeft(text, " \n") {
		name, rest, ok := unquote(text)
		if !ok {
			return found
		}
		value, isPair := "", false
		if rest, isPair = strings.CutPrefix(rest, "="); isPair {
			if rest != "" && rest[0] == '\'' {
				if value, rest, ok = unquote(rest); !ok {
					return found
				}
			}
		} else {
			name, value, _ = strings.Cut(name, "=")
		}
		found = append(found, [2]string{name, value})
		text = rest
	}
	return found
}

// unquote takes a word in single quotes, in which '\” and '\!' stand for a quote
// and a mark (quote.c).
func unquote(s string) (word, rest string, ok bool) {
	if s == "" || s[0] != '\'' {
		return "", s, false
	}
	var b strings.Builder
	for s = s[1:]; ; {
		part, after, closed := strings.Cut(s, "'")
		if b.WriteString(part); !closed {
			return "", s, false
		}
		if len(after) >= 3 && after[0] == '\\' && (after[1] == '\'' || after[1] == '!') && after[2] == '\'' {
			b.WriteByte(after[1])
			s = after[3:]
			continue
		}
		return b.String(), after, true
	}
}
