package hosts

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// askGit takes the forge, and what the user's configuration puts in its place. The
// remotes of the project are the project's word, and do not count.
func askGit(a *Asker) (r answer, err error) {
	if err := r.besides("github"); err != nil {
		return r, err
	}
	out, err := a.Run("git", "config", "--null", "--show-origin", "--get-regexp", `^url\..*\.insteadof$`)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 || errors.Is(err, ErrNotInstalled) {
		return r, nil // there are none
	}
	if err != nil {
		return r, err
	}
	parts := strings.Split(string(out), "\x00") // origin and setting, by turns
	for i := 1; i < len(parts); i += 2 {
		if file, ok := strings.CutPrefix(parts[i-1], "file:"); ok && a.Leads != nil && a.Leads(file) {
			return r, fmt.Errorf("git config: %s, which is included, is what a sandbox can write", file)
		}
		line := parts[i]
		name, replaced, _ := strings.Cut(line, "\n")
		url := strings.TrimSuffix(strings.TrimPrefix(name, "url."), ".insteadof")
		// The value is the beginning of the URLs that it is for; it may end in the middle.
		if replaced != "" && (strings.HasPrefix("https://github.com/", replaced) || strings.HasPrefix(replaced, "https://github.com/")) && strings.HasPrefix(url, "http") {
			a.add(&r, url, "git config: url.*.insteadOf")
		}
	}
	return r, nil
}
