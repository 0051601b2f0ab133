package secrets

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestVariable(t *testing.T) {
	for name, value := range map[string]string{
		"NPM_TOKEN": "", "GITHUB_TOKEN": "", "AWS_ACCESS_KEY_ID": "", "AWS_PROFILE": "", "OPENAI_API_KEY": "", "DB_PASSWORD": "",
		"PGPASSWORD": "", "SSH_AUTH_SOCK": "", "GOAUTH": "", "MYSECRET": "", "my_secret": "", "SIGNING_KEY": "", "GITLAB_PAT": "",
		"DATABASE_URL": "postgres://me:hush@db/x", "PIP_INDEX_URL": "a https://u:p@host", "HTTPS_PROXY": "http://u:p@proxy:3128",
		"npm_config__authToken": "", "KUBECONFIG": "", "SESSION_COOKIE": "", "XAUTHORITY": "", "DBUS_SESSION_BUS_ADDRESS": "",
	} {
		if !Variable(name, value) {
			t.Errorf("%s=%s is a secret", name, value)
		}
	}
	for name, value := range map[string]string{
		"PATH": "/bin", "PWD": "/", "OLDPWD": "/", "GOPROXY": "https://host/path@v1:2", "CC": "gcc", "MAKEFLAGS": "-j", "GOPRIVATE": "*.corp",
		"KEYBOARD": "", "MONKEY": "", "PATHS": "", "HTTPS_PROXY": "http://proxy:3128", "LANG": "C", "GOFLAGS": "-mod=mod", "COMPASS": "", "TERM": "xterm", "NODE_ENV": "test",
	} {
		if Variable(name, value) {
			t.Errorf("%s=%s is no secret", name, value)
		}
	}
}

func TestProjectFile(t *testing.T) {
	for _, name := range []string{".env", ".env.local", ".env.production", ".envrc", ".env-prod", ".env_ci"} {
		if !ProjectFile(name) {
			t.Errorf("%s holds secrets", name)
		}
	}
	for _, name := range []string{"env", ".environment", ".env.example", ".env.sample", ".env.template", ".env.dist", "x.env", ".editorconfig", ".envoy.yaml"} {
		if ProjectFile(name) {
			t.Errorf("%s holds none", name)
		}
	}
}

// What the issue of every peer names must be there.
func TestPaths(t *testing.T) {
	paths := Paths([]string{"/home/me", "/h"}, "/run/user/1000/")
	for _, want := range []string{
		"/home/me/.ssh", "/h/.ssh", "/home/me/.aws", "/home/me/.config/gh", "/home/me/.npmrc", "/home/me/.netrc", "/home/me/.cargo/credentials.toml",
		"/home/me/.m2/settings.xml", "/home/me/.mozilla", "/home/me/.bash_history", "/home/me/.password-store", "/home/me/.local/share/keyrings",
		"/home/me/.kube", "/home/me/.docker", "/home/me/.gnupg", "/home/me/.pypirc", "/home/me/.Xauthority", "/run/docker.sock", "/run/user/1000", "/tmp/.X11-unix",
	} {
		if !slices.Contains(paths, want) {
			t.Errorf("%s is missing", want)
		}
	}
	seen := map[string]bool{}
	for _, p := range paths {
		if filepath.Clean(p) != p || !strings.HasPrefix(p, "/") || seen[p] {
			t.Errorf("%q is no clean path, or there twice", p)
		}
		seen[p] = true
	}
	if slices.Contains(Paths(nil, "relative"), "relative") {
		t.Error("a runtime directory that is no absolute path is hidden")
	}
}
