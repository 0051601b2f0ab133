package secrets

import "strings"

// ofHome are the paths below a home that stay hidden when a directory that they
// are in is shown. Those of a tool are files where the rest of its directory is
// harmless and builds need it, and whole directories otherwise.
var ofHome = []string{
	// Keys.
	".ssh", ".gnupg", ".pki", ".password-store", ".config/sops", ".config/age", ".age", ".local/share/keyrings",
	".gnome2/keyrings", ".kde/share/apps/kwallet", ".local/share/kwalletd", ".config/KeePass", ".config/keepassxc",
	".config/Bitwarden", ".config/Bitwarden CLI", ".config/1Password", ".config/op", ".op", ".local/share/gopass", ".config/gopass",
	".config/rbw", ".electrum", ".bitcoin", ".ethereum", ".config/solana", ".thunderbird", ".vault-token", ".yubico", ".step",
	// Clouds and clusters.
	".aws", ".azure", ".config/gcloud", ".boto", ".oci", ".config/doctl", ".config/hcloud", ".config/linode-cli", ".config/scw", ".bluemix",
	".s3cfg", ".config/rclone", ".rclone.conf", ".kube", ".config/helm", ".helm", ".terraform.d", ".terraformrc", ".pulumi", ".config/fly", ".fly",
	".config/heroku", ".config/vercel", ".local/share/com.vercel.cli", ".config/netlify", ".netlify", ".wrangler", ".config/.wrangler", ".config/stripe",
	".config/ngrok", ".ngrok2", ".cloudflared", ".databrickscfg", ".snowflake", ".snowsql", ".config/openstack", ".ansible_vault_pass", ".chef", ".config/argocd",
	// Containers and forges.
	".docker", ".config/containers/auth.json", ".config/gh", ".config/hub", ".config/glab-cli", ".config/tea", ".git-credentials",
	".config/git/credentials", ".gitconfig.local", ".jira.d", ".config/jira-cli", ".arcrc", ".gerritcookies", ".config/gerrit",
	// Registries of packages.
	".npmrc", ".yarnrc", ".yarnrc.yml", ".config/configstore", ".bunfig.toml", ".pypirc", ".pip", ".config/pip", ".config/pypoetry", ".config/uv/credentials", ".local/share/uv/credentials",
	".cargo/credentials", ".cargo/credentials.toml", ".m2/settings.xml", ".m2/settings-security.xml", ".gradle/gradle.properties",
	".gem/credentials", ".local/share/gem/credentials", ".bundle/config", ".composer/auth.json", ".config/composer/auth.json", ".nuget/NuGet/NuGet.Config", ".config/NuGet",
	".config/hf", ".huggingface", ".cache/huggingface/token", ".hex/hex.config", ".condarc", ".Rprofile", ".Renviron",
	// Network and databases.
	".netrc", "_netrc", ".authinfo", ".authinfo.gpg", ".curlrc", ".wgetrc", ".my.cnf", ".mylogin.cnf", ".pgpass", ".pg_service.conf", ".mongorc.js", ".dbshell",
	".config/mycli", ".config/pgcli", ".rediscli_auth", ".msmtprc", ".fetchmailrc", ".mbsyncrc", ".offlineimaprc", ".muttrc", ".mutt", ".config/mutt", ".config/neomutt", ".smbcredentials",
	".config/NetworkManager", ".config/remmina", ".local/share/remmina", ".vnc", ".config/syncthing", ".local/state/syncthing",
	// Browsers, messengers and mail.
	".mozilla", ".config/google-chrome", ".config/google-chrome-beta", ".config/chromium", ".config/BraveSoftware", ".config/vivaldi", ".config/opera",
	".config/microsoft-edge", ".config/zen", ".zen", ".librewolf", ".config/librewolf", ".cache/mozilla", ".cache/google-chrome", ".cache/chromium", ".var/app", "snap",
	".config/Slack", ".config/discord", ".config/Signal", ".config/Element", ".config/teams", ".local/share/TelegramDesktop", ".config/evolution", ".local/share/evolution", ".config/geary",
	// Agents and editors.
	".claude", ".claude.json", ".codex", ".gemini", ".config/github-copilot", ".config/openai", ".config/anthropic", ".aider.conf.yml", ".config/goose", ".continue", ".cursor", ".config/Cursor/User/globalStorage", ".config/Code/User/globalStorage",
	// Histories.
	".bash_history", ".zsh_history", ".zhistory", ".histfile", ".history", ".sh_history", ".ash_history", ".ksh_history", ".python_history", ".node_repl_history",
	".psql_history", ".mysql_history", ".sqlite_history", ".rediscli_history", ".irb_history", ".pry_history", ".lesshst", ".viminfo", ".wget-hsts",
	".local/share/fish/fish_history", ".local/share/nushell", ".config/nushell/history.txt", ".local/share/atuin", ".local/share/zsh", ".local/share/recently-used.xbel", ".local/share/RecentDocuments",
	// Doors to the session.
	".Xauthority", ".ICEauthority", ".dbus", ".gvfs", ".esd_auth", ".config/pulse/cookie", ".pulse-cookie", ".local/share/systemd",
}

// ofHost are places of the whole host: the sockets through which its services and
// the user's session take orders.
var ofHost = []string{
	"/run/docker.sock", "/run/docker", "/run/containerd", "/run/podman", "/run/crio", "/run/user", "/run/dbus", "/run/secrets", "/run/credentials",
	"/run/systemd/private", "/run/libvirt", "/run/screen", "/run/snapd.socket", "/run/pcscd", "/run/cups", "/run/keyring",
	"/tmp/.X11-unix", "/tmp/.ICE-unix", "/tmp/.XIM-unix", "/tmp/.font-unix",
	"/var/lib/docker", "/var/lib/containerd", "/var/lib/containers", "/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/etc/sudoers.d", "/etc/ssl/private",
	"/etc/NetworkManager/system-connections", "/etc/krb5.keytab", "/var/spool/cron", "/var/mail", "/var/spool/mail", "/etc/wireguard", "/etc/rancher", "/etc/kubernetes",
}

// Paths are all that stays hidden, of these homes and of the host. Runtime is
// XDG_RUNTIME_DIR, where the session's sockets are.
func Paths(homes []string, runtime string) []string {
	paths := make([]string, 0, len(ofHome)*len(homes)+len(ofHost)+1)
	for _, home := range homes {
		for _, p := range ofHome {
			paths = append(paths, home+"/"+p)
		}
	}
	paths = append(paths, ofHost...)
	if strings.HasPrefix(runtime, "/") && len(runtime) > 1 {
		paths = append(paths, strings.TrimRight(runtime, "/"))
	}
	return paths
}

// ProjectFile tells whether a file at the top of a project, by its name, holds
// secrets: .env, and its kin. The examples that are committed beside it do not.
func ProjectFile(name string) bool {
	rest, ok := strings.CutPrefix(name, ".env")
	if !ok || rest != "" && rest[0] != '.' && rest[0] != '-' && rest[0] != '_' && rest != "rc" {
		return false
	}
	for _, harmless := range []string{"example", "sample", "template", "dist", "defaults", "schema"} {
		if strings.HasSuffix(rest, harmless) {
			return false
		}
	}
	return true
}
