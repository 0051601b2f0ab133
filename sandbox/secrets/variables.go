package secrets

import "strings"

// inName are the words that make a variable's name one of a secret, wherever in it
// they stand between underscores.
var inName = []string{
	"TOKEN", "TOKENS", "SECRET", "SECRETS", "PASSWORD", "PASSWORDS", "PASSWD", "PASS", "PASSPHRASE", "PWD", "CREDENTIAL", "CREDENTIALS", "CREDS",
	"APIKEY", "KEY", "KEYS", "PAT", "COOKIE", "COOKIES", "JWT", "DSN", "SESSION", "AUTH", "AUTHORIZATION", "OAUTH", "BEARER", "PRIVATE", "SIGNING", "NETRC", "KUBECONFIG", "XAUTHORITY",
	"PW", "PGPASS", "PGPASSFILE", "DBPASS", "DBPW", "DBPWD", "ROOTPASS", "ROOTPW", "USERPASS", "USERPWD", "MYSQLPWD", "SMTPPASS", "MAILPASS", "REDISPASS", "PASSWORT", "PASSCODE",
	"CRED", "BASICAUTH", "HTTPAUTH", "MNEMONIC", "SEEDPHRASE", "OTP", "TOTP", "PSK", "PEM", "PFX", "P12", "WEBHOOK", "WEBHOOKS", "CONNSTR", "CONNECTIONSTRING", "CONNECTIONSTRINGS",
	"AUTHTOKEN", "ACCESSKEY", "SECRETKEY", "PRIVATEKEY", "SIGNINGKEY", "ENCRYPTIONKEY", "MASTERKEY", "SAS",
}

// inSequence are names that are one by several words next to each other.
var inSequence = []string{
	"_CONNECTION_STRING_", "_CONNECTION_STRINGS_", "_CONN_STR_", "_CONN_STRING_", "_SEED_PHRASE_", "_RECOVERY_PHRASE_", "_RECOVERY_CODE_", "_RECOVERY_CODES_", "_BACKUP_CODES_", "_WALLET_SEED_",
	"_SA_JSON_", "_SERVICE_ACCOUNT_", "_AZURE_WEB_JOBS_STORAGE_", "_HOOK_URL_", "_ONE_TIME_CODE_",
}

// harmless are names that have one of those words and are none.
var harmless = []string{"PWD", "OLDPWD", "INIT_CWD", "XDG_SESSION_TYPE", "XDG_SESSION_CLASS", "XDG_SESSION_DESKTOP", "XDG_SESSION_ID", "XDG_SESSION_PATH", "DESKTOP_SESSION", "GDMSESSION", "GOPRIVATE", "CGO_CFLAGS_ALLOW"}

// prefixes are those of families that are all credentials, or lead to them.
var prefixes = []string{
	"AWS_", "AZURE_", "ARM_CLIENT_", "GOOGLE_APPLICATION_", "CLOUDSDK_", "DOCKER_", "GH_", "GITHUB_", "GITLAB_", "VAULT_", "SSH_", "GPG_", "DBUS_", "KUBE", "OP_",
	"HOMEBREW_GITHUB_", "TF_VAR_", "TF_TOKEN_", "STRIPE_", "SENTRY_", "SLACK_", "TWILIO_", "OPENAI_", "ANTHROPIC_", "NPM_CONFIG__", "npm_config__", "CARGO_REGISTRIES_", "MYSQL_PWD",
}

// Variable tells whether a variable looks like a secret, by its name or its value.
func Variable(name, value string) bool {
	for _, h := range harmless {
		if name == h {
			return false
		}
	}
	if strings.HasPrefix(name, "GIT_CONFIG_KEY_") { // the name of a setting: git(1)
		return hasPassword(value) || hasSecret(value)
	}
	if strings.HasPrefix(name, "BUNDLE_") && strings.Contains(name, "__") && strings.Contains(value, ":") && !strings.Contains(value, "://") {
		return true // of a host, whose dots are written so: bundle-config(1)
	}
	for _, p := range prefixes {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	parts := words(name)
	for _, word := range parts {
		for _, w := range inName {
			if word == w || len(w) >= 5 && strings.HasSuffix(word, w) {
				return true
			}
		}
	}
	joined := "_" + strings.Join(parts, "_") + "_"
	for _, some := range inSequence {
		if strings.Contains(joined, some) {
			return true
		}
	}
	return hasPassword(value) || hasSecret(value)
}

// words are those of a name, in capitals: between underscores and the like, and between
// small and capital letters.
func words(name string) []string {
	var b strings.Builder
	last := rune(0)
	for _, r := range name {
		if last >= 'a' && last <= 'z' && r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(r)
		last = r
	}
	return strings.FieldsFunc(strings.ToUpper(b.String()), func(r rune) bool { return r == '_' || r == '-' || r == '.' || r == ':' })
}

// hasPassword tells whether a value has a URL with a password: scheme://user:password@host.
func hasPassword(value string) bool {
	for {
		_, rest, found := strings.Cut(value, "://")
		if !found {
			return false
		}
		authority := rest
		if i := strings.IndexAny(rest, "/?# \t\n"); i >= 0 {
			authority = rest[:i]
		}
		if user, _, ok := strings.Cut(authority, "@"); ok && (strings.Contains(user, ":") || len(user) >= 20 && hasDigit(user)) {
			return true // as the key of a DSN, or a token in the place of a name
		}
		value = rest
	}
}
