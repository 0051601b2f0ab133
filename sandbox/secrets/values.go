package secrets

import "strings"

// contained are parts of values that are secrets: keys, files of credentials, and URLs
// that whoever has them may use.
var contained = []string{
	"PRIVATE KEY-----", "LS0tLS1CRUdJTi", "AGE-SECRET-KEY-1", `"private_key"`, `"client_secret"`, `"refresh_token"`, `"aws_secret_access_key"`, `"auths"`, `"password"`,
	"Authorization: ", "AUTHORIZATION: ", "authorization: ", ".atlasv1.",
	"hooks.slack.com/services/", "hooks.slack.com/workflows/", "hooks.slack.com/triggers/", "discord.com/api/webhooks/", "discordapp.com/api/webhooks/", ".webhook.office.com/", "outlook.office.com/webhook/", "chat.googleapis.com/v1/spaces/",
	"api.telegram.org/bot", "hooks.zapier.com/hooks/", "maker.ifttt.com/", "hook.eu1.make.com/", "hook.us1.make.com/", "open.feishu.cn/open-apis/bot/", "oapi.dingtalk.com/robot/send",
}

// settings are names in connection strings and queries of URLs, NAME=VALUE, whose values
// are secrets.
var settings = []string{
	"password", "pwd", "passwd", "accountkey", "sharedaccesskey", "sharedaccesssignature", "accesskey", "secret", "client_secret", "clientsecret", "secretkey", "secret_key", "secretaccesskey",
	"access_token", "auth_token", "authtoken", "token", "api_key", "apikey", "private_key", "sslpassword", "trustpassword", "_authtoken", "x-amz-signature", "x-goog-signature",
}

// A tokenForm is how a service's tokens begin. What follows is long and has a digit; plain
// says that it has letters and digits alone, as names of directories have not.
type tokenForm struct {
	prefix string
	plain  bool
}

var tokens = []tokenForm{
	{"ghp_", true}, {"gho_", true}, {"ghu_", true}, {"ghs_", true}, {"ghr_", true}, {"github_pat_", false}, {"glpat-", false}, {"gldt-", false}, {"glrt-", false}, {"glptt-", false}, {"gloas-", false},
	{"xoxb-", false}, {"xoxp-", false}, {"xoxa-", false}, {"xoxr-", false}, {"xoxs-", false}, {"xoxe-", false}, {"xoxe.", false}, {"xapp-", false},
	{"sk-ant-", false}, {"sk-proj-", false}, {"sk-or-", false}, {"sk-", true}, {"sk_live_", true}, {"sk_test_", true}, {"rk_live_", true}, {"rk_test_", true}, {"whsec_", false}, {"gsk_", true}, {"xai-", true}, {"pplx-", true},
	{"AKIA", true}, {"ASIA", true}, {"AIza", false}, {"ya29.", false}, {"GOCSPX-", false}, {"npm_", true}, {"pypi-", false}, {"hf_", true}, {"r8_", true}, {"nvapi-", false}, {"dop_v1_", true}, {"doo_v1_", true},
	{"SG.", false}, {"shpat_", true}, {"shpss_", true}, {"lin_api_", true}, {"ntn_", true}, {"figd_", false}, {"dckr_pat_", false}, {"hvs.", false}, {"hvb.", false}, {"tskey-", false}, {"PMAK-", false},
	{"glsa_", false}, {"glc_", false}, {"sntrys_", false}, {"sntryu_", true}, {"rubygems_", true}, {"pat-na1-", false}, {"EAAC", true}, {"EAAM", true}, {"nfp_", true}, {"fm2_", false}, {"eyJ", false},
	{"glcbt-", false}, {"glft-", false}, {"glimt-", false}, {"glagent-", false}, {"glsoat-", false}, {"glffct-", false}, {"GR1348941", false}, {"sk-svcacct-", false}, {"sk-admin-", false}, {"sk_prod_", true}, {"rk_prod_", true},
	{"ABIA", true}, {"ACCA", true}, {"ABSK", true}, {"bedrock-api-key-", false}, {"LTAI", true}, {"ops_eyJ", false}, {"dapi", true}, {"dor_v1_", true}, {"dp.pt.", true}, {"dt0c01.", false}, {"AKCp", true}, {"cmVmd", true},
	{"fo1_", false}, {"fm1a_", false}, {"fm1r_", false}, {"shpca_", true}, {"shppa_", true}, {"pul-", true}, {"pnu_", true}, {"pscale_tkn_", false}, {"pscale_pw_", false}, {"pscale_oauth_", false}, {"HRKU-", false}, {"CLOJARS_", true},
	{"sgp_", false}, {"sq0atp-", false}, {"sq0csp-", false}, {"squ_", true}, {"sqp_", true}, {"sqa_", true}, {"xkeysib-", false}, {"NRAK-", true}, {"rdme_", true}, {"tk-us-", false}, {"EZAK", true}, {"p8e-", true}, {"xoxo-", false},
}

// leastToken is how much follows the beginning of a token at least.
const leastToken = 16

// hasSecret tells whether a value is a secret by what it looks like.
func hasSecret(value string) bool {
	for _, c := range contained {
		if strings.Contains(value, c) {
			return true
		}
	}
	return hasSetting(value) || hasToken(value)
}

// hasSetting tells whether one of the settings has a value: at the beginning, or behind
// what separates settings.
func hasSetting(value string) bool {
	for part := range strings.FieldsFuncSeq(value, func(r rune) bool { return strings.ContainsRune(";&?, \t\n'\"", r) }) {
		name, text, ok := strings.Cut(part, "=")
		if !ok || text == "" {
			continue
		}
		name = strings.ToLower(strings.TrimLeft(name, "-/:"))
		for _, s := range settings {
			if name == s {
				return true
			}
		}
	}
	// In a connection string names have spaces: "Shared Access Key=", "User Password=".
	lower := strings.ToLower(strings.ReplaceAll(value, " ", ""))
	return strings.Contains(lower, ";password=") || strings.Contains(lower, ";pwd=") || strings.Contains(lower, "key=") && strings.Contains(lower, "endpoint=")
}

func hasToken(value string) bool {
	word := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' || r == '.'
	}
	for w := range strings.FieldsFuncSeq(value, func(r rune) bool { return !word(r) }) {
		for _, t := range tokens {
			rest, ok := strings.CutPrefix(w, t.prefix)
			if !ok || len(rest) < leastToken || !hasDigit(rest) || t.plain && strings.ContainsAny(rest, "_-.") {
				continue
			}
			if t.prefix == "eyJ" && strings.Count(w, ".") != 2 { // a JSON Web Token has three parts
				continue
			}
			return true
		}
	}
	return false
}

func hasDigit(s string) bool { return strings.ContainsAny(s, "0123456789") }
