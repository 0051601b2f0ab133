package main

import (
	"slices"

	"golang.org/x/sys/unix"
)

// languageFiles are the files of a project by which the tools of a language know it.
var languageFiles = []struct{ file, profile string }{
	{"go.mod", "go"}, {"go.work", "go"}, {"package.json", "node"}, {"Cargo.toml", "rust"}, {"pyproject.toml", "python"}, {"setup.py", "python"},
	{"requirements.txt", "python"}, {"pom.xml", "java"}, {"build.gradle", "java"}, {"build.gradle.kts", "java"}, {"Gemfile", "ruby"},
}

// languagesOf are the profiles of the tools that make starts, by the files of some directories:
// the project's top, and the current one. The project is untrusted, and may have such a file for the profile's sake: it sees
// what commands of that language see, toolchains and caches that are read-only.
func languagesOf(profile string, dirs ...string) (names []string) {
	if profile != "make" {
		return nil
	}
	has := func(dir, file string) bool {
		var st unix.Stat_t
		return unix.Lstat(dir+"/"+file, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG
	}
	for _, l := range languageFiles {
		if !slices.Contains(names, l.profile) && slices.ContainsFunc(dirs, func(dir string) bool { return has(dir, l.file) }) {
			names = append(names, l.profile)
		}
	}
	return names
}
