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

// languagesOf are the profiles of the tools that make starts, by the files of the current
// directory. The project is untrusted, and may have such a file for the profile's sake: it sees
// what commands of that language see, toolchains and caches that are read-only.
func languagesOf(profile string) (names []string) {
	if profile != "make" {
		return nil
	}
	for _, l := range languageFiles {
		var st unix.Stat_t
		err := unix.Fstatat(unix.AT_FDCWD, l.file, &st, unix.AT_SYMLINK_NOFOLLOW)
		if err == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && !slices.Contains(names, l.profile) {
			names = append(names, l.profile)
		}
	}
	return names
}
