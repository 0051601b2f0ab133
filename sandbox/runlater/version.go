package runlater

import (
	"strings"

	"golang.org/x/sys/unix"
)

// versionLimit is far beyond any honest file that chooses versions.
const versionLimit = 64 << 10

// harmlessVersion judges a file that chooses versions (.tool-versions, .nvmrc) by
// what it says: a word that may be a path, an address or a template leads to a
// program.
func harmlessVersion(dir int, name string) bool {
	text, err := readAt(dir, name, versionLimit)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "#") && !harmlessVersionLine(line) {
			return false
		}
	}
	return true
}

// harmlessVersionLine knows no comment behind a version: not every tool does.
func harmlessVersionLine(line string) bool {
	for word := range strings.FieldsSeq(line) {
		if rest, ok := strings.CutPrefix(word, "lts/"); ok { // nvm's
			word = rest
		}
		if strings.ContainsAny(word, "/\\{}$`!|;&<()") && !versionRange(word) || strings.Contains(strings.ToLower(word), "path") {
			return false
		}
		if !harmlessColon(word) || strings.LastIndexByte(word, '[') > 0 && !strings.Contains(word, "=[") {
			return false
		}
	}
	return true
}

// harmlessColon tells the words whose colon names no source of programs: latest:17, prefix:1,
// sub-1:latest, a branch, and a colon at the end, which mise leaves out. Others name a
// backend ("npm:evil 1.0"), which mise installs without asking, or a commit by its id, which
// a server finds in anybody's fork as well.
func harmlessColon(word string) bool {
	before, after, found := strings.Cut(strings.TrimRight(word, ":"), ":")
	switch {
	case !found:
		return true
	case strings.Contains(after, ":"):
		return false
	case before == "ref":
		return len(after) < 7 || strings.Trim(strings.ToLower(after), "0123456789abcdef") != ""
	}
	return among(before, "latest", "prefix") || strings.HasPrefix(before, "sub-")
}

// versionRange tells a comparison: "<3.13".
func versionRange(word string) bool {
	return strings.Trim(word, "<>=!~^,.*0123456789") == ""
}

// versions protects a file that chooses versions if it leads to a program already,
// or is a link. Another one is judged when the command has ended: builds write it.
func (f *finder) versions(name, why string) error {
	var st unix.Statx_t
	if err := f.project.stat(name, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFREG && harmlessVersion(f.project.fd, name) {
		return nil
	}
	return f.protect(f.project, name, anything, why)
}
