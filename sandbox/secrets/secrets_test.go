package secrets

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sbxrun/sbx/sandbox/secrets/table"
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

// TestTableIsCurrent: zplaces.go is what places.toml says.
func TestTableIsCurrent(t *testing.T) {
	text, err := os.ReadFile("places.toml")
	if err != nil {
		t.Fatal(err)
	}
	want, err := table.Generate(text)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("zplaces.go")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(got), "\n"), strings.Split(string(want), "\n")); diff != "" {
		t.Errorf("go generate ./sandbox/secrets (-zplaces.go +places.toml):\n%s", diff)
	}
}

// TestPlaces: each place of the table is found by its path and by what is in it, and
// what is beside it is not.
func TestPlaces(t *testing.T) {
	text, err := os.ReadFile("places.toml")
	if err != nil {
		t.Fatal(err)
	}
	all, err := table.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if len(all.Places) < 500 {
		t.Errorf("%d places", len(all.Places))
	}
	for _, p := range all.Places {
		place := PlaceAbove(p.Path)
		if place == "" || place != p.Path && !strings.HasPrefix(p.Path, place+"/") || PlaceAbove(p.Path+"/x") != place {
			t.Errorf("%s: found as %q and %q", p.Path, place, PlaceAbove(p.Path+"/x"))
		}
		if Directory(p.Path) != nil {
			t.Errorf("%s is searched for places", p.Path)
		}
	}
	for _, below := range []string{"", ".", "src", ".config", ".config/nvim", ".cargo", ".cargo/bin", ".sshx", ".ss", ".local/share"} {
		if place := PlaceAbove(below); place != "" {
			t.Errorf("%q is %q", below, place)
		}
	}
	if Directory(".config") == nil || Directory(".local/share") == nil || Directory("src") != nil {
		t.Error("directories with places are not found, or others are")
	}
}

// TestKnown: what the issue of every peer names must be there.
func TestKnown(t *testing.T) {
	for _, want := range []string{
		".ssh", ".aws", ".config/gh", ".npmrc", ".netrc", ".cargo/credentials.toml", ".m2/settings.xml", ".mozilla", ".config/mozilla", ".bash_history", ".password-store",
		".local/share/keyrings", ".kube", ".docker", ".gnupg", ".pypirc", ".Xauthority", ".local/state/python_history", ".local/share/opencode", ".gitconfig", ".config/VSCodium",
		".config/Code - Insiders", ".vscode-server", ".cache/huggingface/stored_tokens", ".supabase", ".dbt/profiles.yml", ".foundry", ".config/goa-1.0", ".android/adbkey", ".cf", ".tsh",
	} {
		if PlaceAbove(want) != want {
			t.Errorf("%s is missing", want)
		}
	}
	for _, want := range []string{"/run/docker.sock", "/run/user/1000", "/tmp/.X11-unix", "/var/log/journal", "/var/lib/systemd/coredump"} {
		if !slices.Contains(OfHost("/run/user/1000/"), want) {
			t.Errorf("%s is missing", want)
		}
	}
	if slices.Contains(OfHost("relative"), "relative") {
		t.Error("a runtime directory that is no absolute path is hidden")
	}
}

func TestMoved(t *testing.T) {
	env := map[string]string{
		"GNUPGHOME": "/data/gpg", "KUBECONFIG": "/a/one:relative:/a/two", "CARGO_HOME": "/opt/cargo", "KRB5CCNAME": "FILE:/tmp/krb5cc_1000", "DOCKER_CONFIG": "docker",
	}
	got := Moved(func(name string) string { return env[name] })
	for _, want := range []string{"/data/gpg", "/a/one", "/a/two", "/opt/cargo/credentials", "/opt/cargo/credentials.toml", "/tmp/krb5cc_1000"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is missing in %q", want, got)
		}
	}
	if slices.ContainsFunc(got, func(p string) bool { return !filepath.IsAbs(p) }) {
		t.Errorf("relative paths in %q", got)
	}
}

func TestWorkplace(t *testing.T) {
	for below, want := range map[string]bool{".codex/worktrees/a/p": true, ".codex/worktrees": false, ".codex": false, ".codex/worktreesx/p": false, ".ssh/worktrees/p": false} {
		if Workplace(below) != want {
			t.Errorf("%s: %v", below, !want)
		}
	}
}
