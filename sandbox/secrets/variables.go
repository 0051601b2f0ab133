package secrets

import "strings"

// inName are the words that make a variable's name one of a secret, wherever in it
// they stand between underscores.
var inName = []string{
	"TOKEN", "TOKENS", "SECRET", "SECRETS", "PASSWORD", "PASSWORDS", "PASSWD", "PASS", "PASSPHRASE", "PWD", "CREDENTIAL", "CREDENTIALS", "CREDS",
	"APIKEY", "KEY", "KEYS", "PAT", "COOKIE", "COOKIES", "JWT", "DSN", "SESSION", "AUTH", "AUTHORIZATION", "OAUTH", "BEARER", "PRIVATE", "SIGNING", "NETRC", "KUBECONFIG", "XAUTHORITY",
}

// harmless are names that have one of those words and are none.
var harmless = []string{"PWD", "OLDPWD", "INIT_CWD", "XDG_SESSION_TYPE", "XDG_SESSION_CLASS", "XDG_SESSION_DESKTOP", "DESKTOP_SESSION", "GOPRIVATE", "CGO_CFLAGS_ALLOW"}

// prefixes are those of families that are all credentials, or lead to them.
var prefixes = []string{
	"AWS_", "AZURE_", "ARM_CLIENT_", "GOOGLE_APPLICATION_", "CLOUDSDK_", "DOCKER_", "GH_", "GITHUB_", "GITLAB_", "VAULT_", "SSH_", "GPG_", "DBUS_", "KUBE", "OP_",
	"HOMEBREW_GITHUB_", "TF_VAR_", "TF_TOKEN_", "STRIPE_", "SENTRY_", "SLACK_", "TWILIO_", "OPENAI_", "ANTHROPIC_", "NPM_CONFIG__", "npm_config__", "CARGO_REGISTRIES_", "MYSQL_PWD",
}

// Variable tells whether a variable looks like a secret, by its name, or by a URL
// with a password in its value.
func Variable(name, value string) bool {
	for _, h := range harmless {
		if name == h {
			return false
		}
	}
	for _, p := range prefixes {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	for _, word := range strings.FieldsFunc(strings.ToUpper(name), func(r rune) bool { return r == '_' || r == '-' || r == '.' }) {
		for _, w := range inName {
			if word == w || len(w) >= 5 && strings.HasSuffix(word, w) {
				return true
			}
		}
	}
	return hasPassword(value)
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
		if user, _, ok := strings.Cut(authority, "@"); ok && strings.Contains(user, ":") {
			return true
		}
		value = rest
	}
}
