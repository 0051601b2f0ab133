// Package hint is how a program says things to a person: as text that does nothing to a
// terminal, whatever names an untrusted command gave to files and processes.
package hint

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// SafeText shows as text what could drive a terminal (CVE-2023-28101) or turn the direction
// of what follows (CVE-2021-42574): control characters of both sets, bidirectional
// controls, separators of lines, invisible characters and bytes that are not UTF-8. They
// are escaped as in a Go string. A space is the only blank that stays.
func SafeText(s string) string {
	if safe(s) {
		return s
	}
	quoted := strconv.Quote(s)
	return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(quoted[1 : len(quoted)-1])
}

func safe(s string) bool {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return false
			}
		}
		if !strconv.IsPrint(r) {
			return false
		}
	}
	return true
}

// shortLimit is how many bytes of a path are shown: PATH_MAX is 4096, and a command can make
// paths that are longer than that, many of them.
const shortLimit = 300

// Short leaves the middle of a path out that is too long to be read.
func Short(s string) string {
	if len(s) <= shortLimit {
		return s
	}
	head, tail := shortLimit/2, len(s)-shortLimit/2
	for i := 0; i < utf8.UTFMax && !utf8.RuneStart(s[head]); i++ {
		head--
	}
	for i := 0; i < utf8.UTFMax && tail < len(s) && !utf8.RuneStart(s[tail]); i++ {
		tail++
	}
	return s[:head] + "…" + s[tail:]
}
