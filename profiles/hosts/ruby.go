package hosts

import "strings"

// askGem takes the sources of gems.
func askGem(a *Asker) (r answer, err error) {
	out, err := a.Run("gem", "sources", "--list")
	if err != nil {
		return r, err
	}
	for _, line := range strings.Split(string(out), "\n") {
		if strings.Contains(line, "://") {
			a.add(&r, line, "gem sources --list")
		}
	}
	return r, r.besideTold()
}

// askBundler takes what is in the place of the sources that a Gemfile names.
func askBundler(a *Asker) (r answer, err error) {
	out, err := a.Run("bundle", "config", "list", "--parseable")
	if err != nil {
		return r, err
	}
	for _, line := range strings.Split(string(out), "\n") {
		// mirror.https://rubygems.example/=URL; the first = may be one of the name.
		name, url, ok := cutLast(line, "=")
		if ok && strings.HasPrefix(name, "mirror.") && strings.Contains(url, "://") {
			a.add(&r, url, "bundle config list: a mirror")
		}
	}
	return r, nil
}
