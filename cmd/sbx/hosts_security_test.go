package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSecurityHostsByLink: a set of hosts is refused where the file that the tool reads is
// a link into the project or another writable directory, by which a command could have
// named any host.
func TestSecurityHostsByLink(t *testing.T) {
	needNamespaces(t)
	for name, c := range map[string]struct {
		link  string // what ~/.npmrc is a link to, or nothing
		flags []string
		holds bool
	}{
		"a file":             {},
		"elsewhere":          {link: "own/npmrc"},
		"the project":        {link: "project/npmrc", holds: true},
		"not there yet":      {link: "project/none", holds: true},
		"a writable one":     {link: "shared/npmrc", flags: []string{"--rw", "{HOME}/shared"}, holds: true},
		"a read-only one":    {link: "shared/npmrc", flags: []string{"--ro", "{HOME}/shared"}},
		"a volume":           {link: "shared/npmrc", flags: []string{"-v", "{HOME}/shared:/tmp/x"}, holds: true},
		"the file, writable": {link: "", flags: []string{"--rw", "{HOME}/.npmrc"}, holds: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, t.TempDir(), hostView, row{})
			const text = "registry=https://registry.example/\n"
			for _, file := range []string{"own/npmrc", "project/npmrc", "shared/npmrc"} {
				s.file("{HOME}/"+file, text)
			}
			if c.link == "" {
				s.file("{HOME}/.npmrc", text)
			} else {
				s.check(os.Symlink(c.link, s.path("{HOME}/.npmrc")))
			}
			s.file("{HOME}/bin/npm", "#!/bin/sh\nif [ -e ~/.npmrc ]; then echo '{\"registry\": \"https://registry.example/\"}'; else echo '{}'; fi\n")
			s.check(os.Chmod(s.path("{HOME}/bin/npm"), 0o755))
			cmd := exec.Command(s.vars["SBX"], append(append([]string{"run", "--no-profile", "--allow", "@npm"}, s.expand(c.flags)...), "--", "true")...)
			cmd.Dir, cmd.Env = s.vars["PROJECT"], append(s.env, "PATH="+filepath.Join(s.vars["HOME"], "bin")+":"+os.Getenv("PATH"))
			out, err := cmd.CombinedOutput()
			refused := err != nil && cmd.ProcessState.ExitCode() == exitFailed && strings.Contains(string(out), "a sandbox can write")
			if refused != c.holds || !c.holds && err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
