package workspace

import (
	"encoding/json"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// A marker is a file that tools look for above.
type marker struct {
	name string
	// has tells whether the file makes its directory the top of the one below it, by the
	// path there. Nil is any such file.
	has func(text []byte, below string) bool
	// nearest says that tools look no further than to the first, so that one in a directory
	// between is theirs.
	nearest bool
	// single says that it is a package's and no workspace's: it counts where nothing else
	// was found.
	single bool
}

// markers are those of the languages' tools, each as the tool's documentation says.
var markers = [...]marker{
	{name: "go.work", nearest: true},
	{name: "pnpm-workspace.yaml", has: pnpm, nearest: true},
	{name: "package.json", has: npm},
	{name: "Cargo.toml", has: cargo},
	{name: "Cargo.toml", nearest: true, single: true},
	{name: "pyproject.toml", has: uv},
	{name: "pom.xml", has: maven},
	{name: "settings.gradle", nearest: true},
	{name: "settings.gradle.kts", nearest: true},
	{name: "go.mod", nearest: true, single: true},
}

// workspaceOf is the name in a directory that makes it the top of one below it, or nothing.
// With found one nearer was.
func workspaceOf(at, dir string, found bool) string {
	missing := ""
	for i := range markers {
		m := &markers[i]
		if m.name == missing || m.single && found {
			continue
		}
		if unix.Access(at+"/"+m.name, unix.F_OK) != nil {
			missing = m.name
			continue
		}
		if m.nearest && m.between(at, dir) {
			continue
		}
		if m.has == nil || m.has(read(at+"/"+m.name), strings.TrimPrefix(dir, at+"/")) {
			return m.name
		}
	}
	return ""
}

// between tells whether the name is in the directory or in one between it and the other.
func (m *marker) between(at, dir string) bool {
	for ; dir != at && dir != "/"; dir = path.Dir(dir) {
		if unix.Access(dir+"/"+m.name, unix.F_OK) == nil {
			return true
		}
	}
	return false
}

// read reads a file of at most a megabyte, through no link and from no pipe.
func read(file string) []byte {
	const most = 1 << 20
	fd, err := unix.Open(file, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	f := os.NewFile(uintptr(fd), file)
	defer f.Close()
	if fi, err := f.Stat(); err != nil || !fi.Mode().IsRegular() || fi.Size() > most {
		return nil
	}
	text := make([]byte, most)
	n, _ := f.Read(text) // what cannot be read names no members
	return text[:n]
}

// npm reads the workspaces of a package.json: a list, or for yarn an object with one.
func npm(text []byte, below string) bool {
	var file struct{ Workspaces json.RawMessage }
	if json.Unmarshal(text, &file) != nil {
		return false
	}
	var list []string
	if json.Unmarshal(file.Workspaces, &list) != nil {
		var object struct{ Packages []string }
		if json.Unmarshal(file.Workspaces, &object) != nil {
			return false
		}
		list = object.Packages
	}
	return member(list, below)
}

// pnpm reads the packages of a pnpm-workspace.yaml. Without any all below are members.
func pnpm(text []byte, below string) bool {
	var list []string
	packages := false
	for line := range strings.Lines(string(text)) {
		item, isItem := strings.CutPrefix(strings.TrimSpace(line), "- ")
		switch {
		case isItem && packages:
			list = append(list, strings.Trim(strings.TrimSpace(item), `'"`))
		case line[0] != ' ' && line[0] != '#' && strings.TrimSpace(line) != "":
			packages = strings.HasPrefix(line, "packages:")
		}
	}
	return list == nil || member(list, below)
}

// cargo looks for the table of a workspace. Packages that its members depend on are members
// too, so the list of members does not tell.
func cargo(text []byte, _ string) bool { return hasTable(text, "[workspace") }

func uv(text []byte, _ string) bool { return hasTable(text, "[tool.uv.workspace") }

func hasTable(text []byte, start string) bool {
	for line := range strings.Lines(string(text)) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), start)
		if ok && (strings.HasPrefix(rest, "]") || strings.HasPrefix(rest, ".")) {
			return true
		}
	}
	return false
}

// maven reads the modules of a pom.xml, which are directories, or files in them.
func maven(text []byte, below string) bool {
	var list []string
	for _, part := range strings.Split(string(text), "<module>")[1:] {
		name, _, _ := strings.Cut(part, "</module>")
		list = append(list, strings.TrimSuffix(strings.TrimSpace(name), "/pom.xml"))
	}
	return member(list, below)
}

// member tells whether a path, or a directory that it is in, matches one of the patterns and
// none of those with a "!".
func member(patterns []string, below string) bool {
	in := false
	for _, p := range patterns {
		p, not := strings.CutPrefix(p, "!")
		p = path.Clean(p)
		if p == "." || strings.HasPrefix(p, "../") || path.IsAbs(p) {
			continue
		}
		if matches(strings.Split(p, "/"), strings.Split(below, "/")) {
			if not {
				return false
			}
			in = true
		}
	}
	return in
}

// matches tells whether names begin with some that match. A "**" stands for any number.
func matches(pattern, names []string) bool {
	switch {
	case len(pattern) == 0:
		return true
	case len(names) == 0:
		return false
	case pattern[0] == "**":
		return len(pattern) == 1 || matches(pattern[1:], names) || matches(pattern, names[1:])
	}
	ok, err := path.Match(pattern[0], names[0])
	return err == nil && ok && matches(pattern[1:], names[1:])
}
