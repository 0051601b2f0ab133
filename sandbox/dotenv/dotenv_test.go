package dotenv

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestName(t *testing.T) {
	for _, path := range []string{
		".env", ".env.local", ".env.production", ".envrc", ".env-prod", ".env_ci", ".ENV", ".envrc.local", ".flaskenv", ".dev.vars", ".netrc", ".pypirc",
		"config/master.key", "credentials/production.key", "terraform.tfvars", "prod.auto.tfvars", "terraform.tfstate", "id_rsa", "deploy_rsa", "id_ed25519", "server.pem", "server.key",
		".htpasswd", "secrets.yml", "Secrets.YAML", ".vault_pass", "kubeconfig", "service-account-prod.json", "serviceAccountKey.json", ".npmrc", ".kube/config", "release.jks", ".secrets.baseline",
		// Backups.
		".env~", "#.env#", ".#.env", ".env.swp", ".env.swo", "..env.swp", "..env.un~", ".env,v", ".envrc~", ".netrc~", ".env.~1~", ".env copy", ".env (copy)", ".netrc.bak", "id_rsa.old", ".id_rsa.swp", ".secrets.yml.un~",
		"config/master.key.bak", "config/.master.key.swp", "server.pem~", ".npmrc.orig", ".ENVRC.BAK", "#.env~#", ".#prod.env", ".prod.env.swp",
		// By custom.
		"prod.env", "docker.env", "local.env", ".docker.env", "api-prod.env", ".env.keys", ".token", ".secret", ".vault-token", "appsettings.Development.json", "appsettings.Local.json", "secrets.env", "app.env.bak",
	} {
		if secret, _ := Name(split(path)); !secret {
			t.Errorf("%s is a secret", path)
		}
	}
	for _, path := range []string{
		"", "env", ".environment", ".env.example", ".env.sample", ".env.template", ".env.dist", "x.env", ".editorconfig", ".envoy.yaml", ".env.local.example", "example.tfvars", "secrets.example.yml",
		"config", "credentials", "master.txt", "id_rsa.pub", "service.json", "config.json", "keys.go", "README.md", "key.go", ".npmrc.d", "Env", strings.Repeat("x", 255),
		".env.example~", "#.env.sample#", ".#.env.template", ".env.example.swp", ".env.example.bak", "prod.env.example", "prod.env.sample", "docker.env.template", "example.env", "build.env", "version.env", "test.env", "appsettings.json", ".env.vault", ".env.vault.bak",
		"main.go~", "#main.go#", ".#main.go", ".main.go.swp", ".main.go.un~", "~", "#", "##", ".#", ".swp", "..swp", ".sw", ",v", ".un~", "README.md.orig", "env~", ".environment.bak", "prod.environment", "tokens", "secret", "..", ".~", ".~1~",
	} {
		if secret, _ := Name(split(path)); secret {
			t.Errorf("%s is none", path)
		}
	}
}

func split(path string) (dir, name string) {
	dir, name = filepath.Split(path)
	return strings.TrimSuffix(dir, "/"), name
}

// project makes files, with a text each, and gives what is found of them.
func project(t *testing.T, files map[string]string) []string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return find(t, dir)
}

func find(t testing.TB, dir string) []string {
	t.Helper()
	names, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var top []Entry
	for _, n := range names {
		kind := byte(unix.DT_REG)
		switch {
		case n.IsDir():
			kind = unix.DT_DIR
		case n.Type()&os.ModeSymlink != 0:
			kind = unix.DT_LNK
		}
		top = append(top, Entry{n.Name(), kind})
	}
	found := Find(dir, top, own, none)
	slices.Sort(found)
	return found
}

func none(string, string, uint64) {}

func own(uid uint32) bool { return int(uid) == os.Getuid() }

