package hosts

import (
	"encoding/json"
	"errors"
	"strings"
)

// askGo takes the proxies of modules, the database of their hashes, and the hosts of
// those modules that are got without a proxy.
func askGo(a *Asker) (r answer, err error) {
	out, err := a.Run("go", "env", "-json", "GOPROXY", "GOSUMDB", "GONOSUMDB", "GONOPROXY")
	if err != nil {
		return r, err
	}
	var env map[string]string
	if err := json.Unmarshal(out, &env); err != nil {
		return r, errors.New("go env -json: it prints no JSON")
	}
	// A list in which a comma and a bar say when the next is tried.
	for _, proxy := range strings.FieldsFunc(env["GOPROXY"], func(r rune) bool { return r == ',' || r == '|' }) {
		switch proxy = strings.TrimSpace(proxy); proxy {
		case "direct":
			r.note("go env GOPROXY has direct: what no proxy has is got from the modules' own hosts, which are to be named")
		case "off":
			r.note("go env GOPROXY has off: what is before it has all that is downloaded")
		default:
			a.add(&r, proxy, "go env GOPROXY")
		}
	}
	if url := sumDatabase(env["GOSUMDB"]); url != "" && env["GONOSUMDB"] != "*" {
		a.add(&r, url, "go env GOSUMDB")
	}
	for _, pattern := range strings.Split(env["GONOPROXY"], ",") {
		a.addPattern(&r, strings.TrimSpace(pattern))
	}
	return r, nil
}

// sumDatabase is the URL of GOSUMDB: NAME, NAME+HASH+KEY, or one of them and a URL.
func sumDatabase(text string) string {
	words := strings.Fields(text)
	switch {
	case len(words) == 0 || words[0] == "off":
		return ""
	case len(words) > 1:
		return words[1]
	}
	name, _, _ := strings.Cut(words[0], "+")
	return "https://" + name
}

// addPattern takes the host of a glob of module paths, as git.example.com/team/*. What
// is before the first slash is a host; of globs that can be only *.NAME is a rule.
func (a *Asker) addPattern(r *answer, pattern string) {
	host, _, _ := strings.Cut(pattern, "/")
	name, many := strings.CutPrefix(host, "*.")
	switch rule, err := hostOf("https://" + name); {
	case pattern == "" || pattern == "none":
	case err != nil || a.Check(rule) != nil || strings.ContainsAny(name, "?[\\") || !strings.Contains(name, "."):
		r.note("go env GONOPROXY has a pattern that is no host and no *.NAME: name what is needed")
	case many:
		r.hosts = append(r.hosts, Host{Host: "*." + rule, From: "go env GONOPROXY"})
	default:
		r.hosts = append(r.hosts, Host{Host: rule, From: "go env GONOPROXY"})
	}
}
