package sandbox

import (
	"os"
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/runlater"
	"github.com/sbxrun/sbx/sandbox/secrets"
	"github.com/sbxrun/sbx/userns"
)

// Git in a sandbox finds who commits, and the harmless rest of the caller's configuration, in
// $HOME/.gitconfig, which is in memory: git config --global works, and a repository's own
// settings win. The home of an image is the image's, and may be kept. There it is a file in
// the place of the system's, which it includes.

// gitConfigFile is that, and what the names of the files begin with that it leads to.
func gitConfigFile(v View) string {
	if v == HostView {
		return "/dev/gitconfig"
	}
	return "/dev/shm/gitconfig" // where git config --system may write
}

// probeGitConfig reads what git is given of the caller's configuration.
func (h *Host) probeGitConfig(s Spec) {
	if s.View != HostView && unix.Access(path.Join(s.Project, ".git"), unix.F_OK) != nil {
		return
	}
	in := runlater.Passing{
		Project: s.Project, Prefix: gitConfigFile(s.View), System: s.View != HostView, Filters: s.NoGitConfig, Writable: s.WritableOutside(),
		SecretValue: secrets.Variable,
		Secret: func(p string) bool {
			return slices.ContainsFunc(slices.Concat(h.places, h.Secrets), func(secret string) bool { return below(p, secret) })
		},
	}
	if s.View != HostView { // ids are mapped, and git works in no directory of another user's
		info, err := os.Stat(s.Project)
		in.Foreign = err == nil && owner(info) == int(h.UID)
	}
	if h.Guard != nil {
		for _, b := range h.Guard.Shown {
			in.GitDirs = append(in.GitDirs, b.Path)
		}
	}
	h.GitConfig = runlater.Pass(runlater.OwnConfig(h.Homes, os.Getenv), in, os.Getenv)
}

// gitConfigPlace is where the configuration is made, or nothing. It is made in memory only,
// and not where the caller shows a file.
func (s Spec) gitConfigPlace(h Host, home string) string {
	if h.GitConfig.Text == "" || !s.inMemory(gitConfigFile(s.View)) {
		return ""
	}
	if s.View == HostView {
		home = h.real(path.Clean(home))
	}
	if at := path.Join(home, ".gitconfig"); path.IsAbs(home) && s.inMemory(at) {
		return at
	}
	if s.View == HostView {
		return ""
	}
	return gitConfigFile(s.View)
}

// inMemory tells whether a new file at a path is in a directory in memory.
func (s Spec) inMemory(file string) bool {
	taken := slices.ContainsFunc(s.OCI.Mounts, func(m specs.Mount) bool { return m.Destination == file }) ||
		slices.ContainsFunc(s.Secrets, func(given Secret) bool { return given.File == file })
	under := innermost(file, s.OCI.Mounts)
	return !taken && under != nil && !isBind(*under) && under.Type == "tmpfs"
}

// giveGitConfig adds the steps that make the configuration, and what it leads to.
func (c *compiler) giveGitConfig() {
	at := c.spec.gitConfigPlace(c.host, lookupEnv(c.spec.OCI.Process.Env, "HOME"))
	if at == "" {
		return
	}
	passed := c.host.GitConfig
	text := passed.Text
	if at == gitConfigFile(c.spec.View) {
		text = "[include]\n\tpath = /etc/gitconfig\n" + text
	}
	write := func(at, text, from string) {
		c.add(userns.MakeFile{Path: at, Text: text, What: from, Below: belowOf(innermost(at, c.spec.OCI.Mounts))})
	}
	for _, f := range passed.Files {
		write(f.Path, f.Text, "copy of "+f.From)
	}
	from := "safe.directory of the project"
	if len(passed.From) > 0 {
		from = "harmless settings of " + strings.Join(passed.From, ", ")
	}
	write(at, text, from)
}
