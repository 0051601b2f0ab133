package sandbox

import (
	"slices"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/sandbox/runlater"
	"github.com/sbxrun/sbx/userns"
)

// TestGitConfigPlace: the configuration is made in memory only, and never over a file that the
// caller shows. Only where it is the system's does a variable name it.
func TestGitConfigPlace(t *testing.T) {
	image := func(change func(*Spec)) Spec {
		s := build("make")
		s.View, s.Layers = Union, []string{"/srv/a"}
		change(&s)
		return s
	}
	host := func(change func(*Spec)) Spec {
		s := build("make")
		change(&s)
		return s
	}
	h := laptop()
	home := h.Homes[0]
	h.Files[home], h.Files["/srv/file"] = h.Files["/srv/a"], 0o644
	h.Real["/linked"] = home
	h.GitConfig = runlater.PassedConfig{Text: "[user]\n"}
	set := func(name, value string) func(*Spec) {
		return func(s *Spec) { s.OCI.Process.Env = append(s.OCI.Process.Env, name+"="+value) }
	}
	mount := func(m specs.Mount) func(*Spec) {
		return func(s *Spec) { s.OCI.Mounts = append(s.OCI.Mounts, m) }
	}
	for name, c := range map[string]struct {
		spec    Spec
		at, env string
	}{
		"host view":         {host(func(*Spec) {}), home + "/.gitconfig", ""},
		"a linked home":     {host(set("HOME", "/linked")), home + "/.gitconfig", ""},
		"a home in memory":  {host(set("HOME", "/tmp")), "/tmp/.gitconfig", ""},
		"a home below":      {host(set("HOME", "/tmp/a/b")), "/tmp/a/b/.gitconfig", ""},
		"another file":      {host(mount(bind("/srv/file", home+"/.gitconfig", "ro"))), "", ""},
		"the system's home": {host(set("HOME", "/usr")), "", ""},
		"no absolute home":  {host(set("HOME", "tmp")), "", ""},
		"a secret":          {host(func(s *Spec) { s.Secrets = []Secret{{Name: "x", File: home + "/.gitconfig"}} }), "", ""},
		"image":             {image(func(*Spec) {}), "/dev/shm/gitconfig", "/dev/shm/gitconfig"},
		"image, in memory":  {image(mount(tmpfs("/root"))), "/root/.gitconfig", ""},
		"image, its own":    {image(set("GIT_CONFIG_SYSTEM", "/etc/x")), "/dev/shm/gitconfig", "/etc/x"},
		"image, host's shm": {image(mount(bind("/srv/a", "/dev/shm", "ro"))), "", ""},
	} {
		p := plan(t, c.spec, h)
		at, env := "", ""
		for _, step := range find[userns.MakeFile](p) {
			at = step.Path
		}
		if exec := find[userns.Exec](p); len(exec) == 1 {
			env = lookupEnv(exec[0].Env, "GIT_CONFIG_SYSTEM")
		}
		if at != c.at || env != c.env {
			t.Errorf("%s: made at %q, want %q; GIT_CONFIG_SYSTEM=%q, want %q", name, at, c.at, env, c.env)
		}
	}
	h.GitConfig = runlater.PassedConfig{}
	if p := plan(t, host(func(*Spec) {}), h); slices.ContainsFunc(p.Steps, func(s userns.Step) bool { _, ok := s.(userns.MakeFile); return ok }) {
		t.Error("a file is made of nothing")
	}
}
