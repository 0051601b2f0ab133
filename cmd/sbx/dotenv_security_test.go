package main

import (
	"os"
	"os/exec"
	"strings"
)

// haveNestedSecrets makes a workspace whose packages have secrets of their own.
func haveNestedSecrets(s *scene) {
	for _, name := range []string{
		"packages/api/.env", "packages/api/.env.local", "apps/web/.dev.vars", "config/master.key", "config/credentials/production.key", "infra/terraform.tfvars", "infra/prod.auto.tfvars", "terraform.tfstate",
		"deploy/kubeconfig", "id_ed25519", ".flaskenv", ".netrc", ".pypirc", ".htpasswd", "secrets.yml", ".vault_pass", "sub\nname/.env", "a/b/c/.ENV",
	} {
		s.file("{PROJECT}/"+name, "KEY="+marker)
	}
	for name, text := range map[string]string{
		".npmrc": "//registry/:_authToken=" + marker, "certs/server.pem": "-----BEGIN PRIVATE KEY-----" + marker, "id_rsa": "-----BEGIN RSA PRIVATE KEY-----" + marker, "service-account-prod.json": `{"private_key": "` + marker + `"}`,
	} {
		s.file("{PROJECT}/"+name, text)
	}
}

// nestedSecrets are those of them that are read by name.
var nestedSecrets = []string{"{PROJECT}/packages/*/.env*", "{PROJECT}/*/.dev.vars", "{PROJECT}/*/*/.dev.vars", "{PROJECT}/config/*", "{PROJECT}/config/*/*", "{PROJECT}/infra/*", "{PROJECT}/deploy/*", "{PROJECT}/*", "{PROJECT}/.*", "{PROJECT}/*/.env", "{PROJECT}/certs/*", "{PROJECT}/a/b/c/.ENV"}

// git runs git outside, in the project.
func (s *scene) git(args ...string) {
	s.t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=x", "-c", "user.email=x@localhost"}, args...)...)
	cmd.Dir, cmd.Env = s.vars["PROJECT"], s.env
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("git %q: %v: %s", args, err, out)
	}
}

// dotenvRows are secrets of a project that are not at its top, or have another name than .env.
var dotenvRows = []row{
	{id: "dotenv-nested", group: "secrets", tries: "read the secrets of a workspace's packages", views: both, setup: haveNestedSecrets, cmd: []string{"{ATTACKS}", "find", "{MARKER}", "{PROJECT}"}},
	{id: "dotenv-nested-by-name", group: "secrets", tries: "the same by their names", views: both, setup: haveNestedSecrets, cmd: append([]string{"{ATTACKS}", "contents", "{MARKER}"}, nestedSecrets...)},
	{id: "dotenv-nested-elsewhere", group: "secrets", tries: "the same where the project is shown once more", views: both, setup: haveNestedSecrets, flags: []string{"-v", "{PROJECT}:/tmp/again"},
		cmd: []string{"{ATTACKS}", "find", "{MARKER}", "/tmp/again", "{PROJECT}"}},
	{id: "dotenv-nested-second-name", group: "secrets", tries: "read a nested .env by a hard link that was there", views: both,
		setup: func(s *scene) {
			s.file("{PROJECT}/packages/api/.env", marker)
			s.check(os.Link(s.path("{PROJECT}/packages/api/.env"), s.path("{PROJECT}/notes.txt")))
		}, cmd: []string{"{ATTACKS}", "contents", "{MARKER}", "{PROJECT}/notes.txt"}},
	{id: "dotenv-declared-tracked", group: "secrets", tries: "have the next run take a nested .env for one that git tracks, by an entry in the index", views: both,
		setup: func(s *scene) {
			s.git("init", "-q")
			s.file("{PROJECT}/packages/api/.env", marker)
			s.file("{PROJECT}/other", "x")
			s.git("add", "other")
		},
		cmd: []string{"sh", "-c", `if [ -e again ]; then exec {ATTACKS} contents {MARKER} packages/api/.env; fi
			touch again; git update-index --add --cacheinfo "100644,$(git hash-object -w other),packages/api/.env"; git add -f packages/api/.env; echo TRIED: declared`},
		repeat: 2, judge: func(*scene) string { return "" }},
	{id: "dotenv-tracked-changed", group: "secrets", tries: "read a tracked .env in which there is another secret now", views: both,
		setup: func(s *scene) {
			s.git("init", "-q")
			s.file("{PROJECT}/.env", "PORT=80")
			s.git("add", ".env")
			s.file("{PROJECT}/.env", "PORT=80\nKEY="+marker)
		}, cmd: []string{"{ATTACKS}", "contents", "{MARKER}", "{PROJECT}/.env"}},
	{id: "dotenv-index-elsewhere", group: "secrets", tries: "have a nested .env taken for tracked by a .git that leads elsewhere", views: both,
		setup: func(s *scene) {
			s.file("{PROJECT}/packages/api/.env", marker)
			s.file("{PROJECT}/packages/api/.git", "gitdir: /dev/zero")
			s.file("{PROJECT}/config/.env", marker)
			s.file("{PROJECT}/config/.git/index", "DIRC\x00\x00\x00\x02\x00\x00\x00\x01"+strings.Repeat("\x00", 62)+".env\x00\x00"+strings.Repeat("\x00", 20))
		}, cmd: []string{"{ATTACKS}", "contents", "{MARKER}", "{PROJECT}/packages/api/.env", "{PROJECT}/config/.env"}},
}
