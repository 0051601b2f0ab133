package hosts

import (
	"errors"
	"os/exec"
	"strings"
)

// askGit takes the forge, and what the user's configuration puts in its place. The
// remotes of the project are the project's word, and do not count.
func askGit(a *Asker) (r answer, err error) {
	if err := r.besides("github"); err != nil {
		return r, err
	}
	out, err := a.Run("git", "config", "--null", "--get-regexp", `^url\..*\.insteadof$`)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 || errors.Is(err, ErrNotInstalled) {
		return r, nil // there are none
	}
	if err != nil {
		return r, err
	}
	for _, line := range strings.Split(string(out), "\x00") {
		name, replaced, _ := strings.Cut(line, "\n")
		url := strings.TrimSuffix(strings.TrimPrefix(name, "url."), ".insteadof")
		// The value is the beginning of the URLs that it is for; it may end in the middle.
		if replaced != "" && (strings.HasPrefix("https://github.com/", replaced) || strings.HasPrefix(replaced, "https://github.com/")) && strings.HasPrefix(url, "http") {
			a.add(&r, url, "git config: url.*.insteadOf")
		}
	}
	return r, nil
}
