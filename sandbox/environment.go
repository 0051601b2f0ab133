package sandbox

import (
	"path"
	"slices"
	"strings"

	"github.com/sbxrun/sbx/sandbox/secrets"
)

// passed are the variables of the caller's that a command sees: what programs
// need to speak to the user, and no more. A token is as easily in the
// environment as in a file.
var passed = []string{"TERM", "LANG", "LC_*", "TZ", "COLORTERM", "NO_COLOR"}

// passedOnHost are those that also mean something where the root is the host's.
var passedOnHost = []string{"PATH", "HOME", "USER", "LOGNAME", "SHELL"}

// defaultPath is the PATH of a root that is not the host's.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Environment gives those of the caller's variables that a command sees: the
// usual ones for the view, and those whose name one of the globs matches
// (path.Match).
func Environment(v View, caller []string, globs []string) []string {
	wanted := append(slices.Clone(passed), globs...)
	if v == HostView {
		wanted = append(wanted, passedOnHost...)
	}
	return Filter(caller, wanted)
}

// Filter gives the variables whose name one of the globs matches.
func Filter(env []string, globs []string) []string {
	var kept []string
	for _, e := range env {
		name, _, ok := strings.Cut(e, "=")
		if ok && matchAny(globs, name) {
			kept = append(kept, e)
		}
	}
	return kept
}

// WithoutSecrets drops the variables that look like secrets, and names them.
func WithoutSecrets(env []string) (kept, dropped []string) {
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		if secrets.Variable(name, value) {
			dropped = append(dropped, name)
			continue
		}
		kept = append(kept, e)
	}
	return kept, dropped
}

func matchAny(globs []string, name string) bool {
	for _, g := range globs {
		if ok, err := path.Match(g, name); ok && err == nil {
			return true
		}
	}
	return false
}

// completeEnv adds the variables without which little works. HOME is a
// directory that is there and empty, or the one that the root's password file
// says.
func (s Spec) completeEnv(h Host) []string {
	env := s.OCI.Process.Env
	set := func(name, value string) {
		if !slices.ContainsFunc(env, func(e string) bool { return strings.HasPrefix(e, name+"=") }) {
			env = append(env, name+"="+value)
		}
	}
	home := h.Account.Home
	switch {
	case s.View != HostView:
		set("PATH", defaultPath)
		if home == "" && s.OCI.Process.User.UID == 0 {
			home = "/root"
		}
	case len(h.Homes) > 0 && h.there(h.Homes[0]):
		home = h.Homes[0]
	default:
		home = "/tmp"
	}
	if home == "" {
		home = "/"
	}
	set("HOME", home)
	if at := s.gitConfigPlace(h, lookupEnv(env, "HOME")); at != "" && at == gitConfigFile(s.View) {
		set("GIT_CONFIG_SYSTEM", at)
	}
	return env
}
