package dotenv

import (
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Secrets by their names that have none in them: a command copies .env.example to .env, or
// writes a port to it, and reads it then. Nobody can tell whether a file that appears while a
// command runs is the command's or the developer's, so it is judged by its lines.

// plainValues are words that no secret is.
var plainValues = [...]string{
	"", "true", "false", "yes", "no", "on", "off", "null", "none", "development", "production", "staging", "test", "testing", "local",
	"debug", "info", "warn", "warning", "error", "localhost", "127.0.0.1", "0.0.0.0", "::1",
}

// Shared tells whether all in a file is known to the command anyway, or is no secret: each
// line is one of an example beside it, or a comment, or gives a plain value to a variable.
// secret tells whether a variable is one by its name.
func Shared(file string, secret func(name string) bool) bool {
	text, ok := readAll(file)
	if !ok {
		return false
	}
	var examples map[string]bool
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line == "#" || plain(line, secret) {
			continue
		}
		if examples == nil {
			examples = exampleLines(path.Dir(file))
		}
		if !examples[line] {
			return false
		}
	}
	return true
}

// plain tells whether a line gives a variable a value that is no secret.
func plain(line string, secret func(name string) bool) bool {
	name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	if !ok || name == "" || value != "" && secret(name) {
		return false
	}
	if n := len(value); n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
		value = value[1 : n-1]
	}
	value = strings.ToLower(value)
	for _, scheme := range []string{"http://", "https://"} {
		value = strings.TrimPrefix(value, scheme)
	}
	value = strings.TrimSuffix(value, "/")
	if host, port, ok := strings.Cut(value, ":"); ok && host != "" && isPort(port) {
		value = host
	}
	return isPort(value) || slices.Contains(plainValues[:], value)
}

// isPort tells whether a text is a number of a few digits.
func isPort(s string) bool {
	_, err := strconv.ParseUint(s, 10, 64)
	return err == nil && len(s) <= 5
}

// exampleLimit bounds how many examples are read.
const exampleLimit = 8

// exampleLines are the lines of the examples in a directory.
func exampleLines(dir string) map[string]bool {
	lines := map[string]bool{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return lines
	}
	left := exampleLimit
	for _, e := range entries {
		if left == 0 || !isExample(path.Base(dir), e.Name()) {
			continue
		}
		left--
		if text, ok := readAll(path.Join(dir, e.Name())); ok {
			for line := range strings.Lines(text) {
				lines[strings.TrimSpace(line)] = true
			}
		}
	}
	return lines
}

// isExample tells whether a name is that of a secret with a word in it that says it is shared.
func isExample(dir, name string) bool {
	name = lower(name)
	if !isHarmless(name) {
		return false
	}
	for _, word := range harmless {
		name = strings.ReplaceAll(name, word, "")
	}
	return match(dir, name) != nil || match(dir, strings.TrimRight(name, ".-_")) != nil || strings.Contains(name, "env")
}

// readAll reads a regular file that is not large.
func readAll(file string) (string, bool) {
	fd, err := unix.Open(file, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", false
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG || st.Size > contentLimit {
		return "", false
	}
	text := make([]byte, contentLimit)
	n, err := unix.Pread(fd, text, 0)
	return string(text[:max(n, 0)]), err == nil && n < contentLimit
}
