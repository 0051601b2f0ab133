package runlater

import "bytes"

const profileWhy = "sbx obeys it once it is in ~/.config/sbx/profiles"

// isProfiles tells whether a directory holds profiles of sbx, as a repository of
// dotfiles has them: sbx/profiles, wherever it is. What it says is allowed takes effect
// when the directory is linked or copied to the home, which tools do by themselves.
func isProfiles(path []byte) bool {
	const dir = "sbx/profiles"
	n := len(path) - len(dir)
	return n >= 0 && bytes.EqualFold(path[n:], []byte(dir)) && (n == 0 || path[n-1] == '/')
}

// isProfile tells whether a name there is obeyed.
func isProfile(name []byte) bool {
	const end = ".toml"
	return len(name) > len(end) && bytes.EqualFold(name[len(name)-len(end):], []byte(end))
}