// TestFindClosed: a directory of the caller's own that may not be read is a secret.
func TestFindClosed(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"closed": 0, "passed": 0o311, "listed/below": 0o755, "open": 0o755} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Chmod(path, 0o755) })
	}
	listed := filepath.Join(dir, "listed")
	if err := os.Chmod(listed, 0o444); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(listed, 0o755) })
	if got, want := find(t, dir), []string{"closed", "listed/below", "passed"}; !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
	var top []Entry
	for _, name := range []string{"closed", "passed"} {
		top = append(top, Entry{name, unix.DT_DIR})
	}
	if got := Find(dir, top, func(uint32) bool { return false }, none); len(got) > 0 {
		t.Errorf("found %q of others", got)
	}
}

func TestFind(t *testing.T) {
	const key = "-----BEGIN RSA PRIVATE KEY-----"
	got := project(t, map[string]string{
		".env": "", "packages/api/.env": "", "packages/web/.env.local": "", "packages/web/.env.example": "", "config/master.key": key, "config/other.key": "x", "a/b/c/d/.dev.vars": "",
		".npmrc": "registry=https://example.org", "packages/api/.npmrc": "//registry/:_authToken=x", "certs/ca.pem": "-----BEGIN CERTIFICATE-----", "certs/server.pem": key,
		"node_modules/x/.env": "", "packages/api/node_modules/x/.env": "", ".cache/x/.env": "", ".kube/config": "", "odd\nname/\xff/.env": "", "large.pem": strings.Repeat("x", contentLimit+1), ".venv/.env/x": "",
		"sub/.env/bin/python": "", "appsettings.Development.json": `{"Logging": {}}`, "api/appsettings.Local.json": `{"ConnectionStrings": {"x": "Server=x;Password=y"}}`, "packages/api/.env~": "", "packages/web/.npmrc~": "registry=x",
	})
	want := []string{
		".env", ".kube/config", "a/b/c/d/.dev.vars", "api/appsettings.Local.json", "certs/server.pem", "config/master.key", "large.pem", "odd\nname/\xff/.env", "packages/api/.env", "packages/api/.env~", "packages/api/.npmrc", "packages/web/.env.local",
	}
	if !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

// TestFindLinks: no directory is entered through a link, and nothing waits for a pipe.
func TestFindLinks(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(elsewhere, ".env"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"link": elsewhere, "loop": ".", ".env": "/nowhere", "closed.pem": elsewhere + "/.env", ".#.env": "somebody@host.1:2"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mkfifo(filepath.Join(dir, "pipe.pem"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, want := find(t, dir), []string{".env", "closed.pem"}; !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

// TestFindLimit: the directories nearest to the top come first, and their number is bounded.
func TestFindLimit(t *testing.T) {
	files := map[string]string{}
	for i := range directoryLimit {
		files[fmt.Sprintf("d%03d/e/.env", i)] = ""
		files[fmt.Sprintf("d%03d/.env", i)] = ""
	}
	files["packages/api/config/master.key"] = ""
	likely := "packages/api/config/master.key"
	all := project(t, files)
	if !slices.Contains(all, likely) {
		t.Errorf("%s is not found", likely)
	}
	got := slices.DeleteFunc(all, func(p string) bool { return p == likely })
	// packages, packages/api and packages/api/config are of the number.
	if len(got) != directoryLimit-3 || slices.ContainsFunc(got, func(p string) bool { return strings.Contains(p, "/e/") }) {
		t.Errorf("%d found: %q", len(got), got)
	}
}

func BenchmarkFind(b *testing.B) {
	dir := b.TempDir()
	for i := range 2000 {
		at := filepath.Join(dir, fmt.Sprint("d", i%12), fmt.Sprint("e", i%150), fmt.Sprint("f", i))
		if err := os.MkdirAll(at, 0o755); err != nil {
			b.Fatal(err)
		}
		for j := range 8 {
			if err := os.WriteFile(filepath.Join(filepath.Dir(at), fmt.Sprint("source", j, ".go")), nil, 0o644); err != nil {
				b.Fatal(err)
			}
		}
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		b.Fatal(err)
	}
	var top []Entry
	for _, n := range names {
		top = append(top, Entry{n.Name(), unix.DT_DIR})
	}
	b.ResetTimer()
	for range b.N {
		Find(dir, top, own, none)
	}
}
