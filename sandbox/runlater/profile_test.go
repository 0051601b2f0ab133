package runlater

import "testing"

func TestProfiles(t *testing.T) {
	dir := tempDir(t)
	write(t, dir, "old/sbx/profiles/same.toml", "")
	write(t, dir, "old/sbx/profiles/changed.toml", "")
	g := find(t, dir)
	write(t, dir, "old/sbx/profiles/changed.toml", "commands = []")
	write(t, dir, "dot/.config/sbx/profiles/new.toml", "")
	write(t, dir, "Sbx/Profiles/new.TOML", "")
	write(t, dir, "dot/sbx/profiles/README", "")
	write(t, dir, "sbx/other/new.toml", "")
	write(t, dir, "xsbx/profiles/new.toml", "")
	write(t, dir, "profiles/new.toml", "")
	want(t, found(check(t, g)), "Sbx/Profiles/new.TOML", "dot/.config/sbx/profiles/new.toml", "old/sbx/profiles/changed.toml")
}
