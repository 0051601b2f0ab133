package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/sbxrun/sbx/sandbox"
)

// systemTools are directories in which programs are installed for the whole machine, and
// which are in directories that the host view replaces. Homebrew's var and most of its etc
// are left out: there servers keep what is theirs.
var systemTools = []struct {
	dir   string
	parts []string // that are shown, or all of it
}{
	{"/home/linuxbrew/.linuxbrew", []string{
		"bin", "sbin", "lib", "libexec", "opt", "Cellar", "Homebrew", "share", "include", "etc/ca-certificates", "etc/openssl@3/cert.pem", "etc/openssl@3/openssl.cnf",
	}},
	{"/run/current-system", nil},
	{"/run/wrappers", nil},
}

// addTools shows, read-only, what the caller's PATH has and the host view would hide: what is
// installed for the machine, and the command's program where that is in a directory that
// only holds tools.
func addTools(f *runFlags, s *sandbox.Spec) error {
	if s.View != sandbox.HostView || f.NoProfile {
		return nil
	}
	search := os.Getenv("PATH")
	showSystemTools(f, s, search)
	for dir := range strings.SplitSeq(search, ":") {
		if strings.HasPrefix(dir, "/run/user/") { // fnm has a link for each shell there
			s.Named = append(s.Named, dir)
		}
	}
	home, err := os.UserHomeDir()
	if err != nil || !filepath.IsAbs(home) {
		return nil
	}
	real, _, err := sandbox.Follow(filepath.Clean(home))
	if err != nil {
		return nil
	}
	homes := []string{real}
	if home = filepath.Clean(home); home != real {
		homes = append(homes, home) // PATH has it by this name
	}
	t := s.FindTool(f.command[0], search, homes...)
	if t.Path == "" || len(t.Unknown) > 0 {
		return nil // an error says what is missing
	}
	shown := s.ShowTools(t.Shown)
	for _, dir := range shown {
		f.from(dir, "PATH")
	}
	s.Named = append(s.Named, t.Named...)
	if len(shown) > 0 {
		f.note("%s is %s: showing %s read-only; --no-profile hides it", t.Name, t.Path, strings.Join(shown, ", "))
	}
	return nil
}

// from notes, for --dry-run and the receipt, what a path is shown because of.
func (f *runFlags) from(path, what string) {
	if f.origins == nil {
		f.origins = map[string]string{}
	}
	f.origins[path] = what
}

// showSystemTools shows the directories of the machine's tools that are in PATH.
func showSystemTools(f *runFlags, s *sandbox.Spec, search string) {
	for _, tools := range systemTools {
		if !strings.Contains(":"+search, ":"+tools.dir+"/") {
			continue
		}
		real, _, err := sandbox.Follow(tools.dir)
		switch {
		case err != nil:
		case real != tools.dir: // as on NixOS, to /nix
			s.Named = append(s.Named, tools.dir)
		case len(tools.parts) == 0:
			for _, dir := range s.ShowTools([]string{tools.dir}) {
				f.from(dir, "PATH")
			}
		default:
			for _, part := range tools.parts {
				for _, dir := range s.ShowTools([]string{filepath.Join(tools.dir, part)}) {
					f.from(dir, "PATH")
				}
			}
		}
	}
}
