package main

// backupRows read the copies of a secret that editors leave beside it, and that people make.
var backupRows = []row{
	{id: "backup-names", group: "secrets", tries: "read a secret in an editor's backup, swap file or history of it", views: both, setup: haveBackups,
		cmd: []string{"{ATTACKS}", "find", "{MARKER}", "{PROJECT}"}},
	{id: "backup-by-name", group: "secrets", tries: "the same by their names", views: both, setup: haveBackups,
		cmd: []string{"{ATTACKS}", "contents", "{MARKER}", "{PROJECT}/.env~", "{PROJECT}/#.env#", "{PROJECT}/packages/api/.env~", "{PROJECT}/packages/api/..env.un~"}},
	hidden("backup-appears", "read the backup that an editor makes of the .env", ".env~", func(s *scene) { put(s, ".env~", "TOKEN="+marker) }),
	hidden("backup-appears-emacs", "read what Emacs saves of an .env that is edited", "'#.env#'", func(s *scene) { put(s, "#.env#", "TOKEN="+marker) }),
}

func haveBackups(s *scene) {
	for _, name := range []string{
		".env", ".env~", "#.env#", ".#.env", ".env.swp", "..env.swp", "..env.un~", ".env,v", ".env.~1~", ".env (copy)", ".envrc~", ".netrc~", ".netrc.bak", "prod.env", "docker.env", "local.env", ".docker.env",
		".token", ".secret", ".vault-token", ".secrets.yml.swp", "packages/api/.env~", "packages/api/..env.un~",
	} {
		s.file("{PROJECT}/"+name, "KEY="+marker)
	}
	s.file("{PROJECT}/appsettings.Development.json", `{"Password": "`+marker+`"}`)
	s.file("{PROJECT}/server.pem~", "-----BEGIN PRIVATE KEY-----"+marker)
}
